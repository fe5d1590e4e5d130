/* Frames of both families, built by hand: Ethernet, IP and TCP or ICMP headers with right checksums, unless a caller spoils them. */
#ifndef SYNFIN_ATTACK_FRAMES_H
#define SYNFIN_ATTACK_FRAMES_H

#include <stddef.h>
#include <stdint.h>

enum { MOST_FRAME = 1514, FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* The addresses of a packet. IPv4 uses the first 4 bytes of from and to. */
struct ends {
    int is_v6;
    uint8_t from_mac[6], to_mac[6], from[16], to[16];
};

struct tcp {
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window;
    const uint8_t *options; /* a multiple of 4 bytes, at most 40 */
    size_t options_size;
    const uint8_t *text;
    size_t text_size;
};

void put16(uint8_t *at, uint16_t value);
void put32(uint8_t *at, uint32_t value);
uint16_t get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);

/* The Internet checksum of the bytes, added to `sum`, not yet folded or inverted. */
uint64_t sum_of(const uint8_t *bytes, size_t size, uint64_t sum);
uint16_t folded(uint64_t sum);

/* Each writes a frame and returns its size, at least 60. */
size_t tcp_frame(uint8_t *out, const struct ends *ends, const struct tcp *tcp);
/* A message of ICMP or ICMPv6: type, code, the 4 bytes behind the checksum, and a body. */
size_t icmp_frame(uint8_t *out, const struct ends *ends, uint8_t type, uint8_t code, uint32_t rest, const uint8_t *body, size_t size);
/* An IP packet of any protocol with this payload. fragment: the offset in bytes (a multiple of 8) of a fragment that is not the last, or
   -1. */
size_t ip_frame(uint8_t *out, const struct ends *ends, uint8_t protocol, uint8_t hop_limit, int fragment, const uint8_t *payload,
                size_t size);
/* An ARP packet from `mac` and the address `from` of `ends`. */
size_t arp_frame(uint8_t *out, const struct ends *ends, uint16_t operation, const uint8_t *mac);

int read_mac(const char *text, uint8_t *mac);
/* Reads an address of either family. Returns -1 for anything else. */
int read_address(const char *text, uint8_t *address, int *is_v6);

/* xorshift64*: fast, repeatable. */
uint64_t random64(uint64_t *state);

#endif
