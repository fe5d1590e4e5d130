#pragma once
/// @file
/// VirtualStack: the engine that runs on a NIC, as a TCP endpoint in virtual time. It has no device, thread
/// or clock: the caller passes IPv4 and IPv6 packets in and out as bytes and advances the time.
///
/// @code
///   VirtualStack a({.address = *Cidr::parse("10.0.0.1/24")}), b({.address = *Cidr::parse("10.0.0.2/24")});
///   b.listen(80);
///   auto c = a.connect({*Ipv4::parse("10.0.0.2"), 80});
///   while (auto packet = a.output()) b.input(*packet);
/// @endcode

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "synfin/stack.hh"

namespace synfin {

struct VirtualConfig {
    Cidr address{};       ///< the first address
    StackConfig stack{};  ///< all other settings; `addresses` follow `address`
    Instant start = Instant::from_ns(1'000'000'000);
};

/// All calls return at once. Without an application (see attach()), the stack keeps received data until
/// receive() reads it, and the window shrinks meanwhile.
class VirtualStack {
  public:
    explicit VirtualStack(const VirtualConfig& config);
    ~VirtualStack();
    VirtualStack(VirtualStack&&) noexcept;
    VirtualStack& operator=(VirtualStack&&) noexcept;

    /// Processes an IPv4 or IPv6 packet, from its version field on, at the present time.
    void input(Bytes ip_packet);
    /// The next packet to send, or none. A segment is ready when the call that caused it returns.
    std::optional<std::vector<uint8_t>> output();
    /// Moves the time forward to `now`, never back. Every timer on the way expires at its own deadline.
    /// Within a handler of attach() it does nothing.
    void advance(Instant now);
    Instant now() const noexcept;
    /// When the next timer is due; none when nothing is pending.
    std::optional<Instant> next_deadline() const noexcept;

    Result<ListenerId> listen(uint16_t port, std::optional<IpAddress> addr = std::nullopt);
    Result<ListenerId> listen(uint16_t port, const ListenOptions& options);
    Result<void> unlisten(ListenerId listener);
    Result<void> unlisten(uint16_t port, std::optional<IpAddress> addr = std::nullopt);
    Result<Connection> connect(const Endpoint& peer, const ConnectOptions& options = {});
    /// The oldest connection of a listener that accept() has not returned yet, or would_block.
    Result<Connection> accept();

    Result<uint32_t> send(Connection c, Bytes data);
    Result<uint32_t> send(Connection c, std::string_view text) { return send(c, bytes_of(text)); }
    Result<uint32_t> send(Connection c, std::span<const Bytes> pieces);
    Result<uint32_t> receive(Connection c, MutableBytes into);
    template <ByteContainer Range>
    Result<uint32_t> receive(Connection c, Range&& into) {
        return receive(
            c, MutableBytes(reinterpret_cast<uint8_t*>(std::ranges::data(into)), std::ranges::size(into)));
    }
    Result<void> shutdown(Connection c);
    Result<void> close(Connection c);
    Result<void> abort(Connection c);

    /// Timers in virtual time: see Stack::after. Their events come during advance().
    Result<TimerId> after(Duration delay, uint64_t tag);
    Result<void> cancel(TimerId timer);

    /// The events since the last call, in order. Data events carry no bytes: call receive(). Posts of other
    /// threads (stack().post()) come with the next call that takes a turn, such as advance().
    std::vector<Event> take_events();

    /// From now on each event calls the application's handler, as in Stack::poll(), during the call that
    /// caused the event. take_events() and accept() return nothing from then on. The application must live as
    /// long as this object, or until another one is attached.
    template <Application App>
    void attach(App& app) {
        attach(&app, [](void* context, Stack& stack, const Event& event) noexcept {
            stack.dispatch(*static_cast<App*>(context), event);
        });
    }

    Stack& stack() noexcept;  ///< counters, occupancy, for_each
    const Stack& stack() const noexcept;

  private:
    using Handle = void (*)(void* app, Stack& stack, const Event& event) noexcept;
    void attach(void* app, Handle handle) noexcept;

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace synfin
