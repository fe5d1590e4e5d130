#pragma once
/// @file
/// EngineWatch: what an engine shows of itself to other threads while it runs: its counters, occupancy and
/// progress, and how busy its core is.

#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "servers/server.hh"
#include "synfin/stack.hh"
#include "traffic/load_tally.hh"

namespace synfin::app {

/// Cycles of turns that did something, and of all turns.
struct BusyCycles {
    uint64_t busy = 0, all = 0;
    double share() const noexcept {
        return all == 0 ? 0 : static_cast<double>(busy) / static_cast<double>(all);
    }
    BusyCycles operator-(const BusyCycles& before) const noexcept {
        return {busy - before.busy, all - before.all};
    }
    BusyCycles& operator+=(const BusyCycles& other) noexcept {
        busy += other.busy;
        all += other.all;
        return *this;
    }
};

/// One moment of an engine.
struct EngineSnapshot {
    Counters counters;
    std::array<uint64_t, 11> by_state{};  ///< index: State
    uint64_t offered = 0, opened = 0, established = 0, completed = 0, failed = 0, open = 0;
    uint64_t requests = 0;
    BusyCycles cycles;
    uint64_t turns = 0;  ///< 0: it has not begun yet

    EngineSnapshot& operator+=(const EngineSnapshot& other) noexcept {
        counters += other.counters;
        for (size_t i = 0; i < by_state.size(); ++i) by_state[i] += other.by_state[i];
        offered += other.offered;
        opened += other.opened;
        established += other.established;
        completed += other.completed;
        failed += other.failed;
        open += other.open;
        requests += other.requests;
        cycles += other.cycles;
        turns += other.turns;
        return *this;
    }
    void take(const LoadTally& tally) noexcept {
        offered = tally.offered;
        opened = tally.opened;
        established = tally.established;
        completed = tally.completed;
        failed = tally.failed();
        open = tally.open_now();
        requests = tally.responses;
    }
    void take(const ServerTally& tally) noexcept {
        established = tally.established;
        completed = tally.completed;
        uint64_t ended = 0;
        for (const uint64_t n : tally.ended_by) ended += n;
        failed = ended - completed;
        open = established - ended;
        requests = tally.requests;
    }
};

/// Connections by state. Reading all records takes milliseconds where there are millions: it is done again no
/// sooner than after 100 times as long as it took, and a snapshot between has the numbers of the last time.
class Census {
  public:
    void take(const Stack& stack, EngineSnapshot& into) noexcept {
        if (const uint64_t begin = __rdtsc(); begin >= next_) {
            const Occupancy occupancy = stack.occupancy();
            for (size_t i = 0; i < by_state_.size(); ++i) by_state_[i] = occupancy.by_state[i];
            const uint64_t end = __rdtsc();
            next_ = end + 100 * (end - begin);
        }
        into.by_state = by_state_;
    }

  private:
    uint64_t next_ = 0;
    std::array<uint64_t, 11> by_state_{};
};

/// One writer (the engine's core, a few times a second), any readers. Words are each right; a snapshot may
/// mix two neighbouring moments.
class alignas(64) EngineWatch {
  public:
    void show(const EngineSnapshot& snapshot) noexcept {
        std::array<uint64_t, kWords> words;
        std::memcpy(words.data(), static_cast<const void*>(&snapshot), sizeof words);
        for (size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_relaxed);
    }
    EngineSnapshot see() const noexcept {
        std::array<uint64_t, kWords> words;
        for (size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_relaxed);
        EngineSnapshot snapshot;
        std::memcpy(static_cast<void*>(&snapshot), words.data(), sizeof words);
        return snapshot;
    }

  private:
    static_assert(std::is_trivially_copyable_v<EngineSnapshot> && sizeof(EngineSnapshot) % 8 == 0);
    static constexpr size_t kWords = sizeof(EngineSnapshot) / 8;
    std::array<std::atomic<uint64_t>, kWords> words_{};
};

/// Attributes the time stamp counter's cycles to turns.
class BusyMeter {
  public:
    BusyMeter() noexcept : last_(__rdtsc()) {}
    /// The turn that began at the last mark, or skip(), ends now. What the loop rests after a turn is one
    /// that is not busy: it is not the next turn's.
    void turn(bool busy, BusyCycles& into) noexcept {
        const uint64_t now = __rdtsc(), spent = now - last_;
        into.all += spent;
        into.busy += busy ? spent : 0;
        last_ = now;
    }
    /// What has passed since the last mark belongs to nobody.
    void skip() noexcept { last_ = __rdtsc(); }

  private:
    uint64_t last_;
};

/// How long a loop was away while work was due: gaps between two looks at the clock, longer than a limit, in
/// which something else had the core or a turn took long. What the loop itself rests is not among them, nor
/// is a gap with nothing to do before and after it.
class LostTime {
  public:
    LostTime(Duration gap, Instant now) noexcept : gap_(gap), last_(now) {}

    /// A look at the clock.
    void look(Instant now) noexcept {
        const Duration gap = now - last_;
        last_ = now;
        if (gap <= gap_) return;
        unjudged_ += gap;
        longest_unjudged_ = std::max(longest_unjudged_, gap);
    }
    /// After a turn. `due`: it found work, in the time that is measured.
    void turn(bool due) noexcept {
        if (unjudged_ != Duration::zero()) [[unlikely]] {
            if (due || was_due_) {
                total_ += unjudged_;
                longest_ = std::max(longest_, longest_unjudged_);
            }
            unjudged_ = longest_unjudged_ = Duration::zero();
        }
        was_due_ = due;
    }
    /// The loop has rested until now.
    void rested(Instant now) noexcept { last_ = now; }

    Duration total() const noexcept { return total_; }
    Duration longest() const noexcept { return longest_; }

  private:
    Duration gap_;
    Instant last_;
    bool was_due_ = false;
    Duration unjudged_{}, longest_unjudged_{};  ///< gaps since the last turn
    Duration total_{}, longest_{};
};

}  // namespace synfin::app
