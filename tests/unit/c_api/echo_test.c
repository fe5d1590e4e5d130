/** @file
 *  Both ends of connections through the C API: echo, text that is left, ends, and listeners. */
#include "wire.h"

enum { kMost = 65536 };

/** What the two sides saw. */
typedef struct seen {
    uint8_t back[kMost];
    size_t received;
    size_t queued; /**< by the client */
    int opened, closed, peer_fins, writables, datas;
    int reason;
    uint32_t flags;
    uint64_t user_tag;
    uint64_t token;
    synfin_connection connection; /**< the server's */
    const uint8_t *text;
    size_t size;
    int leaves; /**< the server takes at most so many bytes of an event; 0: all */
    int holds;  /**< the server does not answer PEER_FIN */
} seen;

static void on_client(void *context, synfin_stack *stack, const synfin_event *event) {
    seen *s = context;
    switch (event->kind) {
        case SYNFIN_OPEN:
            s->opened++;
            CHECK_EQ(event->token, 0);
            CHECK_EQ(event->user_tag, 77);
            /* fall through */
        case SYNFIN_WRITABLE: {
            if (event->kind == SYNFIN_WRITABLE) s->writables++;
            const int64_t n = synfin_send(stack, event->connection, s->text + s->queued, s->size - s->queued);
            CHECK(n >= 0);
            s->queued += (size_t)n;
            if (s->queued == s->size) CHECK_EQ(synfin_shutdown(stack, event->connection), SYNFIN_OK);
            break;
        }
        case SYNFIN_DATA:
            CHECK(s->received + event->length <= kMost);
            memcpy(s->back + s->received, event->data, event->length);
            s->received += event->length;
            break;
        case SYNFIN_PEER_FIN: CHECK_EQ(synfin_close(stack, event->connection), SYNFIN_OK); break;
        case SYNFIN_CLOSE:
            s->closed++;
            s->reason = event->reason;
            s->flags = event->flags;
            s->user_tag = event->user_tag;
            CHECK_EQ(synfin_send(stack, event->connection, "x", 1), SYNFIN_E_GONE);
            break;
        default: CHECK(!"a kind that nobody asked for");
    }
}

static void on_server(void *context, synfin_stack *stack, const synfin_event *event) {
    seen *s = context;
    switch (event->kind) {
        case SYNFIN_OPEN:
            s->connection = event->connection;
            s->token = event->token;
            CHECK_EQ(synfin_set_user_tag(stack, event->connection, 5), SYNFIN_OK);
            break;
        case SYNFIN_DATA: {
            CHECK_EQ(event->user_tag, 5); /* set on SYNFIN_OPEN: the next event has it */
            size_t n = event->length;
            s->datas++;
            if (s->leaves != 0 && n > (size_t)s->leaves) n = (size_t)s->leaves;
            const int64_t sent = synfin_send(stack, event->connection, event->data, n);
            CHECK(sent >= 0);
            if ((size_t)sent == event->length) break;
            CHECK_EQ(synfin_take(stack, event, (size_t)sent), SYNFIN_OK);
            break;
        }
        case SYNFIN_WRITABLE: CHECK_EQ(synfin_resume(stack, event->connection), SYNFIN_OK); break;
        case SYNFIN_PEER_FIN:
            s->peer_fins++;
            if (!s->holds) CHECK_EQ(synfin_close(stack, event->connection), SYNFIN_OK);
            break;
        case SYNFIN_CLOSE: break;
        default: CHECK(!"a kind that nobody asked for");
    }
}

static void ignore(void *context, synfin_stack *stack, const synfin_event *event) {
    (void)context, (void)stack, (void)event;
}

static uint8_t *some_text(size_t size) {
    static uint8_t text[kMost];
    for (size_t i = 0; i < size; i++) text[i] = (uint8_t)(i * 7 + i / 251);
    return text;
}

static synfin_connection open_to(const wire *w, const char *peer) {
    synfin_connect_options options = {.size = sizeof options, .user_tag = 77};
    const synfin_endpoint to = endpoint(peer);
    synfin_connection c = 0;
    CHECK_EQ(synfin_connect(w->client, &to, &options, &c), SYNFIN_OK);
    CHECK(c != 0);
    return c;
}

