#pragma once
/// @file
/// Inspector: looks into running engines from other threads. Each engine publishes its counters a hundred
/// times a second, and answers questions between two turns, in bounded steps; neither takes a lock there.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "synfin/core_time.hh"
#include "synfin/counters.hh"
#include "synfin/published.hh"
#include "synfin/stack.hh"

namespace synfin {

/// One engine at one moment.
struct EngineSnapshot {
    Counters counters;
    RecordCount records;
    MemoryUse memory;
    BusyCycles cycles;               ///< of its turns
    uint64_t turns = 0;              ///< 0: it has not begun yet
    uint64_t busy_turns = 0;         ///< those that found work
    Duration lost{}, longest_gap{};  ///< its core's loop was away while work was due: see LostTime
    Instant at{};

    /// Sums, but for longest_gap and at, of which the larger one stays.
    EngineSnapshot& operator+=(const EngineSnapshot& other) noexcept;
};

/// What another thread asks an engine: step() runs on the engine's core, between two turns.
class Question {
  public:
    /// Records that a step may look at: some microseconds, by which this turn's packets are late.
    static constexpr uint32_t kRecordsPerStep = 64;

    virtual ~Question() = default;
    /// A part of the answer; at most one step with each turn. May use every call of the stack that is
    /// bounded.
    /// @return whether the answer is complete: the engine does not touch the question any more.
    virtual bool step(Stack& stack, Instant now) noexcept = 0;
};

/// How many connections are in each state (index: State). Open ones are counted by going through them, half-
/// open and TIME-WAIT ones are known: what changes meanwhile may be counted as it was or as it is.
class StateCount final : public Question {
  public:
    bool step(Stack& stack, Instant now) noexcept override;
    const std::array<uint64_t, 11>& by_state() const noexcept { return by_state_; }

  private:
    std::array<uint64_t, 11> by_state_{};
    uint32_t next_ = 0;
};

/// A page of the connections that on_close has not been told of: not the half-open ones, nor TIME-WAIT.
class ConnectionPage final : public Question {
  public:
    struct Row {
        Connection connection;  ///< its name: index and generation. Calls on it are its core's alone
        uint64_t user_tag = 0;
        ConnectionInfo info;
    };
    /// Which connections are wanted. Runs on the engine's core: must be quick and must not block.
    using Filter = bool (*)(void* context, const ConnectionInfo& info);

    /// @param from 0 for the first page, then what next() returned
    /// @param rows filled from the front
    ConnectionPage(uint32_t from, std::span<Row> rows, Filter filter = nullptr, void* context = nullptr)
        : next_(from), rows_(rows), filter_(filter), context_(context) {}

    bool step(Stack& stack, Instant now) noexcept override;
    /// The rows that were filled.
    std::span<const Row> rows() const noexcept { return rows_.first(filled_); }
    /// Where the next page begins; 0: this is the last one. Connections that were opened meanwhile may be
    /// missed.
    uint32_t next() const noexcept { return next_; }

  private:
    void take(Connection connection) noexcept;

    uint32_t next_;
    std::span<Row> rows_;
    size_t filled_ = 0;
    Filter filter_;
    void* context_;
};

/// One for all engines of a Runtime, which has it: Runtime::inspector().
class Inspector {
  public:
    explicit Inspector(unsigned engines) : slots_(engines) {}

    unsigned engines() const noexcept { return static_cast<unsigned>(slots_.size()); }

    // -- Any thread.

    /// What an engine published last, some milliseconds ago while its loop runs; zeros before it has begun.
    EngineSnapshot snapshot(unsigned engine) const noexcept { return slots_[engine].shown.see(); }
    /// The same of all engines together.
    EngineSnapshot sum() const noexcept;
    /// Whether every engine has ended its first turn.
    bool have_all_begun() const noexcept;

    /// Puts a question to an engine and waits for the answer; further askers wait for their turn.
    /// @return false when no loop runs on the engine, or it ended before the answer was complete: the
    /// question
    ///         is the caller's again, answered in part.
    /// @note cost: to the engine, a step with each turn until it is answered. Never call it from the engine's
    ///       own core.
    bool ask(unsigned engine, Question& question);

    // -- The engine's core: what a loop of your own does for its engines, and Runner does for you.

    /// The loop begins; leave() ends it. Waits for an asker that is just giving up.
    void enter(unsigned engine);
    /// After each turn. Returns whether a step was taken.
    /// @note cost: a load from a line that only askers write.
    bool turn(unsigned engine, Stack& stack, Instant now) noexcept {
        Question* const question = slots_[engine].asked.load(std::memory_order_acquire);
        if (question == nullptr) [[likely]]
            return false;
        answer(slots_[engine], *question, stack, now);
        return true;
    }
    void show(unsigned engine, const EngineSnapshot& snapshot) noexcept {
        slots_[engine].shown.show(snapshot);
    }
    void leave(unsigned engine) noexcept {
        slots_[engine].is_running.store(false, std::memory_order_seq_cst);
    }

  private:
    struct alignas(64) Slot {
        std::atomic<Question*> asked{nullptr};
        std::atomic<bool> is_running{false};
        std::mutex askers;  ///< one question at a time; the engine takes it in enter() only
        Published<EngineSnapshot> shown;
    };
    static void answer(Slot& slot, Question& question, Stack& stack, Instant now) noexcept;

    std::vector<Slot> slots_;
};

}  // namespace synfin
