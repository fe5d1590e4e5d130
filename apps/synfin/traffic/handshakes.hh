#pragma once
/// @file
/// Handshakes: counts the handshakes in flight, without those whose SYN or answer was probably lost.

#include <array>
#include <cstdint>

namespace synfin::app {

/// Counts the opens of the last kWindow milliseconds that have no answer yet. Older ones wait a second or
/// more for a retransmission; a generator that limits handshakes in flight need not wait for them.
/// @note cost: a few instructions per call; advance() also some per millisecond that has passed.
class Handshakes {
  public:
    static constexpr uint32_t kWindow = 4;  ///< ms; an answer takes less in a closed loop

    /// @param tick the present millisecond, modulo 2^32; less than 2^31 after that of the last call
    void advance(uint32_t tick) noexcept {
        if (tick - tick_ >= kWindow) {
            opened_in_ = {};
            under_way_ = 0;
            tick_ = tick;
        }
        while (tick_ != tick) {
            uint32_t& oldest = opened_in_[++tick_ % kWindow];
            under_way_ -= oldest;
            oldest = 0;
        }
    }
    /// A connection was opened in the present millisecond.
    void opened() noexcept {
        ++opened_in_[tick_ % kWindow];
        ++under_way_;
    }
    /// A connection that was opened in millisecond `opened_tick` is established, or has failed.
    void ended(uint32_t opened_tick) noexcept {
        if (tick_ - opened_tick >= kWindow) return;
        --opened_in_[opened_tick % kWindow];
        --under_way_;
    }
    uint32_t under_way() const noexcept { return under_way_; }

  private:
    uint32_t tick_ = 0;
    uint32_t under_way_ = 0;
    std::array<uint32_t, kWindow> opened_in_{};
};

}  // namespace synfin::app
