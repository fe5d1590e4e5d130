/* flood: packets of one kind at whatever rate the machine can send, from addresses that need not exist.

     flood KIND --interface IF --to ADDR --to-mac MAC --client ADDR --seconds S [--packets N] [--rate N] [--port A[-B]] [--seed N]

   It refuses any interface but a veth of a test's namespace (cable.h). It hears nothing: what needs an answer is in hold.c. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cable.h"

struct flood {
    struct ends ends;
    uint8_t client[16];
    uint16_t port_low, port_high;
    uint64_t random;
};

typedef size_t (*Make)(struct flood *flood, uint8_t *out);

static const uint8_t kMac[6] = {0x02, 0, 0, 0, 0x66, 1};

static uint64_t any(struct flood *flood) { return random64(&flood->random); }

static uint16_t server_port(struct flood *flood) {
    return (uint16_t)(flood->port_low + any(flood) % (unsigned)(flood->port_high - flood->port_low + 1));
}

/* A source that only the gateway reaches: 198.18.0.0/15, 2001:db8:f00::/48. */
static void from_off_link(struct flood *flood) {
    uint8_t *from = flood->ends.from;
    uint64_t r = any(flood);
    if (flood->ends.is_v6) {
        static const uint8_t network[6] = {0x20, 0x01, 0x0d, 0xb8, 0x0f, 0x00};
        memcpy(from, network, 6);
        memcpy(from + 8, &r, 8);
    } else {
        put32(from, 198u << 24 | 18u << 16 | (uint32_t)(r & 0x1ffff));
    }
}
/* A source in the server's own network: the upper half of its /16, or any host of its /64. */
static void from_on_link(struct flood *flood) {
    uint8_t *from = flood->ends.from;
    uint64_t r = any(flood);
    memcpy(from, flood->ends.to, 16);
    if (flood->ends.is_v6)
        memcpy(from + 8, &r, 8);
    else
        put16(from + 2, (uint16_t)(0x8000 | r));
}
/* The address of a client that has connections at this moment. */
static void from_client(struct flood *flood) { memcpy(flood->ends.from, flood->client, 16); }

static size_t segment(struct flood *flood, uint8_t *out, uint8_t flags, const uint8_t *options, size_t options_size, size_t text_size) {
    static const uint8_t text[1460] = "GET / HTTP/1.1\r\nHost: s\r\n\r\n";
    uint64_t r = any(flood), s = any(flood);
    struct tcp tcp = {.from_port = (uint16_t)(32768 + (r & 0xffff) % 28232), /* Linux's range: some belong to live connections */
                      .to_port = server_port(flood),
                      .seq = (uint32_t)(r >> 32),
                      .ack = flags & ACK ? (uint32_t)s : 0,
                      .flags = flags,
                      .window = 65535,
                      .options = options,
                      .options_size = options_size,
                      .text = text,
                      .text_size = text_size};
    return tcp_frame(out, &flood->ends, &tcp);
}

static const uint8_t kSynOptions[8] = {2, 4, 5, 0xb4, 1, 1, 4, 2}; /* MSS 1460, SACK permitted */

static size_t syn(struct flood *flood, uint8_t *out) { return segment(flood, out, SYN, kSynOptions, 8, 0); }
static size_t syn_off_link(struct flood *flood, uint8_t *out) { return from_off_link(flood), syn(flood, out); }
static size_t syn_on_link(struct flood *flood, uint8_t *out) { return from_on_link(flood), syn(flood, out); }
static size_t syn_client(struct flood *flood, uint8_t *out) { return from_client(flood), syn(flood, out); }
static size_t ack(struct flood *flood, uint8_t *out) { return from_client(flood), segment(flood, out, ACK, NULL, 0, 0); }
static size_t rst(struct flood *flood, uint8_t *out) { return from_client(flood), segment(flood, out, RST, NULL, 0, 0); }
static size_t fin(struct flood *flood, uint8_t *out) { return from_client(flood), segment(flood, out, FIN | ACK, NULL, 0, 0); }
static size_t syn_ack(struct flood *flood, uint8_t *out) { return from_client(flood), segment(flood, out, SYN | ACK, kSynOptions, 8, 0); }
static size_t data(struct flood *flood, uint8_t *out) { return from_client(flood), segment(flood, out, ACK | PSH, NULL, 0, flood->ends.is_v6 ? 1440 : 1460); }
static size_t ack_off_link(struct flood *flood, uint8_t *out) { return from_off_link(flood), segment(flood, out, ACK, NULL, 0, 0); }

