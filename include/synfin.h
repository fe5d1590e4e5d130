/**
 * @file
 * synfin in C: a TCP endpoint on a device of its own, or on an in-memory wire.
 *
 * The header is C11 and needs no other header of synfin. synfin_poll() writes the events of the C++ API into an
 * array; the program handles them, calls synfin_send() and other functions, and polls again.
 *
 *     synfin_config config;
 *     synfin_runtime *runtime;
 *     char why[256];
 *     SYNFIN_CONFIG_INIT(&config);
 *     config.device = "af_packet:veth0";
 *     config.addresses = "10.0.0.2/24";
 *     if (synfin_open(&config, &runtime, why, sizeof why) < 0) { fprintf(stderr, "%s\n", why); return 1; }
 *     synfin_stack *stack = synfin_stack_at(runtime, 0);
 *     synfin_listen(stack, 7, NULL);
 *     synfin_event events[64];
 *     for (;;) {
 *         int n = synfin_poll(stack, events, 64);
 *         for (int i = 0; i < n; i++) handle(stack, &events[i]);
 *     }
 *
 * Rules that hold for every function:
 * - Errors. A negative result is a code of enum synfin_error; synfin_strerror() returns its sentence. The numbers
 *   never change. A null pointer or a value outside its range gives SYNFIN_E_INVALID. No function exits the
 *   process, throws, or installs a signal handler. (Only a bug in the library aborts the process.)
 * - Threads. A stack belongs to one thread at a time: the one that polls it. synfin_post(), synfin_stop() and
 *   synfin_strerror() may be called from any thread at any time.
 * - Memory. A runtime owns its stacks; synfin_destroy() frees both. The library owns event data, which is valid
 *   until the next synfin_poll() of that stack. synfin_send() copies the bytes.
 * - Units. Times are nanoseconds in an int64_t, sizes are bytes, ports are numbers in host byte order.
 * - Sending. The packets of calls between two polls leave during the second poll. After a synfin_poll() that
 *   returns 0, everything has been sent.
 * - Cost. Calls on a connection are O(1) and allocate nothing. Exceptions are stated at the function.
 */
#ifndef SYNFIN_H
#define SYNFIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The edition of this header. New editions add functions and fields; existing ones keep their meaning. */
#define SYNFIN_C_API 1

/** The SYNFIN_C_API that the library was built with. */
uint32_t synfin_c_api(void);

/* ---- errors ------------------------------------------------------------------------------------------- */

/** What a negative result means. The numbers never change. */
enum synfin_error {
    SYNFIN_OK = 0,
    SYNFIN_E_GONE = -1,           /**< the connection that the handle names has ended */
    SYNFIN_E_INVALID = -2,        /**< an argument is null or outside its range */
    SYNFIN_E_NOT_SUPPORTED = -3,  /**< valid, but not available in this build or kind of runtime */
    SYNFIN_E_NO_MEMORY = -4,      /**< a pool (records, packets, blocks, timers, posts) is empty; counted */
    SYNFIN_E_NO_PORT = -5,        /**< every ephemeral port towards that destination is in use; counted */
    SYNFIN_E_IN_USE = -6,         /**< the address, port or tuple is taken */
    SYNFIN_E_WOULD_BLOCK = -7,    /**< nothing to return now; an event announces it */
    SYNFIN_E_CLOSING = -8,        /**< the sending side has been closed already */
    SYNFIN_E_NOT_CONNECTED = -9,  /**< the call needs a synchronised connection */
    SYNFIN_E_NO_ROUTE = -10,      /**< the destination is neither on link nor behind a gateway */
    SYNFIN_E_NO_DEVICE = -11,     /**< no such interface or device */
    SYNFIN_E_NO_PERMISSION = -12, /**< the operating system refused */
    SYNFIN_E_DEVICE_FAILED = -13, /**< the device refused its configuration */
    SYNFIN_E_INTERNAL = -14       /**< an unexpected exception inside the library: a bug */
};

/** The error as an English sentence without a newline. Never null, for any number; static memory. */
const char *synfin_strerror(int error);

/* ---- values ------------------------------------------------------------------------------------------- */

/** A device and its stacks. */
typedef struct synfin_runtime synfin_runtime;
/** One engine: a whole TCP endpoint for one thread. */
typedef struct synfin_stack synfin_stack;

