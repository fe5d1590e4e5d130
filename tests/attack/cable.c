#include "cable.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t is_asked_to_end;

static void ask_to_end(int signal) {
    (void)signal;
    is_asked_to_end = 1;
}

double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void refuse(const char *interface, const char *why) {
    fprintf(stderr, "attack: %s: %s\n", interface, why);
    exit(2);
}

/* Whether this process is in a network namespace that `ip netns` knows under a name that begins with "sf". */
static bool is_in_namespace_of_a_test(void) {
    struct stat ours, named;
    char path[300];
    bool is_found = false;
    DIR *names = opendir("/run/netns");
    if (names == NULL || stat("/proc/self/ns/net", &ours) != 0) return false;
    for (struct dirent *entry; !is_found && (entry = readdir(names)) != NULL;) {
        if (strncmp(entry->d_name, "sf", 2) != 0) continue;
        snprintf(path, sizeof path, "/run/netns/%s", entry->d_name);
        is_found = stat(path, &named) == 0 && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
    }
    closedir(names);
    return is_found;
}

/* Only a cable that a test made may be flooded. */
static void check(int fd, const char *interface) {
    if (!is_in_namespace_of_a_test()) refuse(interface, "not in a network namespace of a test; start it there with `ip netns exec`");
    if (strncmp(interface, "sf", 2) != 0) refuse(interface, "not an interface of a test: its name does not begin with sf");
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq request = {.ifr_data = (char *)&driver};
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCETHTOOL, &request) != 0 || strcmp(driver.driver, "veth") != 0) refuse(interface, "not a veth");
}

/* Receives only frames to this MAC address, and questions for a neighbour (ARP, and IPv6 to a multicast group). */
static void filter(int fd, const uint8_t *mac) {
    struct sock_filter of_mac[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0806, 6, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x3333, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, get16(mac), 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, get32(mac + 2), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 65535),
    };
    struct sock_fprog program = {sizeof of_mac / sizeof *of_mac, of_mac};
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void open_cable(struct cable *cable, const char *interface, double seconds, uint64_t packets, const uint8_t *mac) {
    if (seconds <= 0 || seconds > MOST_SECONDS || packets == 0 || packets > MOST_PACKETS)
        refuse(interface, "--seconds must be at most 60, --packets at most 100,000,000");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memset(cable, 0, sizeof *cable);
    cable->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    if (cable->fd < 0) refuse(interface, strerror(errno));
    check(cable->fd, interface);
    if (mac != NULL) {
        filter(cable->fd, mac);
        int room = 64 << 20;
        setsockopt(cable->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    }
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = mac != NULL ? htons(ETH_P_ALL) : 0,
                                  .sll_ifindex = (int)if_nametoindex(interface)};
    int yes = 1;
    setsockopt(cable->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
    setsockopt(cable->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
    if (bind(cable->fd, (struct sockaddr *)&address, sizeof address) != 0) refuse(interface, strerror(errno));
    for (unsigned i = 0; i < BATCH; ++i) {
        cable->out_parts[i].iov_base = cable->frames[i];
        cable->out[i].msg_hdr.msg_iov = &cable->out_parts[i];
        cable->out[i].msg_hdr.msg_iovlen = 1;
    }
    struct sigaction action = {.sa_handler = ask_to_end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    alarm((unsigned)seconds + 10);
    cable->most = packets;
    cable->begin = now_s();
    cable->end = cable->begin + seconds;
}

bool is_over(const struct cable *cable) { return is_asked_to_end || cable->sent >= cable->most || now_s() >= cable->end; }

uint8_t *next_frame(struct cable *cable) { return cable->frames[cable->waiting]; }

void take(struct cable *cable, size_t size) {
    cable->out_parts[cable->waiting].iov_len = size;
    if (++cable->waiting == BATCH) flush(cable);
}

void flush(struct cable *cable) {
    unsigned done = 0;
    while (done < cable->waiting) {
        int n = sendmmsg(cable->fd, cable->out + done, cable->waiting - done, 0);
        if (n > 0) {
            done += (unsigned)n;
            cable->sent += (unsigned)n;
        } else { /* the kernel has no room: the frame is lost, as on any wire */
            ++done;
            ++cable->refused;
        }
    }
    cable->waiting = 0;
}

void pace(const struct cable *cable, double rate) {
    if (rate <= 0) return;
    double early = (double)cable->sent / rate - (now_s() - cable->begin);
    if (early > 0.0002) usleep((unsigned)(early * 1e6));
}

void report(const struct cable *cable, const char *more) {
    printf("{\"sent\": %llu, \"refused\": %llu, \"begin\": %.6f, \"end\": %.6f%s%s}\n", (unsigned long long)cable->sent,
           (unsigned long long)cable->refused, cable->begin, now_s(), *more ? ", " : "", more);
}