/* 40 bytes of random options on a SYN or an ACK, every second one well formed but full of repetitions. */
static size_t option_bomb(struct flood *flood, uint8_t *out) {
    uint8_t options[40];
    for (unsigned i = 0; i < 40; i += 8) {
        uint64_t r = any(flood);
        memcpy(options + i, &r, 8);
    }
    if (any(flood) & 1) {
        for (unsigned i = 0; i < 40; i += 4) memcpy(options + i, any(flood) & 1 ? "\2\4\0\1" : "\4\2\3\3", 4);
    }
    from_off_link(flood);
    return segment(flood, out, any(flood) & 1 ? SYN : ACK, options, 40, 0);
}

static size_t land(struct flood *flood, uint8_t *out) {
    memcpy(flood->ends.from, flood->ends.to, 16);
    uint16_t port = server_port(flood);
    struct tcp tcp = {.from_port = port, .to_port = port, .seq = (uint32_t)any(flood), .flags = SYN, .window = 65535};
    return tcp_frame(out, &flood->ends, &tcp);
}

static size_t echo(struct flood *flood, uint8_t *out) {
    static const uint8_t body[56];
    from_off_link(flood);
    return icmp_frame(out, &flood->ends, flood->ends.is_v6 ? 128 : 8, 0, (uint32_t)any(flood), body, sizeof body);
}

/* An ICMP error that quotes a segment of ours to the client, with a random port and sequence number: unreachable, or too big. */
static size_t icmp_error(struct flood *flood, uint8_t *out) {
    uint8_t quoted[MOST_FRAME];
    uint64_t r = any(flood);
    struct ends ours = {.is_v6 = flood->ends.is_v6};
    memcpy(ours.from, flood->ends.to, 16);
    memcpy(ours.to, flood->client, 16);
    struct tcp tcp = {.from_port = server_port(flood),
                      .to_port = (uint16_t)(32768 + (r & 0xffff) % 28232),
                      .seq = (uint32_t)(r >> 32),
                      .flags = ACK};
    tcp_frame(quoted, &ours, &tcp);
    from_off_link(flood);
    const uint8_t *body = quoted + 14;
    if (flood->ends.is_v6) {
        if (r & 0x10000) return icmp_frame(out, &flood->ends, 2, 0, 1280, body, 60);
        return icmp_frame(out, &flood->ends, 1, 4, 0, body, 60);
    }
    if (r & 0x10000) return icmp_frame(out, &flood->ends, 3, 4, 576, body, 40);
    return icmp_frame(out, &flood->ends, 3, 3, 0, body, 40);
}

static size_t fragment(struct flood *flood, uint8_t *out) {
    static const uint8_t payload[1024];
    from_off_link(flood);
    return ip_frame(out, &flood->ends, 6, 64, (int)(any(flood) % 8 * 1024), payload, sizeof payload);
}

/* Random bytes behind the MAC addresses and the EtherType of IP. */
static size_t garbage(struct flood *flood, uint8_t *out) {
    size_t size = 60 + any(flood) % 200;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t r = any(flood);
        memcpy(out + i, &r, 8);
    }
    memcpy(out, flood->ends.to_mac, 6);
    memcpy(out + 6, flood->ends.from_mac, 6);
    put16(out + 12, any(flood) & 1 ? 0x0800 : 0x86dd);
    return size;
}

static void any_mac(struct flood *flood, uint8_t *mac) {
    uint64_t r = any(flood);
    memcpy(mac, &r, 6);
    mac[0] = 2;
}

static size_t arp_request(struct flood *flood, uint8_t *out) {
    uint8_t mac[6];
    any_mac(flood, mac);
    from_on_link(flood);
    return arp_frame(out, &flood->ends, 1, mac);
}
/* A reply that says the client has another MAC address, a new one each time. */
static size_t arp_reply(struct flood *flood, uint8_t *out) {
    uint8_t mac[6];
    any_mac(flood, mac);
    from_client(flood);
    return arp_frame(out, &flood->ends, 2, mac);
}

