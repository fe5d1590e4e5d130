/** @file
 *  Timers, messages of other threads, and listeners' tokens in the C API. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "wire.h"

enum { kMost = 2000 };

typedef struct told {
    int count;
    uint32_t kind[kMost];
    uint64_t token[kMost];
    uint64_t value[kMost];
    int64_t at[kMost];
    synfin_runtime *runtime;
} told;

static void note(void *context, synfin_stack *stack, const synfin_event *event) {
    told *t = context;
    (void)stack;
    CHECK(t->count < kMost);
    t->kind[t->count] = event->kind;
    t->token[t->count] = event->token;
    t->value[t->count] = event->value;
    t->at[t->count++] = synfin_now(t->runtime);
    if (event->kind == SYNFIN_TIMER || event->kind == SYNFIN_POST) CHECK_EQ(event->connection, 0);
}

static void ignore(void *context, synfin_stack *stack, const synfin_event *event) {
    (void)context, (void)stack, (void)event;
}

static void timers(void) {
    synfin_config config = wire_config("10.0.0.1/24", 1), other = wire_config("10.0.0.2/24", 2);
    config.max_timers = 4;
    const wire w = open_wire_with(&config, &other);
    static told t;
    memset(&t, 0, sizeof t);
    t.runtime = w.runtime;
    synfin_timer first = 0, second = 0;
    const int64_t start = synfin_now(w.runtime), second_ns = 1000000000;
    CHECK_EQ(synfin_after(w.client, -1, 1, &first), SYNFIN_E_INVALID);
    CHECK_EQ(first, 0);
    CHECK_EQ(synfin_after(w.client, 21 * 86400 * second_ns, 1, &first), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_after(w.client, 2 * second_ns, ~(uint64_t)0, &first), SYNFIN_OK);
    CHECK_EQ(synfin_after(w.client, second_ns, 11, &second), SYNFIN_OK);
    CHECK_EQ(synfin_after(w.client, 3 * second_ns, 12, NULL), SYNFIN_OK);
    CHECK_EQ(synfin_after(w.client, 4 * second_ns, 13, NULL), SYNFIN_OK);
    CHECK_EQ(synfin_after(w.client, second_ns, 14, NULL), SYNFIN_E_NO_MEMORY);
    CHECK_EQ(counter(w.client, "timers_full"), 1);
    CHECK_EQ(synfin_cancel(w.client, second), SYNFIN_OK);
    CHECK_EQ(synfin_cancel(w.client, second), SYNFIN_E_GONE);
    CHECK_EQ(synfin_cancel(w.client, 0), SYNFIN_E_GONE);
    CHECK_EQ(synfin_cancel(w.client, ~(uint64_t)0), SYNFIN_E_GONE);
    CHECK(synfin_next_deadline(w.client) > start);
    run_wire(&w, note, ignore, &t, 10 * second_ns);
    CHECK_EQ(t.count, 3);
    const uint64_t tags[3] = {~(uint64_t)0, 12, 13};
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(t.kind[i], SYNFIN_TIMER);
        CHECK(t.token[i] == tags[i]);
        const int64_t late = t.at[i] - start - (i + 2) * second_ns;
        CHECK(late >= 0 && late <= 1000000);
    }
    CHECK_EQ(synfin_cancel(w.client, first), SYNFIN_E_GONE);

    drain_events(w.client, ignore, &t);
    drain_events(w.server, ignore, &t);
    CHECK_EQ(synfin_after(w.client, 5 * second_ns, 15, NULL), SYNFIN_OK);
    CHECK_EQ(synfin_advance(w.runtime, INT64_MAX), 5 * second_ns);
    CHECK_EQ(drain_events(w.client, note, &t), 1);
    CHECK_EQ(synfin_advance(w.runtime, INT64_MAX), 20 * 86400 * second_ns);
    synfin_destroy(w.runtime);
}

static void *post_many(void *context) {
    synfin_stack *stack = context;
    for (uint64_t i = 0; i < 1000; i++)
        while (synfin_post(stack, 7, i) == SYNFIN_E_NO_MEMORY) sched_yield();
    return NULL;
}

static void posts(void) {
    synfin_config config = wire_config("10.0.0.1/24", 1), other = wire_config("10.0.0.2/24", 2);
    config.max_posts = 8;
    const wire w = open_wire_with(&config, &other);
    static told t;
    memset(&t, 0, sizeof t);
    t.runtime = w.runtime;
    struct pollfd wake = {.fd = synfin_wake_fd(w.client), .events = POLLIN};
    CHECK(wake.fd >= 0);
    CHECK_EQ(poll(&wake, 1, 0), 0);
    for (uint64_t i = 0; i < 8; i++) CHECK_EQ(synfin_post(w.client, i, 100 + i), SYNFIN_OK);
    CHECK_EQ(synfin_post(w.client, 8, 8), SYNFIN_E_NO_MEMORY);
    CHECK_EQ(poll(&wake, 1, 0), 1);
    CHECK_EQ(drain_events(w.client, note, &t), 8);
    for (uint64_t i = 0; i < 8; i++) {
        CHECK_EQ(t.kind[i], SYNFIN_POST);
        CHECK_EQ(t.token[i], i);
        CHECK_EQ(t.value[i], 100 + i);
    }
    CHECK_EQ(counter(w.client, "posts_full"), 1);
    CHECK_EQ(poll(&wake, 1, 0), 0);

    t.count = 0;
    pthread_t poster;
    CHECK_EQ(pthread_create(&poster, NULL, post_many, w.client), 0);
    while (t.count < 1000)
        if (drain_events(w.client, note, &t) == 0) sched_yield();
    CHECK_EQ(pthread_join(poster, NULL), 0);
    for (int i = 0; i < 1000; i++) CHECK_EQ(t.value[i], i);
    CHECK_EQ(synfin_post(NULL, 1, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_wake_fd(NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_after(NULL, 1, 1, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_cancel(NULL, 1), SYNFIN_E_INVALID);
    synfin_destroy(w.runtime);
}

/** SYNFIN_OPEN says which listener took the connection; a listener's backlog is its own. */
static void tokens(void) {
    const wire w = open_wire();
    static told t;
    memset(&t, 0, sizeof t);
    t.runtime = w.runtime;
    synfin_listen_options options = {.size = sizeof options, .token = ~(uint64_t)0 - 1, .backlog = 1};
    CHECK_EQ(synfin_listen(w.server, 7, &options), SYNFIN_OK);
    options.token = 9;
    CHECK_EQ(synfin_listen(w.server, 9, &options), SYNFIN_OK);
    synfin_connection c;
    synfin_endpoint to = endpoint("10.0.0.2:7");
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_OK);
    run_wire(&w, ignore, note, &t, 1000000);
    to.port = 9;
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_OK);
    run_wire(&w, ignore, note, &t, 1000000);
    CHECK_EQ(t.count, 2);
    CHECK(t.token[0] == ~(uint64_t)0 - 1);
    CHECK_EQ(t.token[1], 9);
    CHECK_EQ(counter(w.server, "listener_backlog_full"), 0);
    for (int i = 0; i < 3; i++) CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_OK);
    run_wire(&w, ignore, ignore, &t, 5000000000);
    CHECK_EQ(counter(w.server, "listener_backlog_full"), 2);
    synfin_destroy(w.runtime);
}

int main(void) {
    timers();
    posts();
    tokens();
    return 0;
}
