#pragma once
/// @file
/// What an application is: five handlers and two optional ones, called on the core of its engine after a
/// burst has been processed, in the order of the events, never one inside another. They must not block.

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
    /// Takes only the first n bytes. The stack keeps the rest and closes the window for it, until
    /// Connection::resume() asks for on_data again or Connection::receive() reads it. Without this call all
    /// bytes are taken.
    void take(uint32_t n) noexcept { taken_ = n < taken_ ? n : taken_; }
    uint32_t taken() const noexcept { return taken_; }

  private:
    Bytes bytes_;
    uint32_t taken_;
};

/// The concept. One object per core; nothing is shared, nothing is locked.
/// - on_open: reached ESTABLISHED (either side). Taken with a second parameter, uint64_t token, if it has
/// one:
///   ListenOptions::token of the listener that took the connection, 0 for what connect() opened.
/// - on_data: see RxView.
/// - on_writable: room again after a send() that took less than given or found no memory, or all queued data
/// acknowledged after that.
/// - on_peer_fin: the peer will send no more; the application answers with close() when it is done.
/// - on_close: exactly once for every connection for which connect() gave a handle or on_open was called.
/// Optional:
/// - on_timer(uint64_t tag): a timer of Stack::after() has come up.
/// - on_post(const Message&): a message of Stack::post(). Without it messages are taken and forgotten.
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