/** What happened; see below. */
typedef struct synfin_event synfin_event;

/** A handle of one connection of one stack. Copy it freely. 0 names none. Calls with the handle of a connection
 *  that has ended give SYNFIN_E_GONE, until its record has been reused 2^32 times. */
typedef uint64_t synfin_connection;

/** An address and a port. */
typedef struct synfin_endpoint {
    uint8_t family; /**< 4 or 6; 0: none */
    uint8_t reserved;
    uint16_t port;     /**< host byte order */
    uint8_t bytes[16]; /**< transmission order: 10.0.0.1 is {10, 0, 0, 1}, and the rest is zero; IPv6 uses all */
} synfin_endpoint;

/** Bytes of the longest text of an endpoint, with its final zero. */
#define SYNFIN_ENDPOINT_TEXT 56

/** Reads "10.0.0.1:80", "[2001:db8::1]:80", or an address alone (port 0). Errors: SYNFIN_E_INVALID. */
int synfin_parse_endpoint(const char *text, synfin_endpoint *out);

/** Writes "10.0.0.1:80" and a final zero into `into`. Truncates the text to `size` bytes.
 *  @return the length of the whole text, or SYNFIN_E_INVALID. */
int synfin_format_endpoint(const synfin_endpoint *endpoint, char *into, size_t size);

/* ---- opening and ending ------------------------------------------------------------------------------- */

/** What a core does while it has nothing to do; see synfin_idle(). */
enum synfin_idle_policy {
    SYNFIN_IDLE_AUTOMATIC = 0, /**< spin on a NIC, else yield */
    SYNFIN_IDLE_SPIN = 1,      /**< go on polling */
    SYNFIN_IDLE_YIELD = 2,     /**< give the core to other programs between polls */
    SYNFIN_IDLE_SLEEP = 3      /**< after 1,000 empty polls, sleep 50 us at a time; synfin_post() wakes at once */
};

/** Duplicate address detection of IPv6 on a device (RFC 4862 5.4): a probe for each address, and a second of
 *  listening. */
enum synfin_dad {
    SYNFIN_DAD_OFF = 0,        /**< no probe */
    SYNFIN_DAD_OPTIMISTIC = 1, /**< the addresses are used at once, during the second too (RFC 4429) */
    SYNFIN_DAD_WAIT = 2        /**< the addresses are used when the second is over */
};

/**
 * The configuration of a runtime. SYNFIN_CONFIG_INIT sets the defaults, which stand last in the comments below;
 * then set the fields that differ. synfin_open() reads the strings and does not keep them.
 */