/** Echo of `size` bytes; the server takes at most `leaves` of each event and sends from small buffers. */
static void echo_to(const char *peer, size_t size, int leaves, uint32_t loss_ppm) {
    static seen s;
    memset(&s, 0, sizeof s);
    synfin_config client = wire_config("10.0.0.1/24,2001:db8::1/64", 1),
                  server = wire_config("10.0.0.2/24,2001:db8::2/64", 2);
    client.wire_loss_ppm = server.wire_loss_ppm = loss_ppm;
    server.send_buffer = 4096;
    client.send_buffer = 8192;
    const wire w = open_wire_with(&client, &server);
    s.text = some_text(size);
    s.size = size;
    s.leaves = leaves;
    CHECK_EQ(synfin_listen(w.server, 7, NULL), SYNFIN_OK);
    const synfin_connection c = open_to(&w, peer);
    for (int i = 0; i < 600 && s.closed == 0; i++) {
        run_wire(&w, on_client, on_server, &s, 1000000000);
        if (leaves != 0) synfin_resume(w.server, s.connection);
    }
    CHECK_EQ(s.opened, 1);
    CHECK_EQ(s.closed, 1);
    CHECK_EQ(s.received, size);
    CHECK(memcmp(s.back, s.text, size) == 0);
    CHECK_EQ(s.peer_fins, 1);
    CHECK_EQ(s.reason, SYNFIN_CLOSED_FIN);
    CHECK_EQ(s.flags, SYNFIN_WAS_OPEN);
    CHECK_EQ(s.user_tag, 77);
    CHECK_EQ(synfin_close(w.client, c), SYNFIN_E_GONE);
    if (size > 8192) CHECK(s.writables > 0);
    if (loss_ppm != 0) CHECK(counter(w.client, "retransmitted") + counter(w.server, "retransmitted") > 0);
    run_wire(&w, ignore, ignore, &s, 70000000000); /* TIME-WAIT is over */
    uint32_t open = 1, half_open = 1, time_wait = 1;
    CHECK_EQ(synfin_records(w.client, &open, &half_open, &time_wait), SYNFIN_OK);
    CHECK_EQ(open + half_open + time_wait, 0);
    CHECK_EQ(synfin_records(w.server, &open, NULL, NULL), SYNFIN_OK);
    CHECK_EQ(open, 0);
    synfin_destroy(w.runtime);
}

/** Over either family, to the same listener. */
static void echo(size_t size, int leaves, uint32_t loss_ppm) {
    echo_to("10.0.0.2:7", size, leaves, loss_ppm);
    echo_to("[2001:db8::2]:7", size, leaves, loss_ppm);
}

