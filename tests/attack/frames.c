#include "frames.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void put16(uint8_t *at, uint16_t value) {
    at[0] = value >> 8;
    at[1] = value & 255;
}
void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value & 65535);
}
uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }

uint64_t sum_of(const uint8_t *bytes, size_t size, uint64_t sum) {
    size_t i = 0;
    for (; i + 1 < size; i += 2) sum += get16(bytes + i);
    if (i < size) sum += (uint64_t)bytes[i] << 8;
    return sum;
}
uint16_t folded(uint64_t sum) {
    while (sum >> 16) sum = (sum & 65535) + (sum >> 16);
    return (uint16_t)~sum;
}

static size_t address_size(const struct ends *ends) { return ends->is_v6 ? 16 : 4; }

static uint64_t pseudo_sum(const struct ends *ends, uint8_t protocol, size_t size) {
    uint64_t sum = sum_of(ends->from, address_size(ends), 0);
    return sum_of(ends->to, address_size(ends), sum) + protocol + size;
}

static size_t header_size(const struct ends *ends, int fragment) { return ends->is_v6 ? 40 + (fragment >= 0 ? 8 : 0) : 20; }

/* Writes the headers in front of a payload that already lies behind them. */
static size_t finish(uint8_t *out, const struct ends *ends, uint8_t protocol, uint8_t hop_limit, int fragment, size_t size) {
    memcpy(out, ends->to_mac, 6);
    memcpy(out + 6, ends->from_mac, 6);
    uint8_t *ip = out + 14;
    size_t header = header_size(ends, fragment);
    if (ends->is_v6) {
        put16(out + 12, 0x86dd);
        put32(ip, 6u << 28);
        put16(ip + 4, (uint16_t)(size + header - 40));
        ip[6] = fragment >= 0 ? 44 : protocol;
        ip[7] = hop_limit;
        memcpy(ip + 8, ends->from, 16);
        memcpy(ip + 24, ends->to, 16);
        if (fragment >= 0) {
            ip[40] = protocol;
            ip[41] = 0;
            put16(ip + 42, (uint16_t)(fragment | 1));
            put32(ip + 44, get32(ends->from + 12));
        }
    } else {
        put16(out + 12, 0x0800);
        put16(ip, 0x4500);
        put16(ip + 2, (uint16_t)(size + 20));
        put16(ip + 4, 1);
        put16(ip + 6, fragment >= 0 ? (uint16_t)(0x2000 | fragment / 8) : 0x4000);
        ip[8] = hop_limit;
        ip[9] = protocol;
        put16(ip + 10, 0);
        memcpy(ip + 12, ends->from, 4);
        memcpy(ip + 16, ends->to, 4);
        put16(ip + 10, folded(sum_of(ip, 20, 0)));
    }
    size_t whole = 14 + header + size;
    if (whole < 60) memset(out + whole, 0, 60 - whole);
    return whole < 60 ? 60 : whole;
}

size_t tcp_frame(uint8_t *out, const struct ends *ends, const struct tcp *tcp) {
    uint8_t *at = out + 14 + header_size(ends, -1);
    size_t head = 20 + tcp->options_size, size = head + tcp->text_size;
    put16(at, tcp->from_port);
    put16(at + 2, tcp->to_port);
    put32(at + 4, tcp->seq);
    put32(at + 8, tcp->ack);
    at[12] = (uint8_t)(head / 4 << 4);
    at[13] = tcp->flags;
    put16(at + 14, tcp->window);
    put32(at + 16, 0);
    if (tcp->options_size) memcpy(at + 20, tcp->options, tcp->options_size);
    if (tcp->text_size) memcpy(at + head, tcp->text, tcp->text_size);
    put16(at + 16, folded(sum_of(at, size, pseudo_sum(ends, 6, size))));
    return finish(out, ends, 6, 64, -1, size);
}

size_t icmp_frame(uint8_t *out, const struct ends *ends, uint8_t type, uint8_t code, uint32_t rest, const uint8_t *body, size_t size) {
    uint8_t *at = out + 14 + header_size(ends, -1);
    uint8_t protocol = ends->is_v6 ? 58 : 1;
    at[0] = type;
    at[1] = code;
    put16(at + 2, 0);
    put32(at + 4, rest);
    if (size) memcpy(at + 8, body, size);
    put16(at + 2, folded(sum_of(at, 8 + size, ends->is_v6 ? pseudo_sum(ends, protocol, 8 + size) : 0)));
    return finish(out, ends, protocol, 255, -1, 8 + size);
}

size_t ip_frame(uint8_t *out, const struct ends *ends, uint8_t protocol, uint8_t hop_limit, int fragment, const uint8_t *payload,
                size_t size) {
    memcpy(out + 14 + header_size(ends, fragment), payload, size);
    return finish(out, ends, protocol, hop_limit, fragment, size);
}

size_t arp_frame(uint8_t *out, const struct ends *ends, uint16_t operation, const uint8_t *mac) {
    static const uint8_t head[8] = {0x08, 0x06, 0, 1, 8, 0, 6, 4};
    memset(out, 0, 60);
    memcpy(out, ends->to_mac, 6);
    memcpy(out + 6, ends->from_mac, 6);
    memcpy(out + 12, head, 8);
    put16(out + 20, operation);
    memcpy(out + 22, mac, 6);
    memcpy(out + 28, ends->from, 4);
    memcpy(out + 32, ends->to_mac, 6);
    memcpy(out + 38, ends->to, 4);
    return 60;
}

int read_mac(const char *text, uint8_t *mac) {
    unsigned byte[6];
    if (sscanf(text, "%x:%x:%x:%x:%x:%x", byte, byte + 1, byte + 2, byte + 3, byte + 4, byte + 5) != 6) return -1;
    for (int i = 0; i < 6; ++i) mac[i] = (uint8_t)byte[i];
    return 0;
}

int read_address(const char *text, uint8_t *address, int *is_v6) {
    *is_v6 = strchr(text, ':') != NULL;
    return inet_pton(*is_v6 ? AF_INET6 : AF_INET, text, address) == 1 ? 0 : -1;
}

uint64_t random64(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Dull;
}