typedef struct synfin_config {
    uint32_t size; /**< sizeof this struct in the caller; SYNFIN_CONFIG_INIT sets it */
    uint32_t mtu;  /**< bytes of an IP packet, 576..9000, with IPv6 at least 1280; 1500 */

    const char *device;      /**< "af_packet:veth0", "pci:0000:3b:00.0" ...; not for virtual time */
    const char *addresses;   /**< our addresses with prefix, of either family, separated by commas:
                                  "10.0.0.2/24,2001:db8::2/64" */
    const char *gateway;     /**< one of each family: "10.0.0.254", "10.0.0.254@02:00:00:00:00:01,fe80::1"; "auto":
                                  the IPv6 router that advertises itself; null: none */
    const char *cores;       /**< CPU numbers, one stack for each: "2,3"; null: one usable CPU */
    uint16_t vlan;           /**< 802.1Q VLAN id 1..4094; 0: no tag */
    uint16_t outer_vlan;     /**< 802.1ad; 0: no tag */
    uint16_t port_low;       /**< ephemeral ports, both ends included; 32768 */
    uint16_t port_high;      /**< 60999 */
    uint8_t no_huge;         /**< 1: use ordinary pages even where huge pages are free */
    uint8_t no_offload;      /**< 1: no offloads; the stack computes checksums */
    uint8_t idle;            /**< enum synfin_idle_policy */
    uint8_t verbose;         /**< DPDK's own lines: 0 hidden, 1 shown, 2 with debugging */
    uint32_t wire_loss_ppm;  /**< virtual time: packets lost on purpose per million; 0 */
    uint64_t seed;           /**< 0: secrets from the operating system. Else everything random follows from
                                  it: for tests, never on a network */
    uint32_t max_connections; /**< open connections of a stack, 1..2^24; 65536 */
    uint32_t max_half_open;   /**< half-open connections of a stack, 1..2^24; 16384 */
    uint32_t max_time_wait;   /**< TIME-WAIT records of a stack, 0..2^26; 1048576 */
    uint32_t receive_buffer;  /**< bytes of the largest window offered, 4096..2^30; 2^24. A connection begins with
                                  at most 262144, and the window follows what the program reads */
    uint32_t send_buffer;     /**< bytes that may be queued for sending, 4096..2^30; 2^24. A connection begins with
                                  at most 262144, and the limit grows to twice cwnd */
    uint32_t no_delay;        /**< 1: Nagle's algorithm is off for new connections; 0 */
    uint64_t max_text;        /**< bytes queued by all connections in both directions; 2^31 */
    int64_t msl;              /**< ns, half of TIME-WAIT, 0..130 s; 30 s */
    int64_t delayed_ack;      /**< ns, 0..500 ms; 40 ms */
    int64_t syn_timeout;      /**< ns until a connect without an answer ends; 180 s */
    int64_t user_timeout;     /**< ns until data without an acknowledgement ends a connection; 300 s */
    int64_t keepalive_idle;   /**< ns; 0: no keep-alive */
    int64_t drain;            /**< ns that connections get to close when synfin_serve() or synfin_run() ends; 1 s */
    uint32_t max_timers;      /**< timers of synfin_after() set at once, 1..2^24; 65536 */
    uint32_t max_posts;       /**< waiting messages of synfin_post(), 2..2^24, rounded up to a power of two; 1024 */
    uint32_t dad;             /**< enum synfin_dad: duplicate address detection of IPv6; SYNFIN_DAD_OPTIMISTIC */
    uint32_t reserved;
} synfin_config;

/** Writes the defaults into the first `size` bytes of *config. Use SYNFIN_CONFIG_INIT.
 *  Errors: SYNFIN_E_INVALID (null, or `size` below 8). */
int synfin_config_init(synfin_config *config, size_t size);
#define SYNFIN_CONFIG_INIT(config) synfin_config_init((config), sizeof *(config))

/**
 * Opens config->device, with one stack for each core. A process can open one runtime with a device.
 * @param why gets a sentence that names the problem and the remedy, at most `why_size` bytes with its final zero;
 *        may be null when why_size is 0. Empty on success.
 * @param out the runtime; null on error.
 * Errors: SYNFIN_E_INVALID, _NO_DEVICE, _NO_PERMISSION, _DEVICE_FAILED, _NO_MEMORY, _IN_USE;
 * _NOT_SUPPORTED when the library was built without DPDK.
 * @note cost: seconds; reserves address space for the records.
 */
int synfin_open(const synfin_config *config, synfin_runtime **out, char *why, size_t why_size);

/**
 * Opens two stacks on an in-memory wire, in virtual time: stack 0 with `first`, stack 1 with `second`. For tests:
 * it needs no device, privilege, thread or clock. Both stacks belong to one thread. Only synfin_advance() and
 * synfin_poll_at() move the time. With `second` null there is one stack, whose IP packets pass through
 * synfin_input() and synfin_output().
 * Errors: SYNFIN_E_INVALID, SYNFIN_E_NO_MEMORY; `why` as synfin_open.
 */
int synfin_open_virtual(const synfin_config *first, const synfin_config *second, synfin_runtime **out, char *why,
                        size_t why_size);

/** Ends a runtime: resets open connections (on a device), closes the device, frees everything. No thread may be
 *  in a call on its stacks. Null: nothing happens. */
void synfin_destroy(synfin_runtime *runtime);

/** Stacks of a runtime: one per core, or the ends of a virtual wire. 0 for null. */
unsigned synfin_stacks(const synfin_runtime *runtime);

/** A stack, by its index from 0 on; null when there is none. Valid until synfin_destroy(). */
synfin_stack *synfin_stack_at(synfin_runtime *runtime, unsigned index);

/** A problem that does not stop the device from working, as a sentence with its remedy; null past the last one
 *  (mostly at index 0). Valid until synfin_destroy(). */
