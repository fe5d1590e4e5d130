#pragma once
/// @file
/// Listeners: which ports accept connections, on which of our addresses, and with which backlog.

#include <cstdint>
#include <optional>

#include "base/line_vector.hh"
#include "base/mapped_array.hh"
#include "base/tuple.hh"
#include "synfin/event.hh"
#include "synfin/result.hh"

namespace synfin::stack {

/// A listener is a number from 1 on; 0 is none. Numbers are reused; the generation of a ListenerId tells them
/// apart.
/// @note cost: find() reads a 2-byte entry by port, and one line for each listener of the port.
class Listeners {
  public:
    Listeners() : of_port_(65'536), listeners_(1) {}

    /// @param addr index of our address; none: any of ours.
    /// Errors: in_use (the same port and address), no_memory (65,534 listeners).
    Result<ListenerId> open(uint16_t port, std::optional<uint32_t> addr,
                            const ListenOptions& options) noexcept;
    /// Closes the listener: later SYNs do not reach it.
    void close(uint16_t id) noexcept;

    /// The listener for a SYN with this tuple, the most specific one (RFC 9293 MUST-42).
    uint16_t find(const Tuple& tuple) const noexcept {
        uint16_t any = 0;
        for (uint16_t id = of_port_[tuple.local_port]; id != 0; id = listeners_[id].next) {
            const Listener& l = listeners_[id];
            if (l.addr == tuple.local_index) return id;
            if (!l.addr) any = id;
        }
        return any;
    }
    /// The listener with exactly this port and address.
    uint16_t find(uint16_t port, std::optional<uint32_t> addr) const noexcept;
    /// The listener of the handle; 0: it is closed.
    uint16_t find(ListenerId named) const noexcept;
    /// Calls visit(id) for each listener; visit may close it.
    template <typename Visit>
    void for_each(Visit&& visit) noexcept {
        for (size_t id = 1; id < listeners_.size(); ++id)
            if (listeners_[id].open) visit(static_cast<uint16_t>(id));
    }

    /// What each connection gets from its listener.
    struct Inherited {
        uint64_t token = 0;
        uint8_t controller : 4 = 0;  ///< tcp::Tcb::controller
    };
    const Inherited& inherited(uint32_t id) const noexcept { return listeners_[id].inherited; }
    /// A half-open record takes a place in the listener's backlog.
    bool is_at_backlog(uint16_t id) const noexcept { return listeners_[id].places == 0; }
    void take_place(uint32_t id) noexcept { --listeners_[id].places; }
    void give_place(uint32_t id) noexcept { ++listeners_[id].places; }

  private:
    struct Listener {
        uint16_t port = 0;
        std::optional<uint32_t> addr;
        uint16_t next = 0;  ///< next listener of the port
        bool open = false;
        uint32_t generation = 0;  ///< a ListenerId is valid only with this generation
        /// Free places in the backlog. Without a backlog of its own it never reaches 0, because fewer records
        /// exist.
        uint32_t places = UINT32_MAX;
        Inherited inherited;
    };
    MappedArray<uint16_t> of_port_;   ///< port -> first listener
    LineVector<Listener> listeners_;  ///< [0] unused
};

}  // namespace synfin::stack