/** A peer of each family is told as it is, and a source of the other family is refused. */
static void families(void) {
    const synfin_config client = wire_config("10.0.0.1/24,2001:db8::1/64,2001:db8::3/64", 1),
                        server = wire_config("2001:db8::2/64,10.0.0.2/24", 2);
    const wire w = open_wire_with(&client, &server);
    static seen s;
    memset(&s, 0, sizeof s);
    char text[SYNFIN_ENDPOINT_TEXT];
    synfin_listen_options only = {.size = sizeof only, .address = endpoint("2001:db8::2")};
    CHECK_EQ(synfin_listen(w.server, 7, &only), SYNFIN_OK);
    synfin_connect_options from = {.size = sizeof from, .source = endpoint("2001:db8::3"), .user_tag = 77};
    synfin_endpoint to = endpoint("[2001:db8::2]:7");
    synfin_connection c = 0;
    CHECK_EQ(synfin_connect(w.client, &to, &from, &c), SYNFIN_OK);
    s.size = 0;
    run_wire(&w, ignore, on_server, &s, 1000000);
    synfin_info info = {.size = sizeof info};
    CHECK_EQ(synfin_get_info(w.server, s.connection, &info), SYNFIN_OK);
    CHECK_EQ(info.peer.family, 6);
    CHECK_EQ(synfin_format_endpoint(&info.local, text, sizeof text), 15);
    CHECK(strcmp(text, "[2001:db8::2]:7") == 0);
    info.peer.port = 7;
    CHECK(synfin_format_endpoint(&info.peer, text, sizeof text) > 0);
    CHECK(strcmp(text, "[2001:db8::3]:7") == 0);
    CHECK_EQ(info.mss, 1500 - 60);
    CHECK_EQ(info.pmtu, 1500);
    CHECK_EQ(info.ssthresh, UINT32_MAX);
    CHECK_EQ(info.rcv_limit, 262144); /* the start value */
    CHECK_EQ(info.user_timeout_ms, 300000);
    CHECK_EQ(info.flags, SYNFIN_HAS_TIMESTAMPS | SYNFIN_HAS_WINDOW_SCALE | SYNFIN_HAS_SACK);
    CHECK_EQ(info.loss_state, 0);
    CHECK_EQ(synfin_abort(w.client, c), SYNFIN_OK);
    to = endpoint("10.0.0.2:7"); /* nothing listens on that address */
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_OK);
    run_wire(&w, ignore, ignore, &s, 1000000);
    CHECK_EQ(synfin_get_info(w.client, c, &info), SYNFIN_E_GONE);
    CHECK(synfin_connect(w.client, &to, &from, &c) < 0); /* an IPv6 source for an IPv4 peer */
    synfin_destroy(w.runtime);
}

/** Text that is left comes again in order, and the FIN behind it is told when it has been read. */
static void left_text(void) {
    static seen s;
    memset(&s, 0, sizeof s);
    const wire w = open_wire();
    s.text = some_text(3000);
    s.size = 3000;
    s.leaves = 100;
    s.holds = 1;
    CHECK_EQ(synfin_listen(w.server, 7, NULL), SYNFIN_OK);
    open_to(&w, "10.0.0.2:7");
    run_wire(&w, on_client, on_server, &s, 1000000000);
    CHECK_EQ(s.datas, 1); /* 100 bytes taken, the rest waits until it is asked for */
    CHECK_EQ(s.peer_fins, 0);
    CHECK_EQ(s.received, 100);
    synfin_info info = {.size = sizeof info};
    CHECK_EQ(synfin_get_info(w.server, s.connection, &info), SYNFIN_OK);
    CHECK_EQ(info.unread, 2900);
    CHECK_EQ(info.peer.port >= 32768, 1);
    CHECK(strcmp(synfin_state_name(info.state), "CLOSE-WAIT") == 0);
    CHECK_EQ(synfin_resume(w.server, s.connection), SYNFIN_OK);
    run_wire(&w, on_client, on_server, &s, 1000000000);
    CHECK_EQ(s.datas, 2);
    CHECK_EQ(s.received, 200);
    uint8_t rest[4000];
    int64_t n = 0;
    for (int64_t more; (more = synfin_receive(w.server, s.connection, rest + n, 1000)) > 0;) n += more;
    CHECK_EQ(n, 2800);
    CHECK(memcmp(rest, s.text + 200, 2800) == 0);
    CHECK_EQ(synfin_receive(w.server, s.connection, rest, 1), 0); /* the peer has sent FIN */
    run_wire(&w, on_client, on_server, &s, 1000000000);
    CHECK_EQ(s.peer_fins, 1);
    CHECK_EQ(synfin_abort(w.server, s.connection), SYNFIN_OK);
    run_wire(&w, on_client, ignore, &s, 1000000000);
    CHECK_EQ(s.reason, SYNFIN_CLOSED_RESET_BY_PEER);
    synfin_destroy(w.runtime);
}