const char *synfin_warning(const synfin_runtime *runtime, unsigned index);

/**
 * Serves until synfin_stop(): the library's loop polls every stack on a pinned thread of its core and rests as
 * config.idle says. After each poll that has events it calls handle(context, stack, events, count) on the stack's
 * thread, with at most 64 events of synfin_poll(). After synfin_stop() it closes or resets the connections within
 * config.drain, delivers their events, and returns.
 * Errors: SYNFIN_E_INVALID (a CPU that we may not use), SYNFIN_E_NOT_SUPPORTED (virtual time).
 */
int synfin_serve(synfin_runtime *runtime,
                 void (*handle)(void *context, synfin_stack *stack, const synfin_event *events, int count),
                 void *context);

/** Ends synfin_serve(). If it has not begun, it will return at once. Any thread or signal handler may call it. */
void synfin_stop(synfin_runtime *runtime);

/**
 * For loops of your own: runs body(context, stacks, count, core) on one pinned thread for each core, and returns
 * when all have returned. `stacks` are those of that core. DPDK keeps a packet cache for these threads, so they
 * are faster than other threads. Connections that a body leaves open are drained within config.drain.
 * Errors: SYNFIN_E_INVALID (a CPU that we may not use), SYNFIN_E_NOT_SUPPORTED (virtual time).
 */
int synfin_run(synfin_runtime *runtime,
               void (*body)(void *context, synfin_stack *const *stacks, unsigned count, unsigned core),
               void *context);

/* ---- time --------------------------------------------------------------------------------------------- */

/** The clock of all stacks of a runtime: ns since an arbitrary origin, not wall-clock time. Errors:
 *  SYNFIN_E_INVALID. */
int64_t synfin_now(const synfin_runtime *runtime);

/**
 * Virtual time: moves the clock by at most `ns`, at most 20 days, and no further than to the next deadline of a
 * stack, so that each timer expires at its own time. Before it, call synfin_poll() on both stacks until both return 0.
 * @return how far the clock moved; 0: a stack has something to do now, poll both. Errors: SYNFIN_E_INVALID
 *         (negative), SYNFIN_E_NOT_SUPPORTED (a device, whose clock runs by itself).
 * @note cost: visits every record.
 */
int64_t synfin_advance(synfin_runtime *runtime, int64_t ns);

/** The latest time for the next synfin_poll() if no packet arrives, in ns on the clock of synfin_now(); -1:
 *  nothing is pending; SYNFIN_E_INVALID for null.
 *  @note cost: visits every record: for virtual time and tests. */
int64_t synfin_next_deadline(const synfin_stack *stack);

/* ---- events ------------------------------------------------------------------------------------------- */

/** Kinds of events. The numbers never change; skip kinds that you do not know. */
enum synfin_event_kind {
    SYNFIN_OPEN = 1,     /**< a connection of synfin_connect() or of a listener (see `token`) is established */
    SYNFIN_DATA = 2,     /**< in-order bytes from the peer; all count as taken unless synfin_take() says less */
    SYNFIN_WRITABLE = 3, /**< room again after a send that took less than given, or found no memory */
    SYNFIN_PEER_FIN = 4, /**< the peer sends no more data; call synfin_close() when done */
    SYNFIN_CLOSE = 5,    /**< the connection has ended, `reason` says why; the handle is gone. Comes exactly once
                              for every connection of synfin_connect() and of SYNFIN_OPEN */
    SYNFIN_TIMER = 6,    /**< a timer of synfin_after() has expired: `token` is its tag */
    SYNFIN_POST = 7      /**< a message of synfin_post(): `token` is its tag, `value` its value */
};

/** Why a connection ended. The numbers never change. */
enum synfin_close_reason {
    SYNFIN_CLOSED_FIN = 0,            /**< both sides sent FIN, and both were acknowledged */
    SYNFIN_CLOSED_RESET_BY_PEER = 1,  /**< RST on a synchronised connection */
    SYNFIN_CLOSED_REFUSED = 2,        /**< RST in answer to our SYN */
    SYNFIN_CLOSED_TIMED_OUT = 3,      /**< the user timeout passed without an acknowledgement */
    SYNFIN_CLOSED_SYN_TIMED_OUT = 4,  /**< no answer to our SYN */
    SYNFIN_CLOSED_ABORTED = 5,        /**< synfin_abort(), or data that arrived after synfin_close() */
    SYNFIN_CLOSED_UNREACHABLE = 6,    /**< a hard ICMP error for our SYN, or the next hop does not answer */
    SYNFIN_CLOSED_FIN_WAIT_2 = 7      /**< the peer never sent its FIN after synfin_close() */
};

