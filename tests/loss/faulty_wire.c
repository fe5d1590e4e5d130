/* faulty_wire: forwards frames between two interfaces, each direction through a queue, a rate, losses, a
 * delay and reordering, from a seed. Prints counters as JSON when it ends.
 *
 * A frame passes these stages, in this order:
 *   1. the bottleneck: a FIFO queue of --queue bytes drained at --rate; a frame that finds it full is
 * dropped;
 *   2. loss on the link: --loss of the packets, in bursts of --burst packets on average (Gilbert-Elliott: the
 * bad state loses every packet); they use the link's time nevertheless;
 *   3. --delay; and --reorder of the packets take --reorder-by longer, so that later ones overtake them.
 * ARP and neighbour discovery are never lost, nor are the first --spare packets of a direction: a lost SYN
 * costs a second, which says nothing about a bulk transfer.
 *
 * Time: a frame's arrival is the kernel's receive time stamp, so the queue is computed exactly however late
 * this program runs. It can only send late; it counts how late, and what its sockets dropped, so that a
 * disturbed run is recognised.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { kSlots = 32768, kFrame = 2048, kBatch = 64, kLateBuckets = 20 };
static const int64_t kSecond = 1000000000;

/* What a direction does to its packets. Times in nanoseconds. */
struct faults {
    double rate;  /* bit/s of frames (from the Ethernet header on); 0: no limit and no queue */
    double queue; /* bytes that wait for the rate */
    int64_t delay;
    double loss;  /* share of the packets */
    double burst; /* mean length of a run of lost packets; 1: independent losses */
    double reorder;
    int64_t reorder_by;
    unsigned long spare;
};

/* A frame that waits for its time. */
struct due {
    int64_t at;
    uint64_t order; /* of arrival: frames of one time leave in this order */
    uint32_t slot;
    uint16_t length;
    uint16_t text; /* bytes of TCP payload */
};

struct counters {
    unsigned long packets, bytes, lost, queue_full, reordered, sent, send_failed, too_long, no_slot,
        socket_drops;
    unsigned long text_packets, text_bytes, retransmitted_packets, retransmitted_bytes, syns;
    double queue_most;
    unsigned long late[kLateBuckets]; /* [i]: sent 2^i us late or less, more than 2^(i-1) */
    int64_t late_most;
    int64_t first_packet, last_text; /* arrival of the first IP packet; departure of the last one with text */
};

struct direction {
    const char* name;
    int from, to; /* sockets */
    struct faults faults;
    uint64_t random;
    bool is_bad;        /* state of Gilbert-Elliott */
    int64_t link_free;  /* when the bottleneck has sent all that it holds */
    unsigned long seen; /* IP packets */
    bool has_flow;
    uint32_t next; /* highest end of text of the last connection opened */
    struct due* heap;
    size_t count;
    struct counters n;
};

static uint8_t (*frames)[kFrame];
static uint32_t* free_slots;
static size_t free_count;
static uint64_t arrivals;
static volatile sig_atomic_t stopped;

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

static void fail(const char* what) {
    perror(what);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * kSecond + t.tv_nsec;
}

/* Uniform in [0, 1): splitmix64. */
static double draw(uint64_t* state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* -- the frames in flight: a binary heap by time */

static bool is_before(const struct due* a, const struct due* b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct direction* d, struct due one) {
    size_t i = d->count++;
    for (; i > 0 && is_before(&one, &d->heap[(i - 1) / 2]); i = (i - 1) / 2)
        d->heap[i] = d->heap[(i - 1) / 2];
    d->heap[i] = one;
}

static struct due pop(struct direction* d) {
    struct due top = d->heap[0], last = d->heap[--d->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= d->count) break;
        if (child + 1 < d->count && is_before(&d->heap[child + 1], &d->heap[child])) child++;
        if (!is_before(&d->heap[child], &last)) break;
        d->heap[i] = d->heap[child];
        i = child;
    }
    d->heap[i] = last;
    return top;
}

/* -- one packet's fate */

static uint16_t read16(const uint8_t* p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}
static uint32_t read32(const uint8_t* p) {
    return (uint32_t)read16(p) << 16 | read16(p + 2);
}

/* The TCP header of a frame, or NULL. end: where the IP packet ends. */
static const uint8_t* tcp_of(const uint8_t* f, size_t length, const uint8_t** end) {
    const uint8_t *ip = f + 14, *tcp;
    if (length >= 34 && read16(f + 12) == ETHERTYPE_IP && ip[9] == 6 && (read16(ip + 6) & 0x3fff) == 0) {
        tcp = ip + (ip[0] & 15) * 4;
        *end = ip + read16(ip + 2);
    } else if (length >= 54 && read16(f + 12) == ETHERTYPE_IPV6 && ip[6] == 6) {
        tcp = ip + 40;
        *end = tcp + read16(ip + 4);
    } else {
        return NULL;
    }
    return *end <= f + length && tcp + 20 <= *end ? tcp : NULL;
}

