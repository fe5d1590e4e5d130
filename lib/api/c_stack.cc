/// @file
/// synfin.h: runtimes, and a stack's turn, which returns its events as an array.

#include <algorithm>
#include <cstring>
#include <memory>

#include "api/c_handles.hh"
#include "stack/engine.hh"

namespace synfin::c {

namespace {

static_assert(sizeof(synfin_event) == 64);
static_assert(static_cast<int>(CloseReason::fin) == SYNFIN_CLOSED_FIN);
static_assert(static_cast<int>(CloseReason::reset_by_peer) == SYNFIN_CLOSED_RESET_BY_PEER);
static_assert(static_cast<int>(CloseReason::refused) == SYNFIN_CLOSED_REFUSED);
static_assert(static_cast<int>(CloseReason::timed_out) == SYNFIN_CLOSED_TIMED_OUT);
static_assert(static_cast<int>(CloseReason::syn_timed_out) == SYNFIN_CLOSED_SYN_TIMED_OUT);
static_assert(static_cast<int>(CloseReason::aborted) == SYNFIN_CLOSED_ABORTED);
static_assert(static_cast<int>(CloseReason::unreachable) == SYNFIN_CLOSED_UNREACHABLE);
static_assert(static_cast<int>(CloseReason::fin_wait_2_timed_out) == SYNFIN_CLOSED_FIN_WAIT_2);

synfin_connection handle_of(Connection c) noexcept {
    return uint64_t{c.generation()} << 32 | c.index();
}

/// Tells the stack how many bytes of the last array's data events were taken.
void settle_all(synfin_stack& s) noexcept {
    for (uint32_t i = 0; i < s.shown_count; ++i) settle(s, s.shown[i]);
    s.shown_count = 0;
    s.marks.clear();
}

void write_data(synfin_stack& s, const Event& event, synfin_event& out) noexcept {
    out.kind = SYNFIN_DATA;
    out.data = event.data.data();
    out.length = event.data.size();
    out.slot = s.shown_count;
    s.shown[s.shown_count++] = {event.connection, event.data, event.item,
                                static_cast<uint32_t>(event.data.size()), false};
}

void write(synfin_stack& s, const Event& event, synfin_event& out) noexcept {
    out = {};
    if (event.connection) {
        s.marks.mark(event.connection.index());
        out.connection = handle_of(event.connection);
        if (event.kind != Event::Kind::close) out.user_tag = event.connection.user_tag();
    }
    switch (event.kind) {
        case Event::Kind::open:
            out.kind = SYNFIN_OPEN;
            out.token = event.token;
            return;
        case Event::Kind::data: write_data(s, event, out); return;
        case Event::Kind::writable: out.kind = SYNFIN_WRITABLE; return;
        case Event::Kind::peer_fin: out.kind = SYNFIN_PEER_FIN; return;
        case Event::Kind::close:
            out.kind = SYNFIN_CLOSE;
            out.reason = static_cast<int32_t>(event.why.reason);
            out.user_tag = event.why.user_tag;
            out.flags = event.why.established ? SYNFIN_WAS_OPEN : 0;
            return;
        case Event::Kind::timer:
            out.kind = SYNFIN_TIMER;
            out.token = event.tag;
            return;
        case Event::Kind::post:
            out.kind = SYNFIN_POST;
            out.token = event.message.tag;
            out.value = event.message.value;
            return;
    }
}

int collect(synfin_stack& s, std::span<synfin_event> into) noexcept {
    size_t n = 0;
    while (n < into.size()) {
        const Event* event = s.stack->engine().connections().next_event_of_others(s.marks);
        if (event == nullptr) break;
        write(s, *event, into[n++]);
    }
    return static_cast<int>(n);
}

/// Ends the turn. Returns whether anything was sent.
bool end_turn(synfin_stack& s, Instant now) {
    const bool is_busy = s.stack->end();
    s.is_turn_open = false;
    s.drain.turn(*s.stack, now);
    s.owner->after_turn(s.index);
    return is_busy;
}

std::span<synfin_event> array_of(synfin_event* events, int capacity) noexcept {
    if (events == nullptr || capacity < 1) return {};
    return {events, static_cast<size_t>(std::min(capacity, SYNFIN_MOST_EVENTS))};
}

}  // namespace

Shown* left_of(synfin_stack& s, Connection connection) noexcept {
    if (!s.marks.has(connection.index())) return nullptr;
    for (uint32_t i = 0; i < s.shown_count; ++i) {
        Shown& shown = s.shown[i];
        if (shown.connection == connection && shown.taken < shown.data.size()) return &shown;
    }
    return nullptr;
}

void settle(synfin_stack& s, Shown& shown) noexcept {
    if (shown.item == 0 && shown.taken == shown.data.size()) return;
    Event event;
    event.kind = Event::Kind::data;
    event.connection = shown.connection;
    event.data = shown.data;
    event.item = shown.item;
    s.stack->taken(event, shown.taken);
    if (shown.resumes) static_cast<void>(shown.connection.resume());
    shown = {.connection = shown.connection, .data = {}, .item = 0, .taken = 0, .resumes = false};
}

/// A turn stays open while the program handles its events, because they point into packets that end() frees.
Polled poll(synfin_stack& s, Instant now, std::span<synfin_event> into) {
    settle_all(s);
    bool is_busy = false;
    if (s.is_turn_open) {
        if (const int n = collect(s, into); n != 0) return {n, true};
        is_busy = end_turn(s, now);
    }
    s.owner->before_turn(s.index);
    is_busy |= s.stack->begin(now);
    s.is_turn_open = true;
    const int n = collect(s, into);
    if (n == 0) is_busy |= end_turn(s, now);
    return {n, is_busy || n != 0};
}

}  // namespace synfin::c

