/* hold: an attacker that opens and holds connections, and then does what a plan says.

     hold PLAN --interface IF --from ADDR --to ADDR --to-mac MAC --seconds S [--connections N] [--packets N] [--rate N] [--port A[-B]]

   It refuses any interface but a veth of a test's namespace (cable.h). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"

static const uint8_t kMac[6] = {0x02, 0, 0, 0, 0x66, 2};
enum { IN = 64 };

void send_at(struct attacker *attacker, const struct peer *peer, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t window,
             const void *text, size_t size, const uint8_t *options, size_t options_size) {
    struct tcp tcp = {.from_port = peer->port,
                      .to_port = peer->server_port,
                      .seq = seq,
                      .ack = ack,
                      .flags = flags,
                      .window = window,
                      .options = options,
                      .options_size = options_size,
                      .text = text,
                      .text_size = size};
    take(&attacker->cable, tcp_frame(next_frame(&attacker->cable), &attacker->ends, &tcp));
}

void send_segment(struct attacker *attacker, const struct peer *peer, uint8_t flags, uint16_t window, const void *text, size_t size) {
    send_at(attacker, peer, flags, peer->snd, peer->rcv, window, text, size, NULL, 0);
}

void drop_connection(struct attacker *attacker, struct peer *peer) {
    send_segment(attacker, peer, RST | ACK, 0, NULL, 0);
    peer->state = CLOSED;
    ++attacker->ended;
}

static void open_connection(struct attacker *attacker, struct peer *peer, double now) {
    uint8_t options[8] = {2, 4, 0, 0, 1, 1, 4, 2};
    put16(options + 2, attacker->plan->mss);
    uint64_t r = random64(&attacker->random);
    peer->snd = peer->una = (uint32_t)r;
    peer->server_port = (uint16_t)(attacker->port_low + (r >> 32) % (unsigned)(attacker->port_high - attacker->port_low + 1));
    send_at(attacker, peer, SYN, peer->snd++, 0, attacker->plan->window, NULL, 0, options, sizeof options);
    peer->state = SYN_SENT;
    peer->since = now;
    peer->step = 0;
}

/* Answers "who has our address?". */
static void answer_arp(struct attacker *attacker, const uint8_t *frame) {
    if (get16(frame + 20) != 1 || memcmp(frame + 38, attacker->ends.from, 4) != 0) return;
    take(&attacker->cable, arp_frame(next_frame(&attacker->cable), &attacker->ends, 2, kMac));
}
static void answer_solicitation(struct attacker *attacker, const uint8_t *packet) {
    uint8_t body[24];
    if (packet[6] != 58 || packet[40] != 135 || memcmp(packet + 48, attacker->ends.from, 16) != 0) return;
    memcpy(body, attacker->ends.from, 16);
    body[16] = 2;
    body[17] = 1;
    memcpy(body + 18, kMac, 6);
    take(&attacker->cable, icmp_frame(next_frame(&attacker->cable), &attacker->ends, 136, 0, 0x60000000, body, sizeof body));
}

static void arrive(struct attacker *attacker, const uint8_t *tcp, size_t size) {
    size_t head = (size_t)(tcp[12] >> 4) * 4;
    uint16_t port = get16(tcp + 2);
    if (size < head || port < FIRST_PORT || port - FIRST_PORT >= (int)attacker->count) return;
    struct peer *peer = &attacker->peers[port - FIRST_PORT];
    struct seen seen = {get32(tcp + 4), get32(tcp + 8), get16(tcp + 14), tcp[13], (uint32_t)(size - head)};
    if (peer->state == CLOSED || peer->server_port != get16(tcp)) return;
    ++attacker->heard;
    if (peer->state == SYN_SENT) {
        if ((seen.flags & (SYN | ACK)) != (SYN | ACK) || seen.ack != peer->snd) {
            if (!(seen.flags & RST) && seen.flags & ACK) /* of an earlier connection */
                send_at(attacker, peer, RST, seen.ack, 0, 0, NULL, 0, NULL, 0);
            peer->state = CLOSED;
            return;
        }
        peer->state = OPEN;
        peer->una = seen.ack;
        peer->rcv = seen.seq + 1;
        ++attacker->opened;
        attacker->plan->opened(attacker, peer);
        return;
    }
    if (seen.flags & RST) {
        peer->state = CLOSED;
        ++attacker->ended;
        return;
    }
    if (seen.flags & ACK && (int32_t)(seen.ack - peer->una) > 0) peer->una = seen.ack;
    if (seen.seq == peer->rcv) peer->rcv += seen.text_size + (seen.flags & FIN ? 1 : 0);
    attacker->text_heard += seen.text_size;
    if (attacker->plan->arrived) attacker->plan->arrived(attacker, peer, &seen);
}