/** "fin", "reset_by_peer" ...; "unknown" for other numbers. Static memory. */
const char *synfin_close_reason_name(int reason);

/** One event; 64 bytes. Fields that its kind does not use are zero. */
struct synfin_event {
    uint32_t kind;   /**< enum synfin_event_kind */
    int32_t reason;  /**< SYNFIN_CLOSE: enum synfin_close_reason */
    synfin_connection connection;
    uint64_t token;    /**< SYNFIN_OPEN: the listener's token; 0 for synfin_connect(). SYNFIN_TIMER and
                            SYNFIN_POST: the tag */
    uint64_t user_tag; /**< of the connection, set by synfin_connect() or synfin_set_user_tag() */
    const uint8_t *data; /**< SYNFIN_DATA: valid until the next synfin_poll() of the stack */
    size_t length;       /**< bytes of data, at least 1 */
    uint64_t value; /**< SYNFIN_POST */
    uint32_t slot; /**< for the library's own use in synfin_take() */
    uint32_t flags; /**< SYNFIN_WAS_OPEN */
};

/** Bit of `flags` on SYNFIN_CLOSE: the connection had reached ESTABLISHED. */
#define SYNFIN_WAS_OPEN 1u

/** The most events that one synfin_poll() returns. A larger capacity counts as this. */
#define SYNFIN_MOST_EVENTS 256

/**
 * One turn: sends the segments of the calls since the last poll, receives a burst of packets, runs timers that
 * are due, and writes events to events[0 .. result), in the order in which they happened. An array holds at most
 * one event of a connection; the next one of the same connection comes with the next poll. Events that do not
 * fit come with the next poll, before the stack receives again.
 * @param capacity 1..SYNFIN_MOST_EVENTS
 * @return the number of events; 0: none, and everything has been sent. Errors: SYNFIN_E_INVALID.
 * @note cost: one burst of at most 32 packets and 256 timers.
 */
int synfin_poll(synfin_stack *stack, synfin_event *events, int capacity);

/** The same at the time `now`, in ns on the clock of synfin_now(), never less than before: for loops that poll
 *  several stacks and read the clock once. In virtual time it sets the clock. */
int synfin_poll_at(synfin_stack *stack, int64_t now, synfin_event *events, int capacity);

/**
 * Takes only the first `bytes` of a SYNFIN_DATA event. The stack keeps the rest, and the window shrinks by it.
 * synfin_receive() reads it, or synfin_resume() asks for another SYNFIN_DATA. Call it at most once for an event,
 * before the next poll.
 * Errors: SYNFIN_E_INVALID (no data event of the last poll, or more bytes than it has).
 */
int synfin_take(synfin_stack *stack, const synfin_event *event, size_t bytes);

/** Rests after a poll: returns at once when `events` is not 0, else pauses, yields or sleeps as config.idle says.
 *  Virtual time: does nothing. */
void synfin_idle(synfin_stack *stack, int events);

/* ---- listeners and connections ------------------------------------------------------------------------ */

/** Initialise it with `synfin_listen_options options = {.size = sizeof options};` */
typedef struct synfin_listen_options {
    uint32_t size;
    uint32_t backlog;        /**< half-open connections of this listener at most; 0: config.max_half_open */
    uint64_t token;          /**< chosen by the program; SYNFIN_OPEN brings it */
    synfin_endpoint address; /**< one of ours (its port is ignored); family 0: all of them */
} synfin_listen_options;

/** Accepts connections to a port, 1..65535. @param options may be null.
 *  Errors: SYNFIN_E_IN_USE, SYNFIN_E_INVALID (port 0, an address that is not ours). */
int synfin_listen(synfin_stack *stack, uint16_t port, const synfin_listen_options *options);

