#include "synfin/virtual_stack.hh"

#include <deque>

#include "base/random.hh"
#include "buf/memory_port.hh"
#include "stack/queue_engine.hh"

namespace synfin {

namespace {

buf::QueueCaps ip_caps(uint16_t mtu) {
    buf::QueueCaps caps;
    caps.ethernet = false;
    caps.max_frame = mtu;
    return caps;
}

stack::StackConfig merge(const VirtualConfig& config) {
    stack::StackConfig out = config.stack;
    out.addresses.insert(out.addresses.begin(), config.address);
    // A wire of IP packets has no next hops: our own address as gateway makes every destination reachable.
    for (const Cidr& own : out.addresses) {
        if (!out.gateway && own.addr.is_v4()) out.gateway = own.addr.v4;
        if (!out.gateway6 && own.addr.is_v6()) out.gateway6 = own.addr.v6;
    }
    return out;
}

HashKey key_of(uint64_t seed) {
    return seed == 0 ? fill_secret() : HashKey{seed, ~seed * 0x9e3779b97f4a7c15ull};
}

}  // namespace

struct VirtualStack::Impl {
    explicit Impl(const VirtualConfig& config)
        : port(ip_caps(config.stack.mtu), kPackets),
          engine(merge(config), port, key_of(config.stack.seed), config.start),
          stack(engine),
          now(config.start) {
        turn();
    }

    static constexpr uint32_t kPackets = 2048;

    /// Makes turns at the present time until nothing more happens. Without an application, the stack keeps
    /// received data for receive(). A call that a handler makes is part of the turn that called the handler.
    void turn() {
        wants_turn = true;
        if (is_turning) return;
        is_turning = true;
        do {
            wants_turn = false;
            stack.begin(now);
            while (const Event* event = stack.next_event()) {
                if (handle != nullptr) {
                    handle(app, stack, *event);
                    continue;
                }
                if (event->kind == Event::Kind::data) {
                    stack.taken(*event, 0);
                    Event told = *event;
                    told.data = {};
                    events.push_back(told);
                    continue;
                }
                if (event->kind == Event::Kind::open) note_open(event->connection);
                if (event->kind == Event::Kind::close) forget_active(event->connection);
                events.push_back(*event);
            }
            stack.end();
            drain();
        } while (wants_turn || engine.has_work());
        is_turning = false;
    }

    void note_open(Connection c) {
        if (!forget_active(c)) accepted.push_back(c);
    }
    /// Whether connect() made the connection and neither on_open nor on_close has come for it before.
    bool forget_active(Connection c) {
        for (auto at = active.begin(); at != active.end(); ++at) {
            if (*at == c) {
                active.erase(at);
                return true;
            }
        }
        return false;
    }
    void drain() {
        while (auto packet = port.take()) out.push_back(std::move(*packet));
    }

    buf::MemoryPort port;
    stack::QueueEngine<buf::MemoryPort> engine;
    Stack stack;
    Instant now;
    std::deque<std::vector<uint8_t>> out;
    std::vector<Event> events;
    std::deque<Connection> accepted;
    bool is_turning = false;  ///< within turn()
    bool wants_turn = false;  ///< a handler has made a call since the turn began
    void* app = nullptr;
    Handle handle = nullptr;         ///< calls the handlers of `app`; null: events are kept
    std::vector<Connection> active;  ///< of connect(), before on_open and on_close
};

VirtualStack::VirtualStack(const VirtualConfig& config) : impl_(std::make_unique<Impl>(config)) {}
VirtualStack::~VirtualStack() = default;
VirtualStack::VirtualStack(VirtualStack&&) noexcept = default;
VirtualStack& VirtualStack::operator=(VirtualStack&&) noexcept = default;

void VirtualStack::input(Bytes ip_packet) {
    static_cast<void>(impl_->port.deliver(ip_packet));
    impl_->turn();
}

std::optional<std::vector<uint8_t>> VirtualStack::output() {
    if (impl_->out.empty()) return std::nullopt;
    auto packet = std::move(impl_->out.front());
    impl_->out.pop_front();
    return packet;
}

void VirtualStack::advance(Instant now) {
    if (impl_->is_turning) return;
    for (auto due = next_deadline(); due && *due <= now; due = next_deadline()) {
        impl_->now = std::max(impl_->now, *due);
        impl_->turn();
    }
    impl_->now = std::max(impl_->now, now);
    impl_->turn();
}

Instant VirtualStack::now() const noexcept {
    return impl_->now;
}
std::optional<Instant> VirtualStack::next_deadline() const noexcept {
    return impl_->stack.next_deadline();
}

Result<ListenerId> VirtualStack::listen(uint16_t port, std::optional<IpAddress> addr) {
    return impl_->stack.listen(port, addr);
}
Result<ListenerId> VirtualStack::listen(uint16_t port, const ListenOptions& options) {
    return impl_->stack.listen(port, options);
}
Result<void> VirtualStack::unlisten(ListenerId listener) {
    auto result = impl_->stack.unlisten(listener);
    impl_->turn();
    return result;
}
Result<void> VirtualStack::unlisten(uint16_t port, std::optional<IpAddress> addr) {
    auto result = impl_->stack.unlisten(port, addr);
    impl_->turn();
    return result;
}

Result<Connection> VirtualStack::connect(const Endpoint& peer, const ConnectOptions& options) {
    auto c = impl_->stack.connect(peer, options);
    if (c && impl_->handle == nullptr) impl_->active.push_back(*c);
    impl_->turn();
    return c;
}

Result<Connection> VirtualStack::accept() {
    if (impl_->accepted.empty()) return Error::would_block;
    const Connection c = impl_->accepted.front();
    impl_->accepted.pop_front();
    return c;
}

Result<uint32_t> VirtualStack::send(Connection c, Bytes data) {
    auto result = c.send(data);
    impl_->turn();
    return result;
}
Result<uint32_t> VirtualStack::send(Connection c, std::span<const Bytes> pieces) {
    auto result = c.send(pieces);
    impl_->turn();
    return result;
}
Result<uint32_t> VirtualStack::receive(Connection c, MutableBytes into) {
    auto result = c.receive(into);
    impl_->turn();
    return result;
}
Result<void> VirtualStack::shutdown(Connection c) {
    auto result = c.shutdown();
    impl_->turn();
    return result;
}
Result<void> VirtualStack::close(Connection c) {
    auto result = c.close();
    impl_->turn();
    return result;
}
Result<void> VirtualStack::abort(Connection c) {
    auto result = c.abort();
    impl_->turn();
    return result;
}

Result<TimerId> VirtualStack::after(Duration delay, uint64_t tag) {
    return impl_->stack.after(delay, tag);
}
Result<void> VirtualStack::cancel(TimerId timer) {
    return impl_->stack.cancel(timer);
}

std::vector<Event> VirtualStack::take_events() {
    return std::exchange(impl_->events, {});
}

void VirtualStack::attach(void* app, Handle handle) noexcept {
    impl_->app = app;
    impl_->handle = handle;
}

Stack& VirtualStack::stack() noexcept {
    return impl_->stack;
}
const Stack& VirtualStack::stack() const noexcept {
    return impl_->stack;
}

}  // namespace synfin
