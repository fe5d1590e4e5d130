#pragma once
/// @file
/// Inspector: lets other threads look into running engines. Each engine publishes its counters every 10 ms
/// and answers questions between two turns, in bounded steps. The engine takes no lock for either.

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
    BusyCycles cycles;        ///< of its loop's turns
    uint64_t turns = 0;       ///< 0: the loop has not begun yet
    uint64_t busy_turns = 0;  ///< turns that found work
    Duration lost{},
        longest_gap{};  ///< time in which its core's loop did not run although work was due: see LostTime
    Instant at{};

    /// Adds up all fields, except longest_gap and at, which become the larger of both.
    EngineSnapshot& operator+=(const EngineSnapshot& other) noexcept;
};

/// A question of another thread to an engine. step() runs on the engine's core, between two turns.
class Question {
  public:
    /// The most records that a step may visit: they delay the turn's packets by some microseconds.
    static constexpr uint32_t kRecordsPerStep = 64;

    virtual ~Question() = default;
    /// Computes a part of the answer; the engine calls it at most once per turn. It may use every call of the
    /// stack whose cost is bounded.
    /// @return whether the answer is complete; if so, the engine does not touch the question any more.
    virtual bool step(Stack& stack, Instant now) noexcept = 0;
};

/// How many connections are in each state (index: State). It visits the open connections over several turns,
/// so one that changes state meanwhile counts under its old or its new state.
class StateCount final : public Question {
  public:
    bool step(Stack& stack, Instant now) noexcept override;
    const std::array<uint64_t, 11>& by_state() const noexcept { return by_state_; }

  private:
    std::array<uint64_t, 11> by_state_{};
    uint32_t next_ = 0;
};

/// A page of the open connections, for which on_close has not been called yet. Half-open connections and
/// TIME-WAIT are not listed.
class ConnectionPage final : public Question {
  public:
    struct Row {
        Connection
            connection;  ///< for its index and generation only; only the engine's core may call its members
        uint64_t user_tag = 0;
        ConnectionInfo info;
    };
    /// Selects connections. Runs on the engine's core: must be quick and must not block.
    using Filter = bool (*)(void* context, const ConnectionInfo& info);

    /// @param from 0 for the first page, then next() of the page before
    /// @param rows filled from the front
    ConnectionPage(uint32_t from, std::span<Row> rows, Filter filter = nullptr, void* context = nullptr)
        : next_(from), rows_(rows), filter_(filter), context_(context) {}

    bool step(Stack& stack, Instant now) noexcept override;
    /// The rows that were filled.
    std::span<const Row> rows() const noexcept { return rows_.first(filled_); }
    /// Where the next page begins; 0: this is the last one. The pages may miss connections that were opened
    /// meanwhile.
    uint32_t next() const noexcept { return next_; }

  private:
    void take(Connection connection) noexcept;

    uint32_t next_;
    std::span<Row> rows_;
    size_t filled_ = 0;
    Filter filter_;
    void* context_;
};

/// One for all engines of a Runtime: Runtime::inspector().
class Inspector {
  public:
    explicit Inspector(unsigned engines) : slots_(engines) {}

    unsigned engines() const noexcept { return static_cast<unsigned>(slots_.size()); }

    // -- Any thread.

    /// The last snapshot that an engine published, at most some milliseconds old while its loop runs; zeros
    /// before the loop has begun.
    EngineSnapshot snapshot(unsigned engine) const noexcept { return slots_[engine].shown.see(); }
    /// The sum of all engines' snapshots.
    EngineSnapshot sum() const noexcept;
    /// Whether every engine has ended its first turn.
    bool have_all_begun() const noexcept;

    /// Asks an engine a question and waits for the answer. Other threads that ask the same engine wait
    /// meanwhile.
    /// @return false when no loop runs on the engine, or the loop ended before the answer was complete. The
    ///         question then holds a partial answer.
    /// @note cost: the engine runs one step per turn until the answer is complete. Never call it from the
    ///       engine's own core.
    bool ask(unsigned engine, Question& question);

    // -- The engine's core. Runner makes these calls; a loop of your own must make them itself.

    /// Call when the loop begins, and leave() when it ends. Waits for a thread whose ask() is just giving up.
    void enter(unsigned engine);
    /// Call after each turn. Returns whether a step was taken.
    /// @note cost: one load from a cache line that only ask() writes.
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
        std::mutex askers;  ///< held while a question is asked; the engine locks it in enter() only
        Published<EngineSnapshot> shown;
    };
    static void answer(Slot& slot, Question& question, Stack& stack, Instant now) noexcept;

    std::vector<Slot> slots_;
};

}  // namespace synfin
