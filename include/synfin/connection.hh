#pragma once
/// @file
/// Connection: a small value that names one TCP connection of one engine, and the calls on it (RFC
/// 9293 3.9.1).

#include <concepts>
#include <cstdint>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

#include "synfin/close_reason.hh"
#include "synfin/connection_info.hh"  // IWYU pragma: export
#include "synfin/result.hh"
#include "synfin/state.hh"
#include "synfin/units.hh"

namespace synfin {

namespace stack {
class Connections;
}

/// What on_close gets.
struct CloseInfo {
    CloseReason reason = CloseReason::fin;
    bool established = false;  ///< whether the connection had reached ESTABLISHED
    /// The connection's endpoints, also of a connect() that failed.
    Endpoint local{};
    Endpoint peer{};
    uint64_t user_tag = 0;  ///< the application's user_tag at the end
};

/// Containers whose elements are one byte: std::string, std::vector<char>, std::span<std::byte>... Arrays are
/// excluded, so that a string literal converts to std::string_view and is sent without its terminating zero.
template <typename Range>
concept ByteContainer = std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range> &&
                        !std::is_array_v<std::remove_cvref_t<Range>> &&
                        sizeof(std::ranges::range_value_t<Range>) == 1 &&
                        std::is_trivially_copyable_v<std::ranges::range_value_t<Range>>;

/// The same memory as Bytes.
template <ByteContainer Range>
Bytes bytes_of(const Range& range) noexcept {
    return {reinterpret_cast<const uint8_t*>(std::ranges::data(range)), std::ranges::size(range)};
}

/// A handle of one connection: 16 bytes, copy it freely. After the connection's end every call gives
/// Error::gone, until its record has been reused 2^32 times. Use it only on the core whose engine made it.
/// @note cost: each call is one lookup by index and a generation compare; nothing allocates.
class Connection {
  public:
    Connection() noexcept = default;
    Connection(stack::Connections* owner, uint32_t index, uint32_t generation) noexcept
        : owner_(owner), index_(index), generation_(generation) {}

    /// Copies bytes into the send queue. The engine sends them after the current burst, as far as Nagle, cwnd
    /// and SND.WND permit.
    /// @return how many were taken: less than given when the send buffer is full (on_writable follows).
    ///         Errors: gone, closing (after shutdown/close), no_memory (no send block; on_writable follows
    ///         when one is free). Data may be queued before ESTABLISHED (RFC 9293 3.10.2).
    Result<uint32_t> send(Bytes data) noexcept;
    Result<uint32_t> send(std::string_view text) noexcept { return send(bytes_of(text)); }
    template <ByteContainer Range>
    Result<uint32_t> send(const Range& data) noexcept {
        return send(bytes_of(data));
    }

    /// Gather: queues the pieces in order, like one send() of all of them. At most 2^32 - 1 bytes.
    /// @return how many bytes were taken, from the first piece on; the last piece taken may be taken in part.
    ///         After less than all, on_writable follows; send the rest then. An error only when nothing was
    ///         taken; errors as send().
    /// @note cost: one send() for each piece, and no segment leaves in between.
    Result<uint32_t> send(std::span<const Bytes> pieces) noexcept;

    /// As send(), but without a copy, except for a few bytes behind queued ones. The bytes must stay valid
    /// and unchanged until the connection has ended. For data that many connections send.
    Result<uint32_t> send_static(Bytes data) noexcept;
    Result<uint32_t> send_static(std::string_view text) noexcept { return send_static(bytes_of(text)); }

    /// Reads bytes that on_data did not take (RxView::take) or that a VirtualStack keeps, and opens the
    /// window. Called inside an on_data whose view shows kept bytes, it reads those from the first on; do not
    /// use the view after that. The next on_data brings the rest.
    /// @return bytes copied; 0 when none are left and the peer has sent FIN. Errors: gone, would_block (none
    ///         yet).
    Result<uint32_t> receive(MutableBytes into) noexcept;
    /// Into chars or std::bytes; the container's size does not change.
    template <ByteContainer Range>
    requires(!std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<Range>>>)
        Result<uint32_t> receive(Range&& into)
    noexcept {
        return receive(
            MutableBytes(reinterpret_cast<uint8_t*>(std::ranges::data(into)), std::ranges::size(into)));
    }

    /// Asks for on_data again, with the bytes that the stack keeps. The stack keeps bytes that on_data leaves
    /// only after on_data has returned: call resume() after that.
    Result<void> resume() noexcept;

    /// Half-close: sends FIN after all queued data; receiving goes on (RFC 9293 3.6: "I have no more data to
    /// send").
    Result<void> shutdown() noexcept;

    /// Closes both directions: sends FIN after all queued data, and answers unread or later data with RST
    /// (RFC 9293 3.6.1, SHLD-3). on_close follows when the connection reaches TIME-WAIT or CLOSED.
    Result<void> close() noexcept;

    /// Sends RST at once and discards everything queued (RFC 9293 3.10.5).
    Result<void> abort() noexcept;

    /// Bytes that send() would take now. 0 when gone.
    uint32_t room() const noexcept;
    /// closed when gone.
    State state() const noexcept;
    Result<ConnectionInfo> info() const noexcept;
    Result<Endpoint> local() const noexcept;
    Result<Endpoint> peer() const noexcept;

    /// true switches Nagle's algorithm off (RFC 9293 MUST-17). Default: TcpConfig::nagle.
    Result<void> set_no_delay(bool on) noexcept;
    /// Overrides TcpConfig::user_timeout (the local half of RFC 5482), at most 18 h. 0 restores the
    /// configured one.
    Result<void> set_user_timeout(Duration timeout) noexcept;

    /// 64 bits for the application: a number or a pointer. Initially 0. When the connection is gone, reading
    /// gives 0 and setting does nothing.
    uint64_t user_tag() const noexcept;
    void set_user_tag(uint64_t user_tag) noexcept;

    /// True for a handle that once named a connection (it may be gone).
    explicit operator bool() const noexcept { return owner_ != nullptr; }
    bool operator==(const Connection&) const noexcept = default;
    stack::Connections* owner() const noexcept { return owner_; }
    uint32_t index() const noexcept { return index_; }
    uint32_t generation() const noexcept { return generation_; }

  private:
    stack::Connections* owner_ = nullptr;
    uint32_t index_ = 0;
    uint32_t generation_ = 0;
};

}  // namespace synfin