/** Stops accepting on a port and resets its half-open connections; open connections stay.
 *  @param options those of synfin_listen(), of which only the address matters; may be null.
 *  Errors: SYNFIN_E_INVALID (nothing listens there). @note cost: visits every half-open record. */
int synfin_unlisten(synfin_stack *stack, uint16_t port, const synfin_listen_options *options);

/** Initialise it with `synfin_connect_options options = {.size = sizeof options};` */
typedef struct synfin_connect_options {
    uint32_t size;
    uint32_t reserved;
    uint64_t user_tag;      /**< chosen by the program; every event of the connection brings it */
    synfin_endpoint source; /**< one of our addresses, of the peer's family; family 0: chosen by RFC 6724; port 0: an
                                 ephemeral port */
} synfin_connect_options;

/** Opens a connection to `peer`. SYNFIN_OPEN or SYNFIN_CLOSE reports the outcome. Data may be queued at once; it
 *  leaves when the connection is open. @param options may be null.
 *  Errors: SYNFIN_E_NO_PORT, _NO_MEMORY, _IN_USE (the tuple of options->source), _INVALID (port 0, multicast or
 *  broadcast, an IPv4-mapped address), _NO_ROUTE (or no address of ours has the peer's family). */
int synfin_connect(synfin_stack *stack, const synfin_endpoint *peer, const synfin_connect_options *options,
                   synfin_connection *out);

/** Queues a copy of `size` bytes for sending.
 *  @return the number of bytes taken, from the first on: less than `size` when the send buffer is full;
 *          SYNFIN_WRITABLE follows then. Errors: SYNFIN_E_GONE, _CLOSING (after shutdown or close), _NO_MEMORY
 *          (SYNFIN_WRITABLE follows), _INVALID. */
int64_t synfin_send(synfin_stack *stack, synfin_connection connection, const void *data, size_t size);

/** A piece of data for synfin_sendv(). */
typedef struct synfin_piece {
    const void *data;
    size_t size;
} synfin_piece;

/** Queues `count` pieces, 0..1024, in order. @return and errors: as synfin_send() of all bytes together; after an
 *  error no byte was taken. */
int64_t synfin_sendv(synfin_stack *stack, synfin_connection connection, const synfin_piece *pieces, int count);

/** Reads bytes that synfin_take() left. Do not use the data of the connection's last SYNFIN_DATA after that.
 *  @return bytes copied to `into`; 0: none are left, and the peer has sent FIN. Errors: SYNFIN_E_WOULD_BLOCK (none
 *  now), SYNFIN_E_GONE, SYNFIN_E_INVALID. */
int64_t synfin_receive(synfin_stack *stack, synfin_connection connection, void *into, size_t size);

/** Asks for a SYNFIN_DATA with the bytes that synfin_take() left. Call it when the program can take more, for
 *  example on SYNFIN_WRITABLE. The events stop when all bytes are taken, or when synfin_take() leaves some again. */
int synfin_resume(synfin_stack *stack, synfin_connection connection);

/** Half-close: sends FIN after all queued data; receiving goes on. Before the peer has answered the SYN, it ends
 *  the connection and discards queued data (RFC 9293 3.10.4). Errors: SYNFIN_E_GONE, SYNFIN_E_CLOSING. */
int synfin_shutdown(synfin_stack *stack, synfin_connection connection);

/** Closes both directions: sends FIN after all queued data, and answers unread or later data with RST.
 *  SYNFIN_CLOSE follows. Before the peer has answered the SYN: as synfin_shutdown().
 *  Errors: SYNFIN_E_GONE, SYNFIN_E_CLOSING. */
int synfin_close(synfin_stack *stack, synfin_connection connection);

/** Sends RST at once and discards queued data. SYNFIN_CLOSE follows. Errors: SYNFIN_E_GONE. */
int synfin_abort(synfin_stack *stack, synfin_connection connection);

/** Bytes that synfin_send() would take now. Errors: SYNFIN_E_GONE, SYNFIN_E_INVALID. */
int64_t synfin_room(const synfin_stack *stack, synfin_connection connection);

/** 64 bits for the program; initially 0. synfin_user_tag() returns 0 when the connection is gone. */
int synfin_set_user_tag(synfin_stack *stack, synfin_connection connection, uint64_t user_tag);
uint64_t synfin_user_tag(const synfin_stack *stack, synfin_connection connection);

