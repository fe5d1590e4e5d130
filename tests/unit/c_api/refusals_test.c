/** @file
 *  What the C API refuses, and the sentences that it gives. */
#include "wire.h"

static void ignore(void *context, synfin_stack *stack, const synfin_event *event) {
    (void)context, (void)stack, (void)event;
}

/** The numbers are a promise: programs have them compiled in. */
static void numbers(void) {
    CHECK_EQ(SYNFIN_E_GONE, -1);
    CHECK_EQ(SYNFIN_E_INVALID, -2);
    CHECK_EQ(SYNFIN_E_NOT_SUPPORTED, -3);
    CHECK_EQ(SYNFIN_E_NO_MEMORY, -4);
    CHECK_EQ(SYNFIN_E_NO_PORT, -5);
    CHECK_EQ(SYNFIN_E_IN_USE, -6);
    CHECK_EQ(SYNFIN_E_WOULD_BLOCK, -7);
    CHECK_EQ(SYNFIN_E_CLOSING, -8);
    CHECK_EQ(SYNFIN_E_NOT_CONNECTED, -9);
    CHECK_EQ(SYNFIN_E_NO_ROUTE, -10);
    CHECK_EQ(SYNFIN_E_NO_DEVICE, -11);
    CHECK_EQ(SYNFIN_E_NO_PERMISSION, -12);
    CHECK_EQ(SYNFIN_E_DEVICE_FAILED, -13);
    CHECK_EQ(SYNFIN_E_INTERNAL, -14);
    CHECK_EQ(SYNFIN_OPEN, 1);
    CHECK_EQ(SYNFIN_DATA, 2);
    CHECK_EQ(SYNFIN_WRITABLE, 3);
    CHECK_EQ(SYNFIN_PEER_FIN, 4);
    CHECK_EQ(SYNFIN_CLOSE, 5);
    CHECK_EQ(SYNFIN_TIMER, 6);
    CHECK_EQ(SYNFIN_POST, 7);
    CHECK_EQ(sizeof(synfin_event), 64);
    CHECK_EQ(synfin_c_api(), SYNFIN_C_API);
    const char *unknown = synfin_strerror(-1000);
    for (int i = SYNFIN_E_INTERNAL; i <= SYNFIN_OK; i++) {
        CHECK(strlen(synfin_strerror(i)) > 5);
        CHECK(strcmp(synfin_strerror(i), unknown) != 0);
    }
    CHECK(strcmp(synfin_strerror(1), unknown) == 0);
    CHECK(strcmp(synfin_state_name(4), "ESTABLISHED") == 0);
    CHECK(strcmp(synfin_state_name(11), "unknown") == 0);
    CHECK(strcmp(synfin_close_reason_name(0), "fin") == 0);
    CHECK(strcmp(synfin_close_reason_name(7), "fin_wait_2_timed_out") == 0);
    CHECK(strcmp(synfin_close_reason_name(-1), "unknown") == 0);
}

