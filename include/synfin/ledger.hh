#pragma once
/// @file
/// Ledger: where an engine's cycles go, stage by stage.

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace synfin {

/// The stages of a turn, in order.
enum class Stage : uint8_t {
    rx,           ///< the port gives a burst; a wire or a memif: it is copied
    parse,        ///< Ethernet, IP and TCP headers, checksums, hash, the table's line fetched
    lookup,       ///< the table's candidates, side by side, their records fetched; core compares the tuple
    core,         ///< TCP, its effects on records and events
    timers,       ///< FIFOs and wheel
    application,  ///< between the two halves of a turn: handlers, and what they call
    emit,         ///< what is to be sent is chosen, built and resolved
    tx,           ///< the port takes packets; a wire or a memif: it copies them
    kCount
};
inline constexpr size_t kStages = static_cast<size_t>(Stage::kCount);
const char* name(Stage stage) noexcept;

/// TSC cycles by stage, of turns in which something happened. A stamp is taken where one stage ends and the
/// next begins, once per burst and not per packet.
/// @note cost: off, a branch for each stage and turn; on, also an rdtsc (about 25 cycles): measured as
///       stamp_cycles(), and part of what it measures.
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
    /// What was spent since the last stamp belongs to this stage.
    void stamp(Stage stage) noexcept {
        if (!is_kept_) [[likely]]
            return;
        const uint64_t now = __rdtsc();
        turn_[static_cast<size_t>(stage)] += now - last_;
        last_ = now;
        ++stamps_in_turn_;
    }
    /// Takes the turn in, if it did something.
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
    /// What one stamp costs on this core; measured now, some microseconds.
    static double stamp_cycles() noexcept;

  private:
    bool is_kept_ = false;
    uint64_t last_ = 0;
    uint64_t stamps_in_turn_ = 0;
    uint64_t turns_ = 0, stamps_ = 0;
    std::array<uint64_t, kStages> turn_{}, cycles_{};
};

}  // namespace synfin
