#pragma once
/// @file
/// Events: the events that have still to be delivered to the application, in the order in which they
/// happened.

#include <cstdint>

#include "base/worklist.hh"
#include "synfin/close_reason.hh"
#include "synfin/event.hh"

namespace synfin::stack {

/// An event that has not been delivered yet.
struct PendingEvent {
    Event::Kind kind;
    tcp::CloseReason reason;  ///< of close
    bool established;         ///< of close
    bool from_held;           ///< of data: the text is held, not in a packet
    uint32_t generation;      ///< generation of the connection
    uint32_t index;
    union {
        Bytes data;
        uint64_t token;  ///< of open
    };
};

/// A FIFO. See Worklist for its memory.
class Events {
  public:
    /// @param at_once expected largest number of waiting events.
    explicit Events(size_t at_once) : queue_(at_once) {}

    /// Adds an event of the connection with this index and generation.
    /// @note cost: written field by field in place; copying a temporary would stall on the stores just made.
    [[gnu::always_inline]] PendingEvent& push(Event::Kind kind, uint32_t index,
                                              uint32_t generation) noexcept {
        PendingEvent& event = queue_.add();
        event.kind = kind;
        event.index = index;
        event.generation = generation;
        event.from_held = false;
        event.data = {};
        return event;
    }

    bool empty() const noexcept { return queue_.empty(); }
    /// The first event; valid until the next push().
    const PendingEvent& front() noexcept { return queue_.front(); }
    const PendingEvent& take() noexcept { return queue_.take(); }
    /// Calls visit(PendingEvent&) for each waiting event. visit may push(), which ends the reference's life;
    /// it sees the new events, too.
    template <typename Visit>
    void for_each(Visit&& visit) noexcept {
        for (size_t n = 0; n < queue_.size(); ++n) visit(queue_[n]);
    }

  private:
    Worklist<PendingEvent> queue_;
};

}  // namespace synfin::stack