static void null_arguments(void) {
    synfin_event event;
    synfin_endpoint to = endpoint("10.0.0.2:7");
    synfin_connection c = 1;
    synfin_runtime *runtime = NULL;
    uint64_t value;
    memset(&event, 0, sizeof event);
    CHECK_EQ(synfin_config_init(NULL, 100), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_open(NULL, &runtime, NULL, 0), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_open(NULL, NULL, NULL, 0), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_open_virtual(NULL, NULL, &runtime, NULL, 0), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_open_virtual(NULL, NULL, NULL, NULL, 0), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_stacks(NULL), 0);
    CHECK(synfin_stack_at(NULL, 0) == NULL);
    CHECK(synfin_warning(NULL, 0) == NULL);
    CHECK_EQ(synfin_run(NULL, NULL, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_now(NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_advance(NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_next_deadline(NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_poll(NULL, &event, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_poll_at(NULL, 1, &event, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_take(NULL, &event, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_listen(NULL, 7, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_unlisten(NULL, 7, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_connect(NULL, &to, NULL, &c), SYNFIN_E_INVALID);
    CHECK_EQ(c, 0);
    CHECK_EQ(synfin_send(NULL, 1, "x", 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_sendv(NULL, 1, NULL, 0), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_receive(NULL, 1, &event, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_resume(NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_shutdown(NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_close(NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_abort(NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_room(NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_set_user_tag(NULL, 1, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_user_tag(NULL, 1), 0);
    CHECK_EQ(synfin_set_no_delay(NULL, 1, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_set_user_timeout(NULL, 1, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_get_info(NULL, 1, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_drain(NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_is_drained(NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_counter(NULL, "x", &value), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_records(NULL, NULL, NULL, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_duplicate_address(NULL, NULL, 0), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_input(NULL, "x", 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_output(NULL, &event, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_parse_endpoint(NULL, &to), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_format_endpoint(NULL, NULL, 0), SYNFIN_E_INVALID);
    synfin_idle(NULL, 0);
    synfin_destroy(NULL);
}

static void refused_config(synfin_config config, const char *word) {
    synfin_runtime *runtime = NULL;
    char why[200];
    CHECK_EQ(synfin_open_virtual(&config, NULL, &runtime, why, sizeof why), SYNFIN_E_INVALID);
    CHECK(runtime == NULL);
    if (strstr(why, word) == NULL) {
        fprintf(stderr, "\"%s\" does not speak of %s\n", why, word);
        exit(1);
    }
    char cut[6] = "xxxxx";
    CHECK_EQ(synfin_open_virtual(&config, NULL, &runtime, cut, sizeof cut), SYNFIN_E_INVALID);
    CHECK_EQ(strlen(cut), 5);
    CHECK_EQ(synfin_open_virtual(&config, NULL, &runtime, NULL, 0), SYNFIN_E_INVALID);
}

static void configurations(void) {
    const synfin_config good = wire_config("10.0.0.1/24", 1);
    synfin_config bad = good;
    bad.size = 0;
    refused_config(bad, "SYNFIN_CONFIG_INIT");
    bad = good, bad.addresses = NULL;
    refused_config(bad, "addresses");
    bad = good, bad.addresses = "10.0.0.1/24,nonsense";
    refused_config(bad, "nonsense");
    bad = good, bad.gateway = "10.0.0.254@nonsense";
    refused_config(bad, "gateway");
    bad = good, bad.gateway = "10.0.0.254,10.0.0.253";
    refused_config(bad, "10.0.0.253");
    bad = good, bad.gateway = "fe80::1%eth0";
    refused_config(bad, "zone");
    bad = good, bad.gateway = "2001:db8::1%eth0", bad.device = "af_packet:eth0";
    refused_config(bad, "zone");
    bad = good, bad.addresses = "10.0.0.1/24,2001:db8::1/129";
    refused_config(bad, "2001:db8::1/129");
    bad = good, bad.addresses = "ff02::5/64";
    refused_config(bad, "ff02::5");
    bad = good, bad.addresses = "::ffff:10.0.0.1/96";
    refused_config(bad, "::ffff:10.0.0.1");
    bad = good, bad.addresses = "2001:db8::1/64", bad.mtu = 1279;
    refused_config(bad, "1280");
    bad = good, bad.addresses = "2001:db8::1/64", bad.gateway = "2001:db8:1::1";
    refused_config(bad, "2001:db8:1::1");
    bad = good, bad.dad = 3;
    refused_config(bad, "dad");
    bad = good, bad.mtu = 100;
    refused_config(bad, "mtu");
    bad = good, bad.vlan = 4095;
    refused_config(bad, "vlan");
    bad = good, bad.port_low = 0;
    refused_config(bad, "port_low");
    bad = good, bad.port_high = 1;
    refused_config(bad, "port_high");
    bad = good, bad.max_connections = 0;
    refused_config(bad, "max_connections");
    bad = good, bad.max_connections = ~(uint32_t)0;
    refused_config(bad, "max_connections");
    bad = good, bad.max_timers = 0;
    refused_config(bad, "max_timers");
    bad = good, bad.max_posts = 1;
    refused_config(bad, "max_posts");
    bad = good, bad.receive_buffer = 1;
    refused_config(bad, "receive_buffer");
    bad = good, bad.msl = -1;
    refused_config(bad, "msl");
    bad = good, bad.user_timeout = INT64_MAX;
    refused_config(bad, "user_timeout");

    synfin_runtime *runtime = NULL;
    char why[200];
    bad = good; /* no device named */
    CHECK(synfin_open(&bad, &runtime, why, sizeof why) < 0);
    CHECK(strlen(why) > 10);

    /* An older program knows the first fields only: the others have their defaults. */
    synfin_config old = wire_config("10.0.0.1/24", 1);
    memset((char *)&old + offsetof(synfin_config, gateway), 0xff, sizeof old - offsetof(synfin_config, gateway));
    old.size = offsetof(synfin_config, gateway);
    CHECK_EQ(synfin_open_virtual(&old, NULL, &runtime, why, sizeof why), SYNFIN_OK);
    CHECK(why[0] == 0);
    CHECK_EQ(synfin_stacks(runtime), 1);
    CHECK(synfin_stack_at(runtime, 1) == NULL);
    synfin_destroy(runtime);

    /* A newer program has fields that this library does not know. */
    struct {
        synfin_config known;
        uint64_t later[4];
    } newer;
    CHECK_EQ(synfin_config_init(&newer.known, sizeof newer), SYNFIN_OK);
    CHECK_EQ(newer.known.size, sizeof newer);
    CHECK_EQ(newer.later[3], 0);
    newer.known.addresses = "10.0.0.1/24, 10.0.0.3/24, 2001:db8::1/64";
    newer.known.gateway = "10.0.0.254@02:00:00:00:00:01, fe80::1@02:00:00:00:00:02";
    CHECK_EQ(synfin_open_virtual(&newer.known, NULL, &runtime, why, sizeof why), SYNFIN_OK);
    synfin_destroy(runtime);
}

static void run_nothing(void *context, synfin_stack *const *stacks, unsigned count, unsigned core) {
    (void)context, (void)stacks, (void)count, (void)core;
}
static void serve_nothing(void *context, synfin_stack *stack, const synfin_event *events, int count) {
    (void)context, (void)stack, (void)events, (void)count;
}

/** Handles that no connection has, arguments outside their range. */
static void calls(void) {
    const wire w = open_wire();
    synfin_event events[2];
    uint8_t bytes[16];
    const synfin_connection bogus[] = {0, 1, 1024, 1025, (uint64_t)7 << 32, ~(uint64_t)0, 0xffffffff};
    for (size_t i = 0; i < sizeof bogus / sizeof *bogus; i++) {
        CHECK_EQ(synfin_send(w.client, bogus[i], "x", 1), SYNFIN_E_GONE);
        CHECK_EQ(synfin_receive(w.client, bogus[i], bytes, 1), SYNFIN_E_GONE);
        CHECK_EQ(synfin_close(w.client, bogus[i]), SYNFIN_E_GONE);
        CHECK_EQ(synfin_room(w.client, bogus[i]), SYNFIN_E_GONE);
        CHECK_EQ(synfin_set_user_tag(w.client, bogus[i], 1), SYNFIN_E_GONE);
        CHECK_EQ(synfin_user_tag(w.client, bogus[i]), 0);
    }
    CHECK_EQ(synfin_poll(w.client, events, 0), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_poll(w.client, events, -1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_poll(w.client, NULL, 2), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_poll_at(w.client, -1, events, 2), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_poll(w.client, events, 2), 0);
    events[0] = (synfin_event){.kind = SYNFIN_DATA, .slot = 0};
    CHECK_EQ(synfin_take(w.client, events, 0), SYNFIN_E_INVALID); /* no data event of the last poll */
    events[0].slot = ~(uint32_t)0;
    CHECK_EQ(synfin_take(w.client, events, 0), SYNFIN_E_INVALID);

    CHECK_EQ(synfin_listen(w.server, 0, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_listen(w.server, 7, NULL), SYNFIN_OK);
    CHECK_EQ(synfin_listen(w.server, 7, NULL), SYNFIN_E_IN_USE);
    CHECK_EQ(synfin_unlisten(w.server, 7, NULL), SYNFIN_OK);
    CHECK(synfin_unlisten(w.server, 7, NULL) < 0);
    synfin_listen_options listen = {.size = sizeof listen, .address = endpoint("10.0.0.77")};
    CHECK_EQ(synfin_listen(w.server, 7, &listen), SYNFIN_E_INVALID); /* not ours */
    listen.size = 0;
    CHECK_EQ(synfin_listen(w.server, 7, &listen), SYNFIN_E_INVALID);
    listen.size = sizeof listen;
    listen.address.family = 6;
    CHECK(synfin_listen(w.server, 7, &listen) < 0);
    listen.address.family = 9;
    CHECK_EQ(synfin_listen(w.server, 7, &listen), SYNFIN_E_INVALID);

    synfin_connection c;
    synfin_endpoint to = endpoint("10.0.0.2");
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_E_INVALID); /* port 0 */
    to = endpoint("224.0.0.1:7");
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_E_INVALID); /* multicast */
    to.family = 0;
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_E_INVALID);
    to = endpoint("10.0.0.2:7");
    CHECK_EQ(synfin_connect(w.client, &to, NULL, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &c), SYNFIN_OK);
    CHECK_EQ(synfin_send(w.client, c, NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_send(w.client, c, NULL, 0), 0);
    CHECK_EQ(synfin_receive(w.client, c, NULL, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_receive(w.client, c, bytes, 1), SYNFIN_E_WOULD_BLOCK);
    const synfin_piece hole = {NULL, 5};
    CHECK_EQ(synfin_sendv(w.client, c, &hole, 1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_sendv(w.client, c, &hole, -1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_set_user_timeout(w.client, c, -1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_set_no_delay(w.client, c, 1), SYNFIN_OK);
    synfin_info info = {.size = 0};
    CHECK_EQ(synfin_get_info(w.client, c, &info), SYNFIN_E_INVALID);
    info.size = 8; /* a program that knows the state alone */
    info.mss = 12345;
    CHECK_EQ(synfin_get_info(w.client, c, &info), SYNFIN_OK);
    CHECK(strcmp(synfin_state_name(info.state), "SYN-SENT") == 0);
    CHECK_EQ(info.mss, 12345);
    synfin_connection never = 0;
    CHECK_EQ(synfin_connect(w.client, &to, NULL, &never), SYNFIN_OK);
    CHECK_EQ(synfin_shutdown(w.client, never), SYNFIN_OK); /* nothing was sent yet: it has ended */
    CHECK_EQ(synfin_send(w.client, never, "x", 1), SYNFIN_E_CLOSING);
    CHECK_EQ(synfin_advance(w.runtime, -1), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_input(w.client, bytes, 1), SYNFIN_E_NOT_SUPPORTED); /* it has a peer */
    CHECK_EQ(synfin_output(w.client, bytes, 16), SYNFIN_E_NOT_SUPPORTED);
    CHECK_EQ(synfin_run(w.runtime, NULL, NULL), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_run(w.runtime, run_nothing, NULL), SYNFIN_E_NOT_SUPPORTED);
    CHECK_EQ(synfin_serve(w.runtime, serve_nothing, NULL), SYNFIN_E_NOT_SUPPORTED);
    run_wire(&w, ignore, ignore, NULL, 1000000);
    CHECK_EQ(synfin_close(w.client, c), SYNFIN_E_GONE); /* refused */
    uint64_t value;
    CHECK_EQ(synfin_counter(w.client, "no_such_counter", &value), SYNFIN_E_INVALID);
    CHECK_EQ(counter(w.server, "closed_port"), 1);
    CHECK_EQ(counter(w.client, "active_opens"), 2);
    unsigned names = 0;
    for (; synfin_counter_name(names) != NULL; names++)
        CHECK_EQ(synfin_counter(w.client, synfin_counter_name(names), &value), SYNFIN_OK);
    CHECK(names > 50);
    char why[100] = "x";
    CHECK_EQ(synfin_duplicate_address(w.client, why, sizeof why), 0);
    CHECK_EQ(why[0], 0);
    synfin_destroy(w.runtime);
}

static void endpoints(void) {
    char text[SYNFIN_ENDPOINT_TEXT];
    synfin_endpoint e = endpoint("10.1.2.3:80");
    CHECK_EQ(e.family, 4);
    CHECK_EQ(e.port, 80);
    CHECK_EQ(e.bytes[0], 10);
    CHECK_EQ(e.bytes[3], 3);
    CHECK_EQ(synfin_format_endpoint(&e, text, sizeof text), 11);
    CHECK(strcmp(text, "10.1.2.3:80") == 0);
    CHECK_EQ(synfin_format_endpoint(&e, text, 5), 11);
    CHECK(strcmp(text, "10.1") == 0);
    CHECK_EQ(synfin_format_endpoint(&e, NULL, 0), 11);
    CHECK_EQ(endpoint("10.1.2.3").port, 0);
    CHECK_EQ(synfin_parse_endpoint("[2001:db8::1]:80", &e), SYNFIN_OK);
    CHECK_EQ(e.family, 6);
    CHECK_EQ(e.bytes[15], 1);
    CHECK_EQ(synfin_format_endpoint(&e, text, sizeof text), 16);
    CHECK(strcmp(text, "[2001:db8::1]:80") == 0);
    CHECK_EQ(endpoint("2001:db8::1").port, 0);
    CHECK_EQ(synfin_parse_endpoint("10.1.2.3:99999", &e), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_parse_endpoint("10.1.2.3:", &e), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_parse_endpoint("", &e), SYNFIN_E_INVALID);
    CHECK_EQ(synfin_parse_endpoint("ten", &e), SYNFIN_E_INVALID);
    e = endpoint("[2001:db8::1]:443");
    CHECK_EQ(e.family, 6);
    CHECK_EQ(e.port, 443);
    CHECK_EQ(e.bytes[0], 0x20);
    CHECK_EQ(e.bytes[15], 1);
    CHECK_EQ(synfin_format_endpoint(&e, text, sizeof text), 17);
    CHECK(strcmp(text, "[2001:db8::1]:443") == 0);
}

/** Packets in and out of a stack that has no peer. */
static void packets(void) {
    const synfin_config a = wire_config("10.0.0.1/24", 1), b = wire_config("10.0.0.2/24", 2);
    synfin_runtime *ra = NULL, *rb = NULL;
    CHECK_EQ(synfin_open_virtual(&a, NULL, &ra, NULL, 0), SYNFIN_OK);
    CHECK_EQ(synfin_open_virtual(&b, NULL, &rb, NULL, 0), SYNFIN_OK);
    synfin_stack *sa = synfin_stack_at(ra, 0), *sb = synfin_stack_at(rb, 0);
    CHECK_EQ(synfin_listen(sb, 7, NULL), SYNFIN_OK);
    synfin_connection c;
    const synfin_endpoint to = endpoint("10.0.0.2:7");
    CHECK_EQ(synfin_connect(sa, &to, NULL, &c), SYNFIN_OK);
    uint8_t packet[1500];
    synfin_event events[4];
    int opened = 0, carried = 0;
    for (int i = 0; i < 4; i++) {
        opened += synfin_poll(sa, events, 4);
        opened += synfin_poll(sa, events, 4);
        for (int64_t n; (n = synfin_output(sa, packet, sizeof packet)) > 0; carried++)
            CHECK_EQ(synfin_input(sb, packet, (size_t)n), SYNFIN_OK);
        CHECK(synfin_next_deadline(sa) > synfin_now(ra) || opened != 0);
        opened += synfin_poll(sb, events, 4);
        opened += synfin_poll(sb, events, 4);
        for (int64_t n; (n = synfin_output(sb, packet, sizeof packet)) > 0; carried++)
            CHECK_EQ(synfin_input(sa, packet, (size_t)n), SYNFIN_OK);
    }
    CHECK_EQ(carried, 3);
    CHECK_EQ(opened, 2);
    CHECK_EQ(synfin_output(sa, packet, 100), SYNFIN_E_INVALID);
    uint8_t large[1501] = {0};
    CHECK_EQ(synfin_input(sa, large, sizeof large), SYNFIN_E_INVALID);
    const int64_t now = synfin_now(ra);
    CHECK_EQ(synfin_poll_at(sa, now + 5, events, 4), 0);
    CHECK_EQ(synfin_now(ra), now + 5);
    synfin_destroy(ra);
    synfin_destroy(rb);
}

int main(void) {
    numbers();
    null_arguments();
    configurations();
    calls();
    endpoints();
    packets();
    return 0;
}