/* Takes what has arrived. Returns how many frames. */
static int listen_once(struct attacker *attacker) {
    static uint8_t frames[IN][2048];
    static struct iovec parts[IN];
    static struct mmsghdr in[IN];
    for (int i = 0; i < IN; ++i) {
        parts[i] = (struct iovec){frames[i], sizeof frames[i]};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int n = recvmmsg(attacker->cable.fd, in, IN, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; ++i) {
        const uint8_t *frame = frames[i], *ip = frame + 14;
        size_t size = in[i].msg_len;
        uint16_t kind = get16(frame + 12);
        if (size >= 42 && kind == 0x0806) answer_arp(attacker, frame);
        if (kind == 0x0800 && !attacker->ends.is_v6 && size >= 54 && ip[9] == 6 && get16(ip + 2) + 14u <= size)
            arrive(attacker, ip + 20, get16(ip + 2) - 20u);
        if (kind == 0x86dd && attacker->ends.is_v6 && size >= 74) {
            answer_solicitation(attacker, ip);
            if (ip[6] == 6 && get16(ip + 4) + 54u <= size) arrive(attacker, ip + 40, get16(ip + 4));
        }
    }
    return n > 0 ? n : 0;
}

static void tick(struct attacker *attacker, struct peer *peer, double now) {
    if (peer->state == CLOSED || (peer->state == SYN_SENT && now - peer->since > 1))
        open_connection(attacker, peer, now);
    else if (peer->state == OPEN && attacker->plan->tick)
        attacker->plan->tick(attacker, peer, now);
}

static void run(struct attacker *attacker, double rate) {
    for (uint32_t at = 0; !is_over(&attacker->cable);) {
        uint64_t before = attacker->cable.sent;
        int heard = 0, more;
        while ((more = listen_once(attacker)) > 0 && heard < 16 * IN) heard += more;
        double now = now_s();
        for (int i = 0; i < BATCH; ++i) {
            tick(attacker, &attacker->peers[at], now);
            at = at + 1 == attacker->count ? 0 : at + 1;
        }
        flush(&attacker->cable);
        if (heard == 0 && attacker->cable.sent == before) usleep(200);
        pace(&attacker->cable, rate);
    }
}

int main(int argc, char **argv) {
    static struct attacker attacker;
    const char *interface = "";
    double seconds = 0, rate = 0;
    uint64_t packets = MOST_PACKETS;
    int from_is_v6 = 0, wrong = 0, option;
    attacker.count = 1000;
    attacker.port_low = attacker.port_high = 80;
    attacker.random = 88172645463325252ull ^ (uint64_t)getpid() << 32;
    static const struct option options[] = {{"interface", 1, 0, 'i'}, {"from", 1, 0, 'f'},        {"to", 1, 0, 't'},      {"to-mac", 1, 0, 'm'},
                                            {"seconds", 1, 0, 's'},   {"connections", 1, 0, 'c'}, {"packets", 1, 0, 'n'}, {"rate", 1, 0, 'r'},
                                            {"port", 1, 0, 'p'},      {0, 0, 0, 0}};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 'i': interface = optarg; break;
            case 'f': wrong |= read_address(optarg, attacker.ends.from, &from_is_v6); break;
            case 't': wrong |= read_address(optarg, attacker.ends.to, &attacker.ends.is_v6); break;
            case 'm': wrong |= read_mac(optarg, attacker.ends.to_mac); break;
            case 's': seconds = atof(optarg); break;
            case 'c': attacker.count = (uint32_t)atoi(optarg); break;
            case 'n': packets = strtoull(optarg, NULL, 10); break;
            case 'r': rate = atof(optarg); break;
            case 'p':
                if (sscanf(optarg, "%hu-%hu", &attacker.port_low, &attacker.port_high) == 1) attacker.port_high = attacker.port_low;
                break;
            default: wrong = -1;
        }
    }
    attacker.plan = optind < argc ? plan_of(argv[optind]) : NULL;
    if (attacker.plan == NULL || wrong || from_is_v6 != attacker.ends.is_v6 || attacker.count == 0 || attacker.count > MOST_PEERS ||
        attacker.port_high < attacker.port_low) {
        fprintf(stderr, "usage: hold PLAN --interface IF --from ADDR --to ADDR --to-mac MAC --seconds S [--connections N] [--rate N]\n");
        return 2;
    }
    memcpy(attacker.ends.from_mac, kMac, 6);
    attacker.peers = calloc(attacker.count, sizeof *attacker.peers);
    for (uint32_t i = 0; i < attacker.count; ++i) attacker.peers[i].port = (uint16_t)(FIRST_PORT + i);
    open_cable(&attacker.cable, interface, seconds, packets, kMac);
    run(&attacker, rate);
    char more[160];
    snprintf(more, sizeof more, "\"opened\": %llu, \"ended\": %llu, \"heard\": %llu, \"text\": %llu", (unsigned long long)attacker.opened,
             (unsigned long long)attacker.ended, (unsigned long long)attacker.heard, (unsigned long long)attacker.text_heard);
    report(&attacker.cable, more);
    return 0;
}
