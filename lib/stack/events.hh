#pragma once
/// @file
/// Events: what the application is still to be told of its connections, in the order in which it happened.

#include <cstdint>

#include "base/worklist.hh"
#include "synfin/close_reason.hh"
#include "synfin/event.hh"

namespace synfin::stack {

/// An event until the application is told.
struct PendingEvent {
    Event::Kind kind;
    tcp::CloseReason reason;  ///< of close
    bool established;         ///< of close
    bool from_held;           ///< of data: it is held text, not a packet's
    uint32_t generation;      ///< of the record's connection that it is about
    uint32_t index;
    union {
        Bytes data;
        uint64_t token;  ///< of open
    };
};

/// A FIFO; see Worklist for its memory.
class Events {
  public:
    /// @param at_once events that wait at once, as far as can be foreseen.
    explicit Events(size_t at_once) : queue_(at_once) {}

    /// An event of the record's connection of this generation.
    /// @note cost: field by field into its place; a temporary that is copied whole waits for its own stores.
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
    /// The first. It stays in its place until the next push().
    const PendingEvent& front() noexcept { return queue_.front(); }
    const PendingEvent& take() noexcept { return queue_.take(); }
    /// Calls visit(PendingEvent&) for each that waits.
    template <typename Visit>
    void for_each(Visit&& visit) noexcept {
        for (PendingEvent& event : queue_) visit(event);
    }

  private:
    Worklist<PendingEvent> queue_;
};

}  // namespace synfin::stack