/* Counts text, and text that was sent before: by the highest sequence number so far. Returns the bytes of
 * text. */
static uint16_t count_text(struct direction* d, const uint8_t* frame, size_t length) {
    const uint8_t *end, *tcp = tcp_of(frame, length, &end);
    if (!tcp) return 0;
    const uint8_t* text = tcp + (tcp[12] >> 4) * 4;
    uint32_t bytes = text < end ? (uint32_t)(end - text) : 0, seq = read32(tcp + 4);
    if (tcp[13] & 2) {
        d->n.syns++;
        d->has_flow = true;
        d->next = seq + 1;
        return 0;
    }
    if (bytes == 0 || !d->has_flow) return (uint16_t)bytes;
    int32_t ahead = (int32_t)(seq + bytes - d->next);
    uint32_t again = ahead >= (int32_t)bytes ? 0 : ahead <= 0 ? bytes : bytes - (uint32_t)ahead;
    d->n.text_packets++;
    d->n.text_bytes += bytes;
    d->n.retransmitted_packets += again > 0;
    d->n.retransmitted_bytes += again;
    if (ahead > 0) d->next = seq + bytes;
    return (uint16_t)bytes;
}

/* Whether the link loses this packet. The chain takes a step for each packet that may be lost. */
static bool is_lost(struct direction* d) {
    const struct faults* f = &d->faults;
    if (f->loss <= 0) return false;
    if (f->burst <= 1) return draw(&d->random) < f->loss;
    double leave = 1 / f->burst, enter = f->loss * leave / (1 - f->loss);
    d->is_bad = d->is_bad ? draw(&d->random) >= leave : draw(&d->random) < enter;
    return d->is_bad;
}

static bool is_spared(struct direction* d, const uint8_t* frame) {
    uint16_t type = read16(frame + 12);
    if (type != ETHERTYPE_IP && type != ETHERTYPE_IPV6) return true;
    if (type == ETHERTYPE_IPV6 && frame[20] == 58) return true;
    return d->seen++ < d->faults.spare;
}

/* A frame arrived at time `at`. Returns whether its slot is taken. */
static bool arrive(struct direction* d, uint32_t slot, size_t length, int64_t at) {
    const struct faults* f = &d->faults;
    const uint8_t* frame = frames[slot];
    d->n.packets++;
    d->n.bytes += length;
    bool spared = is_spared(d, frame);
    if (!d->n.first_packet && d->seen) d->n.first_packet = at;
    uint16_t text = count_text(d, frame, length);
    if (f->rate > 0) {
        double waiting = d->link_free > at ? (double)(d->link_free - at) * f->rate / 8e9 : 0;
        if (waiting + (double)length > f->queue && waiting > 0) {
            d->n.queue_full++;
            return false;
        }
        if (waiting + (double)length > d->n.queue_most) d->n.queue_most = waiting + (double)length;
        int64_t begin = d->link_free > at ? d->link_free : at;
        at = d->link_free = begin + (int64_t)((double)length * 8e9 / f->rate);
    }
    if (!spared && is_lost(d)) {
        d->n.lost++;
        return false;
    }
    at += f->delay;
    if (!spared && f->reorder > 0 && draw(&d->random) < f->reorder) {
        at += f->reorder_by;
        d->n.reordered++;
    }
    push(d,
         (struct due){.at = at, .order = arrivals++, .slot = slot, .length = (uint16_t)length, .text = text});
    return true;
}

/* -- sockets */

static int open_socket(const char* interface) {
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, room = 64 << 20;
    if (fd < 0) fail("socket");
    address.sll_ifindex = (int)if_nametoindex(interface);
    if (!address.sll_ifindex) fail(interface);
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0)
        fail("PACKET_IGNORE_OUTGOING");
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) != 0) fail("SO_TIMESTAMPNS");
    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0) fail("bind");
    return fd;
}

static int64_t arrival_of(struct msghdr* message) {
    for (struct cmsghdr* c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            return t.tv_sec * kSecond + t.tv_nsec;
        }
    }
    return now_ns();
}