using namespace synfin;

void synfin_destroy(synfin_runtime* runtime) {
    delete runtime;
}

unsigned synfin_stacks(const synfin_runtime* runtime) {
    return runtime != nullptr ? static_cast<unsigned>(runtime->stacks.size()) : 0;
}

synfin_stack* synfin_stack_at(synfin_runtime* runtime, unsigned index) {
    return index < synfin_stacks(runtime) ? runtime->stacks[index].get() : nullptr;
}

const char* synfin_warning(const synfin_runtime* runtime, unsigned index) {
    return runtime != nullptr ? runtime->warning(index) : nullptr;
}

int synfin_run(synfin_runtime* runtime, void (*body)(void*, synfin_stack* const*, unsigned, unsigned),
               void* context) {
    if (runtime == nullptr || body == nullptr) return SYNFIN_E_INVALID;
    return c::guarded([&] { return runtime->run(body, context); });
}

int synfin_serve(synfin_runtime* runtime, void (*handle)(void*, synfin_stack*, const synfin_event*, int),
                 void* context) {
    if (runtime == nullptr || handle == nullptr) return SYNFIN_E_INVALID;
    return c::guarded([&] { return runtime->serve(handle, context); });
}

void synfin_stop(synfin_runtime* runtime) {
    if (runtime != nullptr) runtime->stop.store(true, std::memory_order_relaxed);
}

int64_t synfin_now(const synfin_runtime* runtime) {
    return runtime != nullptr ? runtime->now().ns() : int64_t{SYNFIN_E_INVALID};
}

int64_t synfin_advance(synfin_runtime* runtime, int64_t ns) {
    if (runtime == nullptr || ns < 0) return SYNFIN_E_INVALID;
    return c::guarded([&] { return runtime->advance(Duration(ns)); });
}

int64_t synfin_next_deadline(const synfin_stack* stack) {
    if (stack == nullptr) return SYNFIN_E_INVALID;
    const auto deadline = stack->stack->next_deadline();
    return deadline ? deadline->ns() : int64_t{-1};
}

int synfin_poll(synfin_stack* stack, synfin_event* events, int capacity) {
    const auto into = c::array_of(events, capacity);
    if (stack == nullptr || into.empty()) return SYNFIN_E_INVALID;
    return c::guarded([&] { return c::poll(*stack, stack->owner->now(), into).events; });
}

int synfin_poll_at(synfin_stack* stack, int64_t now, synfin_event* events, int capacity) {
    const auto into = c::array_of(events, capacity);
    if (stack == nullptr || into.empty() || now < 0) return SYNFIN_E_INVALID;
    stack->owner->set_now(Instant::from_ns(now));
    return c::guarded([&] { return c::poll(*stack, Instant::from_ns(now), into).events; });
}