/* The body behind the first 8 bytes of a solicitation or an advertisement: a target, and a link address option. */
static void discovery_body(struct flood *flood, uint8_t *body, const uint8_t *target, uint8_t option) {
    memcpy(body, target, 16);
    body[16] = option;
    body[17] = 1;
    any_mac(flood, body + 18);
}
static size_t solicitation(struct flood *flood, uint8_t *out) {
    uint8_t body[24];
    from_on_link(flood);
    discovery_body(flood, body, flood->ends.to, 1);
    return icmp_frame(out, &flood->ends, 135, 0, 0, body, sizeof body);
}
static size_t advertisement(struct flood *flood, uint8_t *out) {
    uint8_t body[24];
    from_client(flood);
    discovery_body(flood, body, flood->client, 2);
    return icmp_frame(out, &flood->ends, 136, 0, any(flood) & 1 ? 0x60000000 : 0x20000000, body, sizeof body);
}
/* From a new link-local router each time, with a prefix and an MTU. */
static size_t router(struct flood *flood, uint8_t *out) {
    uint8_t body[8 + 8 + 32] = {0};
    uint64_t r = any(flood);
    memset(flood->ends.from, 0, 16);
    put16(flood->ends.from, 0xfe80);
    memcpy(flood->ends.from + 8, &r, 8);
    body[8] = 5; /* MTU */
    body[9] = 1;
    put32(body + 12, 1280);
    body[16] = 3; /* prefix, on link and autonomous */
    body[17] = 4;
    body[18] = 64;
    body[19] = 0xc0;
    put32(body + 20, 3600);
    put32(body + 24, 3600);
    put32(body + 32, 0x20010db8);
    put32(body + 36, (uint32_t)any(flood));
    return icmp_frame(out, &flood->ends, 134, 0, 64u << 24 | 1800, body, sizeof body);
}

static const struct {
    const char *name;
    Make make;
} kKinds[] = {
    {"syn-off-link", syn_off_link}, {"syn-on-link", syn_on_link},   {"syn-client", syn_client}, {"ack", ack},
    {"ack-off-link", ack_off_link}, {"rst", rst},                   {"fin", fin},               {"syn-ack", syn_ack},
    {"data", data},                 {"option-bomb", option_bomb},   {"land", land},             {"echo", echo},
    {"icmp-error", icmp_error},     {"fragment", fragment},         {"garbage", garbage},       {"arp-request", arp_request},
    {"arp-reply", arp_reply},       {"solicitation", solicitation}, {"router", router},         {"advertisement", advertisement},
};

static Make make_of(const char *name) {
    for (size_t i = 0; i < sizeof kKinds / sizeof *kKinds; ++i)
        if (strcmp(kKinds[i].name, name) == 0) return kKinds[i].make;
    return NULL;
}

int main(int argc, char **argv) {
    static struct cable cable;
    struct flood flood = {.port_low = 80, .port_high = 80, .random = 88172645463325252ull};
    const char *interface = "";
    double seconds = 0, rate = 0;
    uint64_t packets = MOST_PACKETS;
    int client_is_v6 = 0, wrong = 0, option;
    static const struct option options[] = {{"interface", 1, 0, 'i'}, {"to", 1, 0, 't'},      {"to-mac", 1, 0, 'm'}, {"client", 1, 0, 'c'},
                                            {"seconds", 1, 0, 's'},   {"packets", 1, 0, 'n'}, {"rate", 1, 0, 'r'},   {"port", 1, 0, 'p'},
                                            {"seed", 1, 0, 'x'},      {0, 0, 0, 0}};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 'i': interface = optarg; break;
            case 't': wrong |= read_address(optarg, flood.ends.to, &flood.ends.is_v6); break;
            case 'm': wrong |= read_mac(optarg, flood.ends.to_mac); break;
            case 'c': wrong |= read_address(optarg, flood.client, &client_is_v6); break;
            case 's': seconds = atof(optarg); break;
            case 'n': packets = strtoull(optarg, NULL, 10); break;
            case 'r': rate = atof(optarg); break;
            case 'p':
                if (sscanf(optarg, "%hu-%hu", &flood.port_low, &flood.port_high) == 1) flood.port_high = flood.port_low;
                break;
            case 'x': flood.random += strtoull(optarg, NULL, 10) * 0x9e3779b97f4a7c15ull; break;
            default: wrong = -1;
        }
    }
    Make make = optind < argc ? make_of(argv[optind]) : NULL;
    if (make == NULL || wrong || client_is_v6 != flood.ends.is_v6 || flood.port_high < flood.port_low) {
        fprintf(stderr, "usage: flood KIND --interface IF --to ADDR --to-mac MAC --client ADDR --seconds S [--packets N] [--rate N]\n");
        return 2;
    }
    memcpy(flood.ends.from_mac, kMac, 6);
    open_cable(&cable, interface, seconds, packets, NULL);
    while (!is_over(&cable)) {
        for (int i = 0; i < BATCH; ++i) take(&cable, make(&flood, next_frame(&cable)));
        pace(&cable, rate);
    }
    report(&cable, "");
    return 0;
}