/** 1: Nagle's algorithm is off for this connection, 0: on. Errors: SYNFIN_E_GONE. */
int synfin_set_no_delay(synfin_stack *stack, synfin_connection connection, int on);

/** Time in ns without an acknowledgement after which the connection ends, at most 18 h; 0: config.user_timeout.
 *  Errors: SYNFIN_E_GONE, SYNFIN_E_INVALID. */
int synfin_set_user_timeout(synfin_stack *stack, synfin_connection connection, int64_t ns);

/** A snapshot of a connection. */
typedef struct synfin_info {
    uint32_t size;       /**< set it to sizeof before the call */
    uint32_t state;      /**< 0 CLOSED ... 10 TIME-WAIT, see synfin_state_name() */
    synfin_endpoint local, peer;
    uint32_t mss;          /**< bytes of the largest segment that we send, options included */
    uint32_t window;       /**< the peer's window: bytes that it accepts beyond the acknowledged ones */
    uint32_t cwnd;         /**< bytes */
    uint32_t srtt_us;      /**< smoothed round-trip time; 0: not measured yet */
    uint32_t rto_ms;       /**< retransmission timeout */
    uint32_t unsent, unacked, unread; /**< bytes queued, in flight, left by synfin_take() */
    uint32_t ssthresh;     /**< bytes; 2^32 - 1 before the first loss */
    uint32_t rttvar_us;    /**< variation of the round-trip time */
    uint32_t min_rtt_us;   /**< least round-trip time of the last 157 to 314 s; 0: no sample */
    uint32_t pmtu;         /**< bytes of an IP packet on the path */
    uint32_t control;      /**< congestion control: 0 CUBIC, 1 NewReno */
    uint32_t loss_state;   /**< 0 open, 1 disorder, 2 fast recovery, 3 loss (after a timeout) */
    uint32_t backoff;      /**< timeouts or probes in a row without an answer */
    uint32_t flight, sacked, lost; /**< bytes in the network (RFC 6675: pipe), reported by SACK, counted as lost */
    uint32_t retransmitted; /**< segments sent again since the connection was idle */
    uint32_t reordering_us; /**< reordering window (RFC 8985); 0: any gap counts as a loss */
    uint32_t snd_una, snd_nxt, rcv_nxt; /**< sequence numbers (RFC 9293 3.3.1) */
    uint32_t rcv_wnd;      /**< bytes that we offer beyond rcv_nxt */
    uint32_t rcv_limit;    /**< bytes to which the window may open now */
    uint32_t rcv_rtt_us;   /**< round-trip time as the receiver sees it; 0: not measured */
    uint32_t out_of_order; /**< bytes that arrived beyond a hole */
    uint32_t timer;        /**< 0 none, 1 SYN, 2 retransmission, 3 window probe, 4 tail loss probe, 5 reordering,
                                6 keep-alive, 7 FIN-WAIT-2, 8 TIME-WAIT, 9 idle, 10 age of TS.Recent */
    uint32_t timer_ms;     /**< milliseconds until it expires */
    uint32_t user_timeout_ms; /**< in force */
    uint32_t flags;        /**< SYNFIN_HAS_TIMESTAMPS ... */
} synfin_info;

/** Bits of synfin_info.flags. */
#define SYNFIN_HAS_TIMESTAMPS 1u   /**< negotiated (RFC 7323) */
#define SYNFIN_HAS_WINDOW_SCALE 2u /**< negotiated (RFC 7323) */
#define SYNFIN_HAS_SACK 4u         /**< negotiated (RFC 2018) */
#define SYNFIN_HAS_ECN 8u          /**< negotiated (RFC 3168) */
#define SYNFIN_OWES_ACK 16u        /**< text has arrived that is not acknowledged yet */

/** Errors: SYNFIN_E_GONE, SYNFIN_E_INVALID (null, or a size below 8). */
int synfin_get_info(const synfin_stack *stack, synfin_connection connection, synfin_info *out);

/** The state's name in RFC 9293: "ESTABLISHED"; "unknown" for other numbers. Static memory. */
const char *synfin_state_name(unsigned state);

/* ---- timers and messages ------------------------------------------------------------------------------- */

/** One timer of one stack; 0 names none. */
typedef uint64_t synfin_timer;

