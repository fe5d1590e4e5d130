#pragma once
/// @file
/// Ledger: counts an engine's cycles by stage.

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace synfin {

/// The stages of a turn, in order.
enum class Stage : uint8_t {
    rx,           ///< the port delivers a burst; wires and memif copy it
    parse,        ///< Ethernet, IP and TCP headers, checksums, hash; prefetches the line of the table
    lookup,       ///< finds candidates in the table for the whole burst and prefetches their records; core
                  ///< compares the tuple
    core,         ///< TCP, with its effects on records and events
    timers,       ///< FIFOs and wheel
    application,  ///< handlers and the calls that they make, between the two halves of a turn
    emit,         ///< chooses and builds packets, and resolves their next hop
    tx,           ///< the port takes packets; wires and memif copy them
    kCount
};
inline constexpr size_t kStages = static_cast<size_t>(Stage::kCount);
const char* name(Stage stage) noexcept;

/// TSC cycles by stage, of turns that found work. The engine takes a stamp where one stage ends and the next
/// begins, once per burst and not per packet.
/// @note cost: off, one branch for each stage and turn; on, also one rdtsc (about 25 cycles), which the
///       stages' cycles include. stamp_cycles() measures it.
class Ledger {
  public:
    void keep(bool on) noexcept { is_kept_ = on; }
    bool is_kept() const noexcept { return is_kept_; }

    void begin_turn() noexcept {
        if (!is_kept_) [[likely]]
            return;
        turn_ = {};
        last_ = __rdtsc();
    }
    /// Adds the cycles since the last stamp to this stage.
    void stamp(Stage stage) noexcept {
        if (!is_kept_) [[likely]]
            return;
        const uint64_t now = __rdtsc();
        turn_[static_cast<size_t>(stage)] += now - last_;
        last_ = now;
        ++stamps_in_turn_;
    }
    /// Adds the turn to the totals if it was busy.
    void end_turn(bool busy) noexcept {
        if (!is_kept_) [[likely]]
            return;
        if (busy) {
            for (size_t i = 0; i < kStages; ++i) cycles_[i] += turn_[i];
            stamps_ += stamps_in_turn_;
            ++turns_;
        }
        stamps_in_turn_ = 0;
    }

    uint64_t cycles(Stage stage) const noexcept { return cycles_[static_cast<size_t>(stage)]; }
    uint64_t turns() const noexcept { return turns_; }
    uint64_t stamps() const noexcept { return stamps_; }
    /// Cycles of one stamp on this core. @note cost: measures for some microseconds.
    static double stamp_cycles() noexcept;

  private:
    bool is_kept_ = false;
    uint64_t last_ = 0;
    uint64_t stamps_in_turn_ = 0;
    uint64_t turns_ = 0, stamps_ = 0;
    std::array<uint64_t, kStages> turn_{}, cycles_{};
};

}  // namespace synfin
