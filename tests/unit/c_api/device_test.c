/** @file
 *  The C API on a device: a memif socket without a peer, which needs no privilege. */
#include <unistd.h>

#include "wire.h"

typedef struct body_saw {
    int calls;
    unsigned count;
    int timers, posts;
    synfin_connection never;
    synfin_runtime *runtime;
} body_saw;

/** One core's loop: a timer, a message, and a connection that is still opening when it returns. */
static void body(void *context, synfin_stack *const *stacks, unsigned count, unsigned core) {
    body_saw *saw = context;
    synfin_stack *stack = stacks[0];
    const synfin_endpoint peer = endpoint("10.0.0.9:7");
    (void)core;
    saw->calls++;
    saw->count = count;
    CHECK_EQ(synfin_after(stack, 1000000, 3, NULL), SYNFIN_OK);
    CHECK_EQ(synfin_post(stack, 4, 5), SYNFIN_OK);
    CHECK_EQ(synfin_connect(stack, &peer, NULL, &saw->never), SYNFIN_OK);
    while (saw->timers == 0 || saw->posts == 0) {
        synfin_event events[4];
        const int n = synfin_poll(stack, events, 4);
        CHECK(n >= 0);
        for (int i = 0; i < n; i++) {
            saw->timers += events[i].kind == SYNFIN_TIMER && events[i].token == 3;
            saw->posts += events[i].kind == SYNFIN_POST && events[i].token == 4 && events[i].value == 5;
        }
        synfin_idle(stack, n);
    }
}

/** Ends synfin_serve() after some events, by a message to itself that asks for it. */
static void handle(void *context, synfin_stack *stack, const synfin_event *events, int count) {
    body_saw *saw = context;
    CHECK(count >= 1);
    saw->calls++;
    for (int i = 0; i < count; i++) {
        if (events[i].kind == SYNFIN_TIMER) CHECK_EQ(synfin_post(stack, 8, 0), SYNFIN_OK);
        if (events[i].kind == SYNFIN_POST) synfin_stop(saw->runtime);
    }
}

static synfin_runtime *open_on(const char *device, uint8_t idle) {
    synfin_config config = wire_config("10.0.0.1/24", 0);
    synfin_runtime *runtime = NULL;
    char why[256];
    config.device = device;
    config.no_huge = 1;
    config.idle = idle;
    config.drain = 10000000;
    if (synfin_open(&config, &runtime, why, sizeof why) < 0) check_failed(why, __FILE__, __LINE__);
    CHECK(why[0] == 0);
    return runtime;
}

static void refused(const char *device, const char *cores, int error) {
    synfin_config config = wire_config("10.0.0.1/24", 0);
    synfin_runtime *runtime = NULL;
    char why[256];
    config.device = device;
    config.cores = cores;
    CHECK_EQ(synfin_open(&config, &runtime, why, sizeof why), error);
    CHECK(runtime == NULL && strlen(why) > 10);
}

int main(void) {
    char folder[] = "/tmp/synfin-c-api-XXXXXX", socket[64], device[80];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(socket, sizeof socket, "%s/socket", folder);
    snprintf(device, sizeof device, "memif:%s,server", socket);

    refused("nonsense", NULL, SYNFIN_E_INVALID);
    refused(device, "zero", SYNFIN_E_INVALID);
    refused(device, "999999", SYNFIN_E_INVALID);

    synfin_runtime *runtime = open_on(device, SYNFIN_IDLE_YIELD);
    synfin_event event;
    CHECK_EQ(synfin_stacks(runtime), 1);
    synfin_stack *stack = synfin_stack_at(runtime, 0);
    CHECK_EQ(synfin_advance(runtime, 1), SYNFIN_E_NOT_SUPPORTED);
    CHECK_EQ(synfin_input(stack, "x", 1), SYNFIN_E_NOT_SUPPORTED);
    CHECK_EQ(synfin_output(stack, &event, sizeof event), SYNFIN_E_NOT_SUPPORTED);
    for (unsigned i = 0; synfin_warning(runtime, i) != NULL; i++) CHECK(strlen(synfin_warning(runtime, i)) > 10);
    const int64_t now = synfin_now(runtime);
    CHECK(now > 0);
    CHECK_EQ(synfin_listen(stack, 7, NULL), SYNFIN_OK);
    CHECK_EQ(synfin_poll(stack, &event, 1), 0);
    CHECK_EQ(synfin_poll_at(stack, synfin_now(runtime), &event, 1), 0);
    CHECK(synfin_now(runtime) > now);

    body_saw saw = {0};
    CHECK_EQ(synfin_run(runtime, body, &saw), SYNFIN_OK);
    CHECK_EQ(saw.calls, 1);
    CHECK_EQ(saw.count, 1);
    CHECK_EQ(saw.timers, 1);
    CHECK_EQ(saw.posts, 1);
    uint32_t open = 1;
    CHECK_EQ(synfin_records(stack, &open, NULL, NULL), SYNFIN_OK);
    CHECK_EQ(open, 0); /* what the body left is drained */
    CHECK_EQ(synfin_close(stack, saw.never), SYNFIN_E_GONE);

    saw.calls = 0;
    saw.runtime = runtime;
    CHECK_EQ(synfin_after(stack, 1000000, 3, NULL), SYNFIN_OK);
    const synfin_endpoint peer = endpoint("10.0.0.9:7");
    CHECK_EQ(synfin_connect(stack, &peer, NULL, &saw.never), SYNFIN_OK);
    CHECK_EQ(synfin_serve(runtime, handle, &saw), SYNFIN_OK);
    CHECK(saw.calls >= 3); /* the timer, the message, the end of the connection */
    CHECK_EQ(synfin_close(stack, saw.never), SYNFIN_E_GONE);
    synfin_stop(runtime); /* before it begins: it returns at once */
    CHECK_EQ(synfin_serve(runtime, handle, &saw), SYNFIN_OK);
    CHECK_EQ(synfin_is_drained(stack), 0);
    CHECK_EQ(synfin_serve(NULL, handle, &saw), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_serve(runtime, NULL, &saw), SYNFIN_E_INVALID);
    synfin_stop(NULL);
    synfin_destroy(runtime);

    /* Again in the same process; destroyed while a turn is open. */
    runtime = open_on(device, SYNFIN_IDLE_SLEEP);
    stack = synfin_stack_at(runtime, 0);
    for (int i = 0; i < 1100; i++) synfin_idle(stack, synfin_poll(stack, &event, 1)); /* it sleeps in the end */
    CHECK_EQ(synfin_post(stack, 1, 1), SYNFIN_OK);
    CHECK_EQ(synfin_poll(stack, &event, 1), 1);
    synfin_destroy(runtime);
    unlink(socket);
    rmdir(folder);
    return 0;
}