/** An array of one gives the same events as a large one, one of a connection at a time. */
static void small_array(void) {
    const wire w = open_wire();
    CHECK_EQ(synfin_listen(w.server, 7, NULL), SYNFIN_OK);
    enum { kConnections = 8 };
    for (int i = 0; i < kConnections; i++) {
        const synfin_connection c = open_to(&w, "10.0.0.2:7");
        CHECK_EQ(synfin_send(w.client, c, "abc", 3), 3); /* queued before it is open */
    }
    synfin_connection order[3 * kConnections];
    int kinds[4] = {0, 0, 0, 0}, at = 0;
    for (int i = 0; i < 1000; i++) {
        synfin_event one;
        synfin_event opened[3];
        const int n = synfin_poll(w.client, opened, 3);
        for (int k = 0; k < n; k++)
            if (opened[k].kind == SYNFIN_OPEN) CHECK_EQ(synfin_shutdown(w.client, opened[k].connection), SYNFIN_OK);
        if (synfin_poll(w.server, &one, 1) != 1) continue;
        if (one.kind == SYNFIN_OPEN) kinds[0]++;
        if (one.kind == SYNFIN_DATA) kinds[1]++, CHECK_EQ(one.length, 3);
        if (one.kind == SYNFIN_PEER_FIN) kinds[2]++;
        CHECK(at < 3 * kConnections);
        order[at++] = one.connection;
    }
    CHECK_EQ(kinds[0], kConnections);
    CHECK_EQ(kinds[1], kConnections);
    CHECK_EQ(kinds[2], kConnections);
    for (int i = 0; i < at; i++) CHECK(order[i] != 0);
    synfin_destroy(w.runtime);
}

/** Opens that fail, and drain. */
static void ends(void) {
    static seen s;
    memset(&s, 0, sizeof s);
    const wire w = open_wire();
    open_to(&w, "10.0.0.2:9");
    run_wire(&w, on_client, on_server, &s, 1000000);
    CHECK_EQ(s.closed, 1);
    CHECK_EQ(s.reason, SYNFIN_CLOSED_REFUSED);
    CHECK_EQ(s.flags, 0);
    CHECK(strcmp(synfin_close_reason_name(s.reason), "refused") == 0);

    open_to(&w, "10.0.0.99:9"); /* nobody has that address */
    run_wire(&w, on_client, on_server, &s, 200000000000);
    CHECK_EQ(s.closed, 2);
    CHECK_EQ(s.reason, SYNFIN_CLOSED_SYN_TIMED_OUT);

    CHECK_EQ(synfin_listen(w.server, 7, NULL), SYNFIN_OK);
    s.text = some_text(10);
    s.size = 10;
    s.holds = 1;
    open_to(&w, "10.0.0.2:7");
    run_wire(&w, on_client, on_server, &s, 1000000000);
    CHECK_EQ(s.peer_fins, 1);
    CHECK_EQ(synfin_is_drained(w.server), 0);
    CHECK_EQ(synfin_drain(w.server, 1000000000), SYNFIN_OK);
    CHECK_EQ(synfin_drain(w.server, 1000000000), SYNFIN_E_IN_USE);
    run_wire(&w, on_client, on_server, &s, 2000000000);
    CHECK_EQ(synfin_is_drained(w.server), 1);
    CHECK_EQ(s.closed, 3);
    CHECK_EQ(s.reason, SYNFIN_CLOSED_FIN);
    open_to(&w, "10.0.0.2:7"); /* the listener is gone */
    run_wire(&w, on_client, on_server, &s, 1000000000);
    CHECK_EQ(s.reason, SYNFIN_CLOSED_REFUSED);
    synfin_destroy(w.runtime);
}

/** Pieces arrive as one text; what does not fit is not taken. */
static void pieces(void) {
    static seen s;
    memset(&s, 0, sizeof s);
    synfin_config client = wire_config("10.0.0.1/24", 1), server = wire_config("10.0.0.2/24", 2);
    client.send_buffer = 4096;
    const wire w = open_wire_with(&client, &server);
    CHECK_EQ(synfin_listen(w.server, 7, NULL), SYNFIN_OK);
    s.text = some_text(5000);
    const synfin_connection c = open_to(&w, "10.0.0.2:7");
    const synfin_piece three[3] = {{s.text, 1000}, {NULL, 0}, {s.text + 1000, 4000}};
    CHECK_EQ(synfin_room(w.client, c), 4096);
    CHECK_EQ(synfin_sendv(w.client, c, three, 3), 4096);
    CHECK_EQ(synfin_room(w.client, c), 0);
    CHECK_EQ(synfin_sendv(w.client, c, three, 0), 0);
    s.queued = 4096;
    s.size = 5000;
    run_wire(&w, on_client, on_server, &s, 1000000000);
    CHECK_EQ(s.received, 5000);
    CHECK(memcmp(s.back, s.text, 5000) == 0);
    synfin_destroy(w.runtime);
}

