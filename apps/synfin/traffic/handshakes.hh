#pragma once
/// @file
/// Handshakes: how many connections are being opened, without those whose SYN or answer must have been lost.

#include <array>
#include <cstdint>

namespace synfin::app {

/// Counts opens of the last kWindow milliseconds that have had no answer. Older ones wait for a
/// retransmission, a second or more: who opens only so many at once need not wait for them.
/// @note cost: a few instructions for each call; advance() some for each millisecond that has passed.
class Handshakes {
  public:
    static constexpr uint32_t kWindow = 4;  ///< ms; more than an answer takes in a closed loop

    /// @param tick the present millisecond, modulo 2^32; later than the last one's by less than 2^31
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
    /// One was opened in the present millisecond.
    void opened() noexcept {
        ++opened_in_[tick_ % kWindow];
        ++under_way_;
    }
    /// One that was opened in this millisecond is established, or has failed.
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