/* Reads one batch. Returns whether there may be more. */
static bool receive(struct direction* d) {
    static struct mmsghdr messages[kBatch];
    static struct iovec parts[kBatch];
    static char control[kBatch][CMSG_SPACE(sizeof(struct timespec)) + 32];
    unsigned want = free_count < kBatch ? (unsigned)free_count : kBatch;
    if (want == 0) {
        char scrap[1];
        while (recv(d->from, scrap, 1, MSG_DONTWAIT) >= 0) d->n.no_slot++;
        return false;
    }
    for (unsigned i = 0; i < want; i++) {
        parts[i] = (struct iovec){frames[free_slots[free_count - 1 - i]], kFrame};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i],
                                                   .msg_iovlen = 1,
                                                   .msg_control = control[i],
                                                   .msg_controllen = sizeof control[i]}};
    }
    int got = recvmmsg(d->from, messages, want, MSG_DONTWAIT, NULL);
    if (got <= 0) return false;
    uint32_t taken[kBatch];
    memcpy(taken, &free_slots[free_count - (size_t)got], (size_t)got * sizeof *taken);
    free_count -= (size_t)got;
    for (int i = 0; i < got; i++) {
        uint32_t slot = taken[got - 1 - i];
        bool too_long = messages[i].msg_hdr.msg_flags & MSG_TRUNC;
        d->n.too_long += too_long;
        if (too_long || messages[i].msg_len < 34 ||
            !arrive(d, slot, messages[i].msg_len, arrival_of(&messages[i].msg_hdr)))
            free_slots[free_count++] = slot;
    }
    return got == (int)want;
}

static void note_sent(struct direction* d, const struct due* one, int64_t now) {
    int64_t late = now - one->at;
    int bucket = 0;
    while (bucket < kLateBuckets - 1 && late > 1000LL << bucket) bucket++;
    d->n.late[bucket]++;
    if (late > d->n.late_most) d->n.late_most = late;
    d->n.sent++;
    if (one->text) d->n.last_text = now;
}

/* Sends what is due, a batch at most. Returns whether more is due. */
static bool send_due(struct direction* d, int64_t now) {
    static struct mmsghdr messages[kBatch];
    static struct iovec parts[kBatch];
    struct due batch[kBatch];
    unsigned count = 0;
    while (count < kBatch && d->count > 0 && d->heap[0].at <= now) {
        batch[count] = pop(d);
        parts[count] = (struct iovec){frames[batch[count].slot], batch[count].length};
        messages[count] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[count], .msg_iovlen = 1}};
        count++;
    }
    for (unsigned done = 0; done < count;) {
        int sent = sendmmsg(d->to, messages + done, count - done, 0);
        if (sent > 0) {
            for (int i = 0; i < sent; i++) note_sent(d, &batch[done + (unsigned)i], now);
            done += (unsigned)sent;
        } else { /* this frame only: the socket's room, or a peer that is down */
            d->n.send_failed++;
            done++;
        }
    }
    for (unsigned i = 0; i < count; i++) free_slots[free_count++] = batch[i].slot;
    return d->count > 0 && d->heap[0].at <= now;
}

static void forward(struct direction* d, int64_t end) {
    struct pollfd ready[2] = {{.fd = d[0].from, .events = POLLIN}, {.fd = d[1].from, .events = POLLIN}};
    while (!stopped) {
        int64_t now = now_ns(), next = end;
        if (now >= end) return;
        for (int i = 0; i < 2; i++)
            if (d[i].count > 0 && d[i].heap[0].at < next) next = d[i].heap[0].at;
        if (next > now) {
            struct timespec wait = {(next - now) / kSecond, (next - now) % kSecond};
            if (ppoll(ready, 2, &wait, NULL) < 0 && errno != EINTR) fail("ppoll");
        }
        for (int i = 0; i < 2; i++) {
            receive(&d[i]);
            send_due(&d[i], now_ns());
        }
    }
}

/* -- options and the report */

static void report(const struct direction* d, bool is_last) {
    const struct counters* n = &d->n;
    printf(
        "\"%s\": {\"packets\": %lu, \"bytes\": %lu, \"lost\": %lu, \"queue_full\": %lu, \"queue_most\": "
        "%.0f, \"reordered\": %lu, "
        "\"sent\": %lu, \"held\": %zu, ",
        d->name, n->packets, n->bytes, n->lost, n->queue_full, n->queue_most, n->reordered, n->sent,
        d->count);
    printf("\"send_failed\": %lu, \"too_long\": %lu, \"no_slot\": %lu, \"socket_drops\": %lu, ",
           n->send_failed, n->too_long, n->no_slot, n->socket_drops);
    printf(
        "\"syns\": %lu, \"text_packets\": %lu, \"text_bytes\": %lu, \"retransmitted_packets\": %lu, "
        "\"retransmitted_bytes\": %lu, \"first_packet_s\": %.6f, \"last_text_s\": %.6f, ",
        n->syns, n->text_packets, n->text_bytes, n->retransmitted_packets, n->retransmitted_bytes,
        (double)n->first_packet * 1e-9, (double)n->last_text * 1e-9);
    printf("\"late_most_us\": %.0f, \"late_us\": {", (double)n->late_most * 1e-3);
    for (int i = 0, some = 0; i < kLateBuckets; i++)
        if (n->late[i]) printf("%s\"%lu\": %lu", some++ ? ", " : "", 1UL << i, n->late[i]);
    printf("}}%s", is_last ? "}\n" : ", ");
}