int synfin_take(synfin_stack* stack, const synfin_event* event, size_t bytes) {
    if (stack == nullptr || event == nullptr || event->kind != SYNFIN_DATA) return SYNFIN_E_INVALID;
    if (event->slot >= stack->shown_count) return SYNFIN_E_INVALID;
    c::Shown& shown = stack->shown[event->slot];
    if (c::handle_of(shown.connection) != event->connection || bytes > shown.data.size())
        return SYNFIN_E_INVALID;
    shown.taken = static_cast<uint32_t>(bytes);
    return SYNFIN_OK;
}

void synfin_idle(synfin_stack* stack, int events) {
    if (stack != nullptr) stack->owner->idle(stack->index, events != 0);
}

int synfin_after(synfin_stack* stack, int64_t ns, uint64_t tag, synfin_timer* out) {
    if (out != nullptr) *out = 0;
    if (stack == nullptr) return SYNFIN_E_INVALID;
    const auto timer = stack->stack->after(Duration(ns), tag);
    if (!timer) return c::code_of(timer.error());
    if (out != nullptr) *out = uint64_t{timer->generation} << 32 | timer->index;
    return SYNFIN_OK;
}

int synfin_cancel(synfin_stack* stack, synfin_timer timer) {
    if (stack == nullptr) return SYNFIN_E_INVALID;
    const TimerId id{static_cast<uint32_t>(timer), static_cast<uint32_t>(timer >> 32)};
    return c::code_of(stack->stack->cancel(id).error());
}

int synfin_post(synfin_stack* stack, uint64_t tag, uint64_t value) {
    return stack != nullptr ? c::code_of(stack->stack->post(tag, value).error()) : SYNFIN_E_INVALID;
}

int synfin_wake_fd(synfin_stack* stack) {
    if (stack == nullptr) return SYNFIN_E_INVALID;
    const auto fd = stack->stack->wake_fd();
    return fd ? *fd : c::code_of(fd.error());
}

int synfin_drain(synfin_stack* stack, int64_t ns) {
    if (stack == nullptr || ns < 0) return SYNFIN_E_INVALID;
    if (stack->drain.has_begun()) return SYNFIN_E_IN_USE;
    stack->drain.begin(*stack->stack, stack->owner->now(), Duration(ns));
    return SYNFIN_OK;
}

int synfin_is_drained(const synfin_stack* stack) {
    if (stack == nullptr) return SYNFIN_E_INVALID;
    return stack->drain.is_over() ? 1 : 0;
}

int synfin_counter(const synfin_stack* stack, const char* name, uint64_t* value) {
    if (stack == nullptr || name == nullptr || value == nullptr) return SYNFIN_E_INVALID;
    const Counters& counters = stack->stack->counters();
    const size_t events = counters.events.size();
    for (unsigned i = 0; const char* known = synfin_counter_name(i); ++i) {
        if (std::strcmp(known, name) != 0) continue;
        *value = i < events ? counters.events[i] : counters.drops[i - events + 1];
        return SYNFIN_OK;
    }
    return SYNFIN_E_INVALID;
}

int synfin_duplicate_address(const synfin_stack* stack, char* why, size_t why_size) {
    const c::Why told(why, why_size);
    if (stack == nullptr) return SYNFIN_E_INVALID;
    return c::guarded([&]() -> int {
        const auto& duplicate = stack->stack->duplicate_address();
        if (!duplicate) return 0;
        told.say(duplicate->text());
        return 1;
    });
}

int synfin_records(const synfin_stack* stack, uint32_t* open, uint32_t* half_open, uint32_t* time_wait) {
    if (stack == nullptr) return SYNFIN_E_INVALID;
    const RecordCount records = stack->stack->records();
    if (open != nullptr) *open = records.open;
    if (half_open != nullptr) *half_open = records.half_open;
    if (time_wait != nullptr) *time_wait = records.time_wait;
    return SYNFIN_OK;
}

int synfin_input(synfin_stack* stack, const void* packet, size_t size) {
    if (stack == nullptr || packet == nullptr) return SYNFIN_E_INVALID;
    const Bytes bytes(static_cast<const uint8_t*>(packet), size);
    return c::guarded([&] { return stack->owner->input(stack->index, bytes); });
}

int64_t synfin_output(synfin_stack* stack, void* into, size_t size) {
    if (stack == nullptr || into == nullptr) return SYNFIN_E_INVALID;
    const MutableBytes bytes(static_cast<uint8_t*>(into), size);
    return c::guarded([&] { return stack->owner->output(stack->index, bytes); });
}
