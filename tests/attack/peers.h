/* Connections of an attacker that has an address and a MAC address of its own, and no TCP: it answers questions for its MAC address, opens
   connections by hand, and leaves everything else to a plan (plans.c). */
#ifndef SYNFIN_ATTACK_PEERS_H
#define SYNFIN_ATTACK_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "cable.h"

enum { FIRST_PORT = 1024, MOST_PEERS = 65536 - FIRST_PORT };

struct attacker;

struct peer {
    enum { CLOSED, SYN_SENT, OPEN } state;
    uint16_t port, server_port;
    uint32_t snd, una; /* next sequence number to send; what the server has acknowledged */
    uint32_t rcv;      /* the end of what has come in order */
    uint32_t acked;    /* for plans that acknowledge something else */
    uint32_t step;     /* for plans: starts at 0 */
    double since;      /* when this state, or the last step, began */
};

struct seen {
    uint32_t seq, ack;
    uint16_t window;
    uint8_t flags;
    uint32_t text_size;
};

/* What an attacker does with its connections. Each function may be NULL. */
struct plan {
    const char *name;
    uint16_t mss, window;                                       /* of the SYN */
    void (*opened)(struct attacker *, struct peer *);           /* in place of the handshake's ACK */
    void (*arrived)(struct attacker *, struct peer *, const struct seen *);
    void (*tick)(struct attacker *, struct peer *, double now); /* as often as there is time */
};

struct attacker {
    struct cable cable;
    struct ends ends; /* to the server */
    const struct plan *plan;
    struct peer *peers; /* by port - FIRST_PORT */
    uint32_t count;     /* connections to hold */
    uint16_t port_low, port_high;
    uint64_t random, opened, ended, heard, text_heard;
};

/* Sends a segment of a connection; sequence and acknowledgment numbers as they are in `peer`, unless given by the longer form. */
void send_segment(struct attacker *attacker, const struct peer *peer, uint8_t flags, uint16_t window, const void *text, size_t size);
void send_at(struct attacker *attacker, const struct peer *peer, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t window,
             const void *text, size_t size, const uint8_t *options, size_t options_size);
/* Sends RST and forgets the connection; its port is used again at the next tick. */
void drop_connection(struct attacker *attacker, struct peer *peer);

const struct plan *plan_of(const char *name);

#endif
