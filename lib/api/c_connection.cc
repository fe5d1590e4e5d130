/// @file
/// synfin.h: calls on listeners and connections.

#include <algorithm>
#include <cstring>
#include <memory>

#include "api/c_handles.hh"
#include "stack/engine.hh"

namespace synfin::c {

namespace {

using UserTag = decltype(Connection().user_tag());

/// The connection of a handle. An invalid handle gives a connection that is gone.
Connection connection_of(const synfin_stack& s, synfin_connection handle) noexcept {
    const auto index = static_cast<uint32_t>(handle);
    stack::Connections* owner = &s.stack->engine().connections();
    if (index == 0 || index > s.stack->config().max_connections) return {owner, 0, 0};
    return {owner, index, static_cast<uint32_t>(handle >> 32)};
}

template <typename T>
int64_t result_of(const Result<T>& result) noexcept {
    return result ? int64_t{*result} : int64_t{code_of(result.error())};
}
int result_of(const Result<void>& result) noexcept {
    return code_of(result.error());
}

/// The bytes as a span, at most 2^30 per call, so that 32 bits hold the result.
Bytes bytes_of(const void* data, size_t size) noexcept {
    return {static_cast<const uint8_t*>(data), std::min<size_t>(size, 1u << 30)};
}

template <typename Call>
int call(synfin_stack* stack, synfin_connection connection, Call&& call) noexcept {
    if (stack == nullptr) return SYNFIN_E_INVALID;
    return result_of(call(connection_of(*stack, connection)));
}

/// Reads an optional address of the options. Returns false and sets `error` if it is invalid.
bool read_address(const synfin_endpoint& from, std::optional<IpAddress>& to, int& error) noexcept {
    if (from.family == 0) return true;
    const auto known = endpoint_of(from);
    error = SYNFIN_E_INVALID;
    if (!known) return false;
    to = known->addr;
    return true;
}

}  // namespace

}  // namespace synfin::c

using namespace synfin;

int synfin_listen(synfin_stack* stack, uint16_t port, const synfin_listen_options* options) {
    const auto known = c::options_of(options);
    if (stack == nullptr || !known) return SYNFIN_E_INVALID;
    ListenOptions how{.token = known->token, .backlog = known->backlog};
    int error = 0;
    if (!c::read_address(known->address, how.address, error)) return error;
    return c::code_of(stack->stack->listen(port, how).error());
}

int synfin_unlisten(synfin_stack* stack, uint16_t port, const synfin_listen_options* options) {
    const auto known = c::options_of(options);
    if (stack == nullptr || !known) return SYNFIN_E_INVALID;
    std::optional<IpAddress> address;
    int error = 0;
    if (!c::read_address(known->address, address, error)) return error;
    return c::code_of(stack->stack->unlisten(port, address).error());
}

int synfin_connect(synfin_stack* stack, const synfin_endpoint* peer, const synfin_connect_options* options,
                   synfin_connection* out) {
    if (out != nullptr) *out = 0;
    const auto known = c::options_of(options);
    if (stack == nullptr || peer == nullptr || out == nullptr || !known) return SYNFIN_E_INVALID;
    const auto to = c::endpoint_of(*peer);
    if (!to) return SYNFIN_E_INVALID;
    ConnectOptions how;
    int error = 0;
    if (!c::read_address(known->source, how.source, error)) return error;
    how.source_port = known->source.port;
    how.user_tag = static_cast<c::UserTag>(known->user_tag);
    const auto made = stack->stack->connect(*to, how);
    if (!made) return c::code_of(made.error());
    *out = uint64_t{made->generation()} << 32 | made->index();
    return SYNFIN_OK;
}

int64_t synfin_send(synfin_stack* stack, synfin_connection connection, const void* data, size_t size) {
    if (stack == nullptr || (data == nullptr && size != 0)) return SYNFIN_E_INVALID;
    return c::result_of(c::connection_of(*stack, connection).send(c::bytes_of(data, size)));
}

int64_t synfin_sendv(synfin_stack* stack, synfin_connection connection, const synfin_piece* pieces,
                     int count) {
    if (stack == nullptr || (pieces == nullptr && count != 0) || count < 0 || count > 1024)
        return SYNFIN_E_INVALID;
    for (int i = 0; i < count; ++i)
        if (pieces[i].data == nullptr && pieces[i].size != 0) return SYNFIN_E_INVALID;
    Connection c = c::connection_of(*stack, connection);
    std::array<Bytes, 64> some;
    int64_t done = 0;
    for (int i = 0; i < count || i == 0;) {
        size_t n = 0, size = 0;
        for (; n < some.size() && i < count; ++n, ++i)
            size += (some[n] = c::bytes_of(pieces[i].data, pieces[i].size)).size();
        const auto taken = c.send(std::span<const Bytes>(some.data(), n));
        if (!taken) return done != 0 ? done : int64_t{c::code_of(taken.error())};
        done += *taken;
        if (*taken < size || n == 0) break;
    }
    return done;
}

