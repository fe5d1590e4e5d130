#include "stack/listeners.hh"

#include "tcp/tcb.hh"

namespace synfin::stack {

Result<ListenerId> Listeners::open(uint16_t port, std::optional<uint32_t> addr,
                                   const ListenOptions& options) noexcept {
    if (find(port, addr) != 0) return Error::in_use;
    uint16_t id = 1;
    while (id < listeners_.size() && listeners_[id].open) ++id;
    if (id == UINT16_MAX) return Error::no_memory;
    if (id == listeners_.size()) listeners_.emplace_back();
    Listener& made = listeners_[id];
    made.port = port;
    made.addr = addr;
    made.next = of_port_[port];
    made.open = true;
    made.places = options.backlog != 0 ? options.backlog : UINT32_MAX;
    made.inherited.token = options.token;
    made.inherited.controller = tcp::controller_of(options.congestion_control) & tcp::kControllerMask;
    of_port_[port] = id;
    return ListenerId{id, made.generation};
}

void Listeners::close(uint16_t id) noexcept {
    uint16_t* link = &of_port_[listeners_[id].port];
    while (*link != id) link = &listeners_[*link].next;
    *link = listeners_[id].next;
    const uint32_t generation = listeners_[id].generation + 1;
    listeners_[id] = Listener{};
    listeners_[id].generation = generation;
}

uint16_t Listeners::find(uint16_t port, std::optional<uint32_t> addr) const noexcept {
    uint16_t id = of_port_[port];
    while (id != 0 && listeners_[id].addr != addr) id = listeners_[id].next;
    return id;
}

uint16_t Listeners::find(ListenerId named) const noexcept {
    if (named.index == 0 || named.index >= listeners_.size()) return 0;
    const Listener& listener = listeners_[named.index];
    return listener.open && listener.generation == named.generation ? static_cast<uint16_t>(named.index) : 0;
}

}  // namespace synfin::stack
