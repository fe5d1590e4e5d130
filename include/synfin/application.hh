#pragma once
/// @file
/// The Application concept: five handlers and two optional ones. The engine calls them on its own core after
/// each burst, in the order of the events, never one inside another. Handlers must not block.

#include <concepts>
#include <cstdint>

#include "synfin/connection.hh"

namespace synfin {

/// In-order bytes from the peer, valid only inside on_data. Bytes that you do not keep count as taken and
/// reopen the receive window.
class RxView {
  public:
    explicit RxView(Bytes bytes) noexcept : bytes_(bytes), taken_(static_cast<uint32_t>(bytes.size())) {}
    Bytes bytes() const noexcept { return bytes_; }
    uint32_t size() const noexcept { return static_cast<uint32_t>(bytes_.size()); }
    operator Bytes() const noexcept { return bytes_; }  // NOLINT(google-explicit-constructor)
    /// Takes only the first n bytes. The stack keeps the rest, and the window shrinks by it, until
    /// Connection::resume() asks for on_data again or Connection::receive() reads it. Without this call all
    /// bytes are taken.
    void take(uint32_t n) noexcept { taken_ = n < taken_ ? n : taken_; }
    uint32_t taken() const noexcept { return taken_; }

  private:
    Bytes bytes_;
    uint32_t taken_;
};

/// An application has one object for each core; nothing is shared, nothing is locked.
/// - on_open: the connection reached ESTABLISHED (either side). An optional second parameter, uint64_t token,
/// gets ListenOptions::token of the listener, or 0 for a connection of connect().
/// - on_data: see RxView.
/// - on_writable: after a send() that took less than given or found no memory, the send buffer has room
/// again, or all queued data has been acknowledged.
/// - on_peer_fin: the peer sends no more data. The application calls close() when it is done.
/// - on_close: exactly once for every connection for which connect() gave a handle or on_open was called.
/// Optional:
/// - on_timer(uint64_t tag): a timer of Stack::after() has expired.
/// - on_post(const Message&): a message of Stack::post(). Without this handler messages are discarded.
template <typename A>
concept Application = (
                          requires(A app, Connection c) { {app.on_open(c)}; } ||
                          requires(A app, Connection c, uint64_t token) { {app.on_open(c, token)}; }) &&
                      requires(A app, Connection c, RxView& view, const CloseInfo& why) {
    {app.on_data(c, view)};
    {app.on_writable(c)};
    {app.on_peer_fin(c)};
    {app.on_close(c, why)};
};

}  // namespace synfin
