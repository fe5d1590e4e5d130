#include "synfin/stack.hh"

#include "stack/engine.hh"

namespace synfin {

Result<ListenerId> Stack::listen(uint16_t port, const ListenOptions& options) noexcept {
    return engine_->connections().listen(port, options);
}
Result<void> Stack::unlisten(ListenerId listener) noexcept {
    return engine_->connections().unlisten(listener);
}
Result<void> Stack::unlisten(uint16_t port, std::optional<IpAddress> addr) noexcept {
    return engine_->connections().unlisten(port, addr);
}
void Stack::unlisten_all() noexcept {
    engine_->connections().unlisten_all();
}
bool Stack::has_work() const noexcept {
    return engine_->has_work();
}
Result<TimerId> Stack::after(Duration delay, uint64_t tag) noexcept {
    return engine_->connections().after(delay, tag);
}
Result<void> Stack::cancel(TimerId timer) noexcept {
    return engine_->connections().cancel(timer);
}
Mailbox& Stack::mailbox() noexcept {
    return engine_->connections().mailbox();
}
Result<Connection> Stack::connect(const Endpoint& peer, const ConnectOptions& options) noexcept {
    return engine_->connections().connect(peer, options);
}
Ledger& Stack::ledger() noexcept {
    return engine_->ledger();
}

Reach Stack::reach(const IpAddress& destination) noexcept {
    return engine_->reach(destination);
}
const std::optional<DuplicateAddress>& Stack::duplicate_address() const noexcept {
    return engine_->duplicate_address();
}
bool Stack::begin(Instant now) noexcept {
    return engine_->begin(now);
}
const Event* Stack::next_event() noexcept {
    return engine_->connections().next_event();
}
void Stack::taken(const Event& event, uint32_t bytes) noexcept {
    engine_->connections().taken(event, bytes);
}
bool Stack::end() noexcept {
    return engine_->end();
}
std::optional<Instant> Stack::next_deadline() const noexcept {
    return engine_->next_deadline();
}
const Counters& Stack::counters() const noexcept {
    return engine_->counters();
}
Occupancy Stack::occupancy() const noexcept {
    return engine_->occupancy();
}
RecordCount Stack::records() const noexcept {
    return engine_->connections().records();
}
MemoryUse Stack::memory() const noexcept {
    return engine_->connections().memory();
}
uint32_t Stack::visit_open(uint32_t from, uint32_t at_most, void (*visit)(void* context, Connection),
                           void* context) noexcept {
    return engine_->connections().visit_open(from, at_most, visit, context);
}
uint32_t Stack::tcb_bytes() noexcept {
    return stack::Connections::kTcbBytes;
}
const StackConfig& Stack::config() const noexcept {
    return engine_->connections().config();
}
void Stack::for_each(void (*visit)(void* context, const ConnectionInfo&), void* context) const {
    engine_->connections().for_each(visit, context);
}

}  // namespace synfin
