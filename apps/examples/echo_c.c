/** @file
 *  Echo in C, on synfin.h alone.
 *    echo_c                                 a client and a server on a wire in memory
 *    echo_c af_packet:veth0 10.0.0.2/24     a server on a device
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <synfin.h>

/* [c server] */
/** Answers the events of one poll. */
static void echo(void *context, synfin_stack *stack, const synfin_event *events, int count) {
    (void)context;
    for (const synfin_event *e = events; e < events + count; e++) {
        switch (e->kind) {
            case SYNFIN_DATA: {
                const int64_t sent = synfin_send(stack, e->connection, e->data, e->length);
                synfin_take(stack, e, sent < 0 ? 0 : (size_t)sent); /* the stack keeps the rest */
                break;
            }
            case SYNFIN_WRITABLE: synfin_resume(stack, e->connection); break;
            case SYNFIN_PEER_FIN: synfin_close(stack, e->connection); break;
            default: break; /* SYNFIN_OPEN, SYNFIN_CLOSE, and kinds of later versions */
        }
    }
}

static synfin_runtime *runtime;

static void on_signal(int number) {
    (void)number;
    synfin_stop(runtime);
}

static int serve(const char *device, const char *address) {
    synfin_config config;
    char why[256];
    SYNFIN_CONFIG_INIT(&config);
    config.device = device;
    config.addresses = address;
    if (synfin_open(&config, &runtime, why, sizeof why) < 0) return fprintf(stderr, "%s\n", why), 1;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    int error = SYNFIN_OK;
    for (unsigned i = 0; i < synfin_stacks(runtime) && error == SYNFIN_OK; i++)
        error = synfin_listen(synfin_stack_at(runtime, i), 7, NULL);
    if (error == SYNFIN_OK) puts("echo on port 7"), fflush(stdout);
    if (error == SYNFIN_OK) error = synfin_serve(runtime, echo, NULL);
    if (error != SYNFIN_OK) fprintf(stderr, "port 7: %s\n", synfin_strerror(error));
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    synfin_destroy(runtime);
    return error == SYNFIN_OK ? 0 : 1;
}
/* [c server] */

/** A client that sends a line to the server over an in-memory wire, in virtual time. */
static int demonstrate(void) {
    synfin_config near, far;
    synfin_endpoint server;
    synfin_connection c;
    char answer[64] = "", why[256];
    SYNFIN_CONFIG_INIT(&near);
    SYNFIN_CONFIG_INIT(&far);
    near.addresses = "10.0.0.1/24";
    far.addresses = "10.0.0.2/24";
    if (synfin_open_virtual(&near, &far, &runtime, why, sizeof why) < 0) return fprintf(stderr, "%s\n", why), 1;
    synfin_stack *client = synfin_stack_at(runtime, 0), *echoing = synfin_stack_at(runtime, 1);
    synfin_listen(echoing, 7, NULL);
    synfin_parse_endpoint("10.0.0.2:7", &server);
    synfin_connect(client, &server, NULL, &c);
    synfin_send(client, c, "hello\n", 6);
    for (int turn = 0; turn < 100 && answer[0] == 0; turn++) {
        synfin_event events[8];
        echo(NULL, echoing, events, synfin_poll(echoing, events, 8));
        const int n = synfin_poll(client, events, 8);
        for (int i = 0; i < n; i++)
            if (events[i].kind == SYNFIN_DATA && events[i].length < sizeof answer)
                memcpy(answer, events[i].data, events[i].length);
    }
    synfin_destroy(runtime);
    fputs(answer, stdout);
    return strcmp(answer, "hello\n") == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc == 1) return demonstrate();
    if (argc != 3) return fprintf(stderr, "usage: echo_c [DEVICE ADDRESS/PREFIX]\n"), 2;
    return serve(argv[1], argv[2]);
}
