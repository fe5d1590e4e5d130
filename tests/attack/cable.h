/* The attackers' end of the cable: a raw socket on a veth of a test's namespace, and on nothing else, with batches in both directions, and
   an end that always comes. */
#ifndef SYNFIN_ATTACK_CABLE_H
#define SYNFIN_ATTACK_CABLE_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "frames.h"

enum { BATCH = 64, MOST_SECONDS = 60, MOST_PACKETS = 100000000 };

struct cable {
    int fd;
    unsigned waiting; /* frames of the batch that are not sent yet */
    uint64_t sent, refused, most;
    double begin, end; /* CLOCK_MONOTONIC */
    struct mmsghdr out[BATCH];
    struct iovec out_parts[BATCH];
    uint8_t frames[BATCH][MOST_FRAME];
};

double now_s(void);

/* Opens the interface. Ends the program with status 2 unless it is a veth whose name begins with "sf", in a network namespace that has
   such a name, too. `mac`: frames to it are received; NULL: none are. After `seconds` and some slack the program ends by SIGALRM whatever
   it does. */
void open_cable(struct cable *cable, const char *interface, double seconds, uint64_t packets, const uint8_t *mac);

/* Whether time, packets or SIGTERM have ended the attack. */
bool is_over(const struct cable *cable);

/* Where the next frame is to be written; call take() with its size. */
uint8_t *next_frame(struct cable *cable);
void take(struct cable *cable, size_t size);
void flush(struct cable *cable);

/* Sleeps until `sent` frames are due at `rate` per second; 0: at once. */
void pace(const struct cable *cable, double rate);

/* Prints one line of JSON: frames sent and refused by the kernel, first and last moment, and what `more` says. */
void report(const struct cable *cable, const char *more);

#endif
