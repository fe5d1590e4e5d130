#pragma once
/// @file
/// One direction of a path: a queue in front of a link of limited rate, then a delay; with loss, random or in
/// bursts, and reordering, which a seed decides. Integers only, so that every build gives the same times.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.hh"
#include "synfin/units.hh"

namespace synfin::simulation {

struct PathConfig {
    uint32_t mbit_s = 0;  ///< of IP packets; 0: no limit
    Duration delay = 1ms;
    uint64_t queue_bytes = 0;  ///< beyond this a packet is lost; 0: no limit
    uint32_t loss_ppm = 0;     ///< mean share of the data packets
    uint32_t burst_packets =
        1;                     ///< mean length of a burst of losses (Gilbert-Elliott); 1: independent losses
    uint32_t reorder_ppm = 0;  ///< these packets take a tenth to a quarter of the round trip longer
};

class Bottleneck {
  public:
    Bottleneck(const PathConfig& config, uint64_t seed) : config_(config), random_(seed) {}

    void send(std::vector<uint8_t> bytes, Instant now) {
        ++sent_;
        Instant leaves = now;
        if (config_.mbit_s != 0) {
            const auto now_ps = static_cast<uint64_t>((now - Instant{}) / 1ns) * 1000;
            busy_until_ps_ = std::max(busy_until_ps_, now_ps);
            const uint64_t byte_ps = 8'000'000 / config_.mbit_s;
            const uint64_t queued = (busy_until_ps_ - now_ps) / byte_ps;
            if (config_.queue_bytes != 0 && queued + bytes.size() > config_.queue_bytes) {
                ++overflowed_;
                return;
            }
            busy_until_ps_ += bytes.size() * byte_ps;
            leaves = Instant{} + Duration(static_cast<int64_t>(busy_until_ps_ / 1000));
        }
        // SYN, FIN and ACKs are spared: one lost SYN costs a second, which would be all that a short transfer
        // shows.
        if (bytes.size() >= kSpared && loses(now)) {
            ++lost_;
            return;
        }
        Duration delay = config_.delay;
        if (random_.chance_ppm(config_.reorder_ppm)) delay += config_.delay * (20 + random_.below(30)) / 100;
        under_way_.push_back({leaves + delay, ++order_, std::move(bytes)});
        std::push_heap(under_way_.begin(), under_way_.end());
    }
    std::optional<Instant> next() const {
        if (under_way_.empty()) return std::nullopt;
        return under_way_.front().at;
    }
    std::vector<uint8_t> receive() {
        std::pop_heap(under_way_.begin(), under_way_.end());
        std::vector<uint8_t> bytes = std::move(under_way_.back().bytes);
        under_way_.pop_back();
        return bytes;
    }
    uint64_t sent() const { return sent_; }
    uint64_t lost() const { return lost_; }
    uint64_t overflowed() const { return overflowed_; }

  private:
    static constexpr size_t kSpared = 100;  ///< packets below this size carry no text of a bulk transfer

    struct Packet {
        Instant at;
        uint64_t order;
        std::vector<uint8_t> bytes;
        bool operator<(const Packet& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    /// Two states: in the bad one every packet is lost. Its mean length is burst_packets, but no burst
    /// outlasts a pause of a quarter of the round trip: otherwise a burst that reaches the end of a flight
    /// would wait for the retransmissions and lose those.
    bool loses(Instant now) {
        if (config_.loss_ppm == 0) return false;
        if (config_.burst_packets <= 1) return random_.chance_ppm(config_.loss_ppm);
        const uint32_t leave_ppm = 1'000'000 / config_.burst_packets;
        const auto enter_ppm =
            static_cast<uint32_t>(uint64_t{leave_ppm} * config_.loss_ppm / (1'000'000 - config_.loss_ppm));
        if (now > last_data_ + config_.delay / 2) is_bad_ = false;
        last_data_ = now;
        is_bad_ = is_bad_ ? !random_.chance_ppm(leave_ppm) : random_.chance_ppm(enter_ppm);
        return is_bad_;
    }

    PathConfig config_;
    Random random_;
    std::vector<Packet> under_way_;  ///< a heap
    uint64_t busy_until_ps_ = 0;
    Instant last_data_{};
    uint64_t order_ = 0, sent_ = 0, lost_ = 0, overflowed_ = 0;
    bool is_bad_ = false;
};

}  // namespace synfin::simulation
