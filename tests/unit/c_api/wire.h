/** @file
 *  What the tests of the C API share: a check that ends the program, and two stacks on a wire in memory. */
#ifndef SYNFIN_TESTS_C_API_WIRE_H
#define SYNFIN_TESTS_C_API_WIRE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "synfin.h"

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))
#define CHECK_EQ(a, b) check_equal((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)

static inline void check_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, condition);
    exit(1);
}

static inline void check_equal(long long a, long long b, const char *condition, const char *file, int line) {
    if (a == b) return;
    fprintf(stderr, "%s:%d: failed: %s (%lld, %lld)\n", file, line, condition, a, b);
    exit(1);
}

/** A client, 10.0.0.1, and a server, 10.0.0.2, in virtual time. */
typedef struct wire {
    synfin_runtime *runtime;
    synfin_stack *client;
    synfin_stack *server;
} wire;

static inline synfin_config wire_config(const char *address, uint64_t seed) {
    synfin_config config;
    CHECK_EQ(SYNFIN_CONFIG_INIT(&config), SYNFIN_OK);
    config.addresses = address;
    config.seed = seed;
    config.max_connections = 1024;
    config.max_half_open = 1024;
    config.max_time_wait = 1024;
    return config;
}

static inline wire open_wire_with(const synfin_config *client, const synfin_config *server) {
    wire w;
    char why[200];
    if (synfin_open_virtual(client, server, &w.runtime, why, sizeof why) < 0) check_failed(why, __FILE__, __LINE__);
    CHECK_EQ(synfin_stacks(w.runtime), 2);
    w.client = synfin_stack_at(w.runtime, 0);
    w.server = synfin_stack_at(w.runtime, 1);
    return w;
}

static inline wire open_wire(void) {
    const synfin_config client = wire_config("10.0.0.1/24", 1), server = wire_config("10.0.0.2/24", 2);
    return open_wire_with(&client, &server);
}

/** What to do with an event. */
typedef void (*handler)(void *context, synfin_stack *stack, const synfin_event *event);

/** Polls one stack until nothing happens. @return events. */
static inline int drain_events(synfin_stack *stack, handler handle, void *context) {
    synfin_event events[16];
    int n, all = 0;
    while ((n = synfin_poll(stack, events, 16)) != 0) {
        CHECK(n > 0);
        for (int i = 0; i < n; i++) handle(context, stack, &events[i]);
        all += n;
    }
    return all;
}

/** Both ends until nothing happens, then time moves by `ns` in all, at least 1, from deadline to deadline. */
static inline void run_wire(const wire *w, handler on_client, handler on_server, void *context, int64_t ns) {
    for (int64_t left = ns; left > 0;) {
        drain_events(w->client, on_client, context);
        drain_events(w->server, on_server, context);
        const int64_t moved = synfin_advance(w->runtime, left);
        CHECK(moved >= 0 && moved <= left);
        left -= moved;
    }
}

static inline synfin_endpoint endpoint(const char *text) {
    synfin_endpoint out;
    CHECK_EQ(synfin_parse_endpoint(text, &out), SYNFIN_OK);
    return out;
}

static inline uint64_t counter(const synfin_stack *stack, const char *name) {
    uint64_t value = 0;
    CHECK_EQ(synfin_counter(stack, name, &value), SYNFIN_OK);
    return value;
}

#endif
