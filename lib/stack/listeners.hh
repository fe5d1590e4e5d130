#pragma once
/// @file
/// Listeners: which ports accept connections, on which of our addresses, and how many at once.

#include <cstdint>
#include <optional>

#include "base/line_vector.hh"
#include "base/mapped_array.hh"
#include "base/tuple.hh"
#include "synfin/event.hh"
#include "synfin/result.hh"

namespace synfin::stack {

/// A listener is a number from 1 on; 0 is none. Numbers are used again, a ListenerId's generation tells.
/// @note cost: find() reads one entry of 2 bytes by port, and one line for each listener of the port.
class Listeners {
  public:
    Listeners() : of_port_(65'536), listeners_(1) {}

    /// @param addr index of our address; none: any of ours.
    /// @param backlog half-open records at once; 0: any number.
    /// Errors: in_use (the same port and address), no_memory (65,534 listeners).
    Result<ListenerId> open(uint16_t port, std::optional<uint32_t> addr, uint32_t backlog,
                            uint64_t token) noexcept;
    /// No SYN finds it any more.
    void close(uint16_t id) noexcept;

    /// The listener that a SYN of this tuple reaches, the most specific one (RFC 9293 MUST-42).
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
    /// The listener that the handle names; 0: it is closed.
    uint16_t find(ListenerId named) const noexcept;
    /// Calls visit(id) for each; it may close that one.
    template <typename Visit>
    void for_each(Visit&& visit) noexcept {
        for (size_t id = 1; id < listeners_.size(); ++id)
            if (listeners_[id].open) visit(static_cast<uint16_t>(id));
    }

    uint64_t token(uint32_t id) const noexcept { return listeners_[id].token; }
    /// Half-open records take places of the listener's backlog.
    bool is_at_backlog(uint16_t id) const noexcept { return listeners_[id].places == 0; }
    void take_place(uint32_t id) noexcept { --listeners_[id].places; }
    void give_place(uint32_t id) noexcept { ++listeners_[id].places; }

  private:
    struct Listener {
        uint16_t port = 0;
        std::optional<uint32_t> addr;
        uint16_t next = 0;  ///< another listener of the port
        bool open = false;
        uint32_t generation = 0;  ///< of all ListenerIds with this index, those with this number name it
        /// Half-open records that it may still have. Without a backlog of its own it never comes to 0: there
        /// are fewer records in all.
        uint32_t places = UINT32_MAX;
        uint64_t token = 0;
    };
    MappedArray<uint16_t> of_port_;   ///< port -> first listener
    LineVector<Listener> listeners_;  ///< [0] unused
};

}  // namespace synfin::stack