/** The next event of a stack after both have been polled; there must be one, of `length` bytes. */
static synfin_event next_data(const wire *w, size_t length) {
    synfin_event event;
    seen s;
    memset(&s, 0, sizeof s);
    drain_events(w->client, ignore, &s);
    int n = 0;
    for (int polls = 0; n == 0 && polls < 10; polls++) n = synfin_poll(w->server, &event, 1);
    CHECK_EQ(n, 1);
    CHECK_EQ(event.kind, SYNFIN_DATA);
    CHECK_EQ(event.length, length);
    return event;
}

/** Between synfin_take() and the next poll the program may ask for the text that it left, or read it. */
static void left_text_at_once(void) {
    static seen s;
    memset(&s, 0, sizeof s);
    const wire w = open_wire();
    s.holds = 1;
    CHECK_EQ(synfin_listen(w.server, 7, NULL), SYNFIN_OK);
    synfin_endpoint to = endpoint("10.0.0.2:7");
    synfin_connection c;
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_OK);
    run_wire(&w, ignore, on_server, &s, 1000000);
    CHECK_EQ(synfin_set_no_delay(w.client, c, 1), SYNFIN_OK);
    uint8_t rest[8];
    /* of a packet, and of text that the stack keeps */
    CHECK_EQ(synfin_send(w.client, c, "abcdefgh", 8), 8);
    synfin_event event = next_data(&w, 8);
    CHECK_EQ(synfin_take(w.server, &event, 3), SYNFIN_OK);
    CHECK_EQ(synfin_resume(w.server, event.connection), SYNFIN_OK);
    event = next_data(&w, 5);
    CHECK(memcmp(event.data, "defgh", 5) == 0);
    CHECK_EQ(synfin_take(w.server, &event, 1), SYNFIN_OK);
    CHECK_EQ(synfin_resume(w.server, event.connection), SYNFIN_OK);
    event = next_data(&w, 4);
    CHECK_EQ(synfin_take(w.server, &event, 2), SYNFIN_OK);
    CHECK_EQ(synfin_receive(w.server, event.connection, rest, sizeof rest), 2);
    CHECK(memcmp(rest, "gh", 2) == 0);
    CHECK_EQ(synfin_take(w.server, &event, 1), SYNFIN_E_INVALID);
    /* of a packet */
    CHECK_EQ(synfin_send(w.client, c, "ijkl", 4), 4);
    event = next_data(&w, 4);
    CHECK_EQ(synfin_take(w.server, &event, 1), SYNFIN_OK);
    CHECK_EQ(synfin_receive(w.server, event.connection, rest, 2), 2);
    CHECK(memcmp(rest, "jk", 2) == 0);
    CHECK_EQ(synfin_receive(w.server, event.connection, rest, sizeof rest), 1);
    CHECK_EQ(rest[0], 'l');
    CHECK_EQ(synfin_receive(w.server, event.connection, rest, sizeof rest), SYNFIN_E_WOULD_BLOCK);
    /* no event more, and the connection is fit for use */
    CHECK_EQ(synfin_send(w.client, c, "mn", 2), 2);
    event = next_data(&w, 2);
    CHECK_EQ(synfin_abort(w.server, event.connection), SYNFIN_OK);
    run_wire(&w, ignore, ignore, &s, 1000000);
    CHECK_EQ(synfin_resume(w.server, event.connection), SYNFIN_E_GONE);
    synfin_destroy(w.runtime);
}

int main(void) {
    echo(10, 0, 0);
    echo(50000, 0, 0);
    echo(50000, 0, 50000);
    echo(20000, 1000, 0);
    families();
    left_text();
    left_text_at_once();
    small_array();
    ends();
    pieces();
    return 0;
}