/** Sets a timer: SYNFIN_TIMER comes with the first poll that is `ns` or more after the last poll, rounded up to a
 *  whole millisecond. Timers of the same millisecond expire in any order.
 *  @param ns 0 to 20 days @param tag chosen by the program @param out for synfin_cancel(); may be null
 *  Errors: SYNFIN_E_INVALID, SYNFIN_E_NO_MEMORY (config.max_timers are set; counted as `timers_full`). */
int synfin_after(synfin_stack *stack, int64_t ns, uint64_t tag, synfin_timer *out);

/** Cancels a timer. Errors: SYNFIN_E_GONE (it has expired, or was cancelled). */
int synfin_cancel(synfin_stack *stack, synfin_timer timer);

/** Sends a message to a stack; any thread may call it, until synfin_destroy(). SYNFIN_POST comes with a later
 *  poll, at most 256 in a turn. Messages of one thread keep their order. When the event comes, the stack's thread
 *  sees everything that the posting thread wrote before.
 *  Errors: SYNFIN_E_NO_MEMORY (config.max_posts wait; counted as `posts_full`).
 *  @note cost: two atomic operations; a system call when the stack's thread sleeps. */
int synfin_post(synfin_stack *stack, uint64_t tag, uint64_t value);

/** A descriptor for poll, select or epoll that is readable while messages of synfin_post() wait. Packets and
 *  timers do not make it readable. The library owns it: do not read, write or close it.
 *  @return the descriptor. Errors: SYNFIN_E_NO_MEMORY (none is left), SYNFIN_E_INVALID. */
int synfin_wake_fd(synfin_stack *stack);

/* ---- ending ------------------------------------------------------------------------------------------- */

/** Begins to close everything on a stack: removes the listeners, sends FIN on every connection, and after `ns`
 *  RST on those that are still open. 0: RST at once. Go on polling until synfin_is_drained() returns 1; events
 *  still come. Errors: SYNFIN_E_INVALID (negative), SYNFIN_E_IN_USE (the drain has begun already).
 *  @note cost: visits every half-open record now, and 64 connections per poll. */
int synfin_drain(synfin_stack *stack, int64_t ns);

/** 1 when the drain is complete, else 0. Errors: SYNFIN_E_INVALID. */
int synfin_is_drained(const synfin_stack *stack);

/** 1 when duplicate address detection has found one of our IPv6 addresses on another host; then `why` gets a
 *  sentence of at most `why_size` bytes, and the stack sends no IPv6 packet. 0: no duplicate so far.
 *  Errors: SYNFIN_E_INVALID (null). */
int synfin_duplicate_address(const synfin_stack *stack, char *why, size_t why_size);

/* ---- counters ----------------------------------------------------------------------------------------- */

/** Reads a counter by its name in docs/counters.md: "retransmitted", or a drop reason as "bad_tcp_checksum".
 *  Errors: SYNFIN_E_INVALID (no such name). @note cost: compares names. */
int synfin_counter(const synfin_stack *stack, const char *name, uint64_t *value);

/** The names of the counters, from index 0 on; null past the last. Static memory. */
const char *synfin_counter_name(unsigned index);

/** The records in use. `open`, `half_open` and `time_wait` may each be null. Errors: SYNFIN_E_INVALID. */
int synfin_records(const synfin_stack *stack, uint32_t *open, uint32_t *half_open, uint32_t *time_wait);

/* ---- packets of a virtual stack without a peer --------------------------------------------------------- */

/** Passes in an IPv4 or IPv6 packet; the next synfin_poll() processes it. Errors: SYNFIN_E_INVALID (longer than
 *  the MTU), SYNFIN_E_NO_MEMORY (2048 packets wait), SYNFIN_E_NOT_SUPPORTED (not such a stack). */
int synfin_input(synfin_stack *stack, const void *packet, size_t size);

/** Copies the next packet to send into `into`. @return its length in bytes; 0: none. Errors: SYNFIN_E_INVALID
 *  (`size` is below the MTU), SYNFIN_E_NOT_SUPPORTED (not such a stack). @note cost: allocates. */
int64_t synfin_output(synfin_stack *stack, void *into, size_t size);

#ifdef __cplusplus
}
#endif

#endif