static _Noreturn void usage(void) {
    fputs(
        "usage: faulty_wire --a INTERFACE --b INTERFACE --seconds N [--seed N] [FAULTS] [--ab FAULTS] [--ba "
        "FAULTS]\n"
        "FAULTS: --rate BIT/S --queue BYTES --delay US --loss SHARE --burst PACKETS --reorder SHARE "
        "--reorder-by US\n"
        "        --spare PACKETS; before --ab and --ba they hold for both directions\n",
        stderr);
    exit(2);
}

static void set_fault(struct faults* f, int option, const char* text) {
    char* end;
    double value = strtod(text, &end);
    if (*end || end == text || !(value >= 0)) {
        fprintf(stderr, "faulty_wire: \"%s\" is not a number of 0 or more\n", text);
        exit(2);
    }
    switch (option) {
        case 'r': f->rate = value; break;
        case 'q': f->queue = value; break;
        case 'd': f->delay = (int64_t)(value * 1000); break;
        case 'l': f->loss = value < 1 ? value : 1; break;
        case 'u': f->burst = value; break;
        case 'o': f->reorder = value; break;
        case 'y': f->reorder_by = (int64_t)(value * 1000); break;
        case 'p': f->spare = (unsigned long)value; break;
        default: usage();
    }
}

struct task {
    const char* interfaces[2];
    double seconds;
    uint64_t seed;
};

static struct task read_options(int argc, char** argv, struct direction d[2]) {
    static const struct option options[] = {
        {"a", 1, 0, 'a'},          {"b", 1, 0, 'b'},     {"seconds", 1, 0, 's'},
        {"seed", 1, 0, 'e'},       {"ab", 0, 0, '1'},    {"ba", 0, 0, '2'},
        {"rate", 1, 0, 'r'},       {"queue", 1, 0, 'q'}, {"delay", 1, 0, 'd'},
        {"loss", 1, 0, 'l'},       {"burst", 1, 0, 'u'}, {"reorder", 1, 0, 'o'},
        {"reorder-by", 1, 0, 'y'}, {"spare", 1, 0, 'p'}, {0, 0, 0, 0}};
    struct task task = {.seed = 1};
    int which = 3; /* the directions that faults are for */
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
            case 'a': task.interfaces[0] = optarg; break;
            case 'b': task.interfaces[1] = optarg; break;
            case 's': task.seconds = strtod(optarg, NULL); break;
            case 'e': task.seed = strtoull(optarg, NULL, 0); break;
            case '1':
            case '2': which = option - '0'; break;
            case '?': usage();
            default:
                for (int i = 0; i < 2; i++)
                    if (which >> i & 1) set_fault(&d[i].faults, option, optarg);
        }
    }
    if (!task.interfaces[0] || !task.interfaces[1] || !(task.seconds > 0) || optind != argc) usage();
    return task;
}

static void open_wire(const struct task* task, struct direction d[2]) {
    int fds[2] = {open_socket(task->interfaces[0]), open_socket(task->interfaces[1])};
    frames = mmap(NULL, (size_t)kSlots * kFrame, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    free_slots = malloc(kSlots * sizeof *free_slots);
    if (frames == MAP_FAILED || !free_slots) fail("memory");
    for (uint32_t i = 0; i < kSlots; i++) free_slots[free_count++] = kSlots - 1 - i;
    for (int i = 0; i < 2; i++) {
        d[i].from = fds[i];
        d[i].to = fds[1 - i];
        d[i].random = task->seed; /* the same losses whichever way the data flows */
        d[i].heap = malloc(kSlots * sizeof *d[i].heap);
        if (!d[i].heap) fail("memory");
    }
}

int main(int argc, char** argv) {
    struct direction d[2] = {{.name = "ab"}, {.name = "ba"}};
    const struct task task = read_options(argc, argv, d);
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
    struct sched_param first = {.sched_priority = 1};
    bool is_first = sched_setscheduler(0, SCHED_FIFO, &first) == 0;

    open_wire(&task, d);
    puts("forwarding");
    fflush(stdout);
    int64_t begin = now_ns();
    forward(d, begin + (int64_t)(task.seconds * 1e9));
    for (int i = 0; i < 2; i++) {
        struct tpacket_stats stats = {0};
        socklen_t size = sizeof stats;
        if (getsockopt(d[i].from, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
            d[i].n.socket_drops = stats.tp_drops;
    }
    printf("{\"seconds\": %.3f, \"ended_by_signal\": %s, \"real_time\": %s, ",
           (double)(now_ns() - begin) * 1e-9, stopped ? "true" : "false", is_first ? "true" : "false");
    report(&d[0], false);
    report(&d[1], true);
    return 0;
}