int64_t synfin_receive(synfin_stack* stack, synfin_connection connection, void* into, size_t size) {
    if (stack == nullptr || (into == nullptr && size != 0)) return SYNFIN_E_INVALID;
    const MutableBytes bytes(static_cast<uint8_t*>(into), std::min<size_t>(size, 1u << 30));
    Connection c = c::connection_of(*stack, connection);
    if (c::Shown* left = c::left_of(*stack, c)) c::settle(*stack, *left);
    return c::result_of(c.receive(bytes));
}

int synfin_resume(synfin_stack* stack, synfin_connection connection) {
    return c::call(stack, connection, [stack](Connection c) {
        // The stack keeps what synfin_take() leaves only from the next poll on.
        if (c::Shown* left = c::left_of(*stack, c)) left->resumes = true;
        return c.resume();
    });
}
int synfin_shutdown(synfin_stack* stack, synfin_connection connection) {
    return c::call(stack, connection, [](Connection c) { return c.shutdown(); });
}
int synfin_close(synfin_stack* stack, synfin_connection connection) {
    return c::call(stack, connection, [](Connection c) { return c.close(); });
}
int synfin_abort(synfin_stack* stack, synfin_connection connection) {
    return c::call(stack, connection, [](Connection c) { return c.abort(); });
}
int synfin_set_no_delay(synfin_stack* stack, synfin_connection connection, int on) {
    return c::call(stack, connection, [on](Connection c) { return c.set_no_delay(on != 0); });
}
int synfin_set_user_timeout(synfin_stack* stack, synfin_connection connection, int64_t ns) {
    return c::call(stack, connection, [ns](Connection c) { return c.set_user_timeout(Duration(ns)); });
}

int64_t synfin_room(const synfin_stack* stack, synfin_connection connection) {
    if (stack == nullptr) return SYNFIN_E_INVALID;
    const Connection c = c::connection_of(*stack, connection);
    if (!c.local()) return SYNFIN_E_GONE;
    return c.room();
}

int synfin_set_user_tag(synfin_stack* stack, synfin_connection connection, uint64_t user_tag) {
    if (stack == nullptr) return SYNFIN_E_INVALID;
    Connection c = c::connection_of(*stack, connection);
    if (!c.local()) return SYNFIN_E_GONE;
    c.set_user_tag(static_cast<c::UserTag>(user_tag));
    return SYNFIN_OK;
}

uint64_t synfin_user_tag(const synfin_stack* stack, synfin_connection connection) {
    return stack != nullptr ? c::connection_of(*stack, connection).user_tag() : 0;
}

namespace {
void tell_recovery(const synfin::ConnectionInfo& info, synfin_info& told) noexcept {
    told.ssthresh = info.ssthresh_bytes;
    told.rttvar_us = info.rttvar_us;
    told.min_rtt_us = info.min_rtt_us;
    told.pmtu = info.pmtu;
    told.control = static_cast<uint32_t>(info.congestion_control);
    told.loss_state = static_cast<uint32_t>(info.loss_state);
    told.backoff = info.backoff;
    told.flight = info.flight_bytes;
    told.sacked = info.sacked_bytes;
    told.lost = info.lost_bytes;
    told.retransmitted = info.retransmitted;
    told.reordering_us = info.reordering_us;
    told.timer = static_cast<uint32_t>(info.timer);
    told.timer_ms = info.timer_ms;
    told.user_timeout_ms = info.user_timeout_ms;
}

void tell_receiving(const synfin::ConnectionInfo& info, synfin_info& told) noexcept {
    told.snd_una = info.snd_una;
    told.snd_nxt = info.snd_nxt;
    told.rcv_nxt = info.rcv_nxt;
    told.rcv_wnd = info.rcv_wnd;
    told.rcv_limit = info.rcv_limit_bytes;
    told.rcv_rtt_us = info.rcv_rtt_us;
    told.out_of_order = info.out_of_order_bytes;
    told.flags = (info.timestamps ? SYNFIN_HAS_TIMESTAMPS : 0u) |
                 (info.window_scale ? SYNFIN_HAS_WINDOW_SCALE : 0u) |
                 (info.sack_permitted ? SYNFIN_HAS_SACK : 0u) | (info.ecn ? SYNFIN_HAS_ECN : 0u) |
                 (info.ack_owed ? SYNFIN_OWES_ACK : 0u);
}
}  // namespace

int synfin_get_info(const synfin_stack* stack, synfin_connection connection, synfin_info* out) {
    if (stack == nullptr || out == nullptr || out->size < 8) return SYNFIN_E_INVALID;
    const auto info = c::connection_of(*stack, connection).info();
    if (!info) return c::code_of(info.error());
    synfin_info told{};
    told.size = out->size;
    told.state = static_cast<uint32_t>(info->state);
    told.local = c::endpoint_for(info->local);
    told.peer = c::endpoint_for(info->peer);
    told.mss = info->mss;
    told.window = info->snd_wnd;
    told.cwnd = info->cwnd_bytes;
    told.srtt_us = info->srtt_us;
    told.rto_ms = info->rto_ms;
    told.unsent = info->unsent_bytes;
    told.unacked = info->unacked_bytes;
    told.unread = info->unread_bytes;
    tell_recovery(*info, told);
    tell_receiving(*info, told);
    std::memcpy(static_cast<void*>(out), &told, std::min<size_t>(out->size, sizeof told));
    return SYNFIN_OK;
}
