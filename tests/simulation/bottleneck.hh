#pragma once
/// @file
/// One direction of a path: a queue in front of a link of limited rate, then a delay; with random loss and
/// reordering, which a seed decides.

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "base/random.hh"
#include "synfin/units.hh"

namespace synfin::simulation {

struct PathConfig {
    double mbit_s = 0;  ///< 0: no limit
    Duration delay = 1ms;
    uint32_t queue_bytes = 0;  ///< beyond this a packet is lost; 0: no limit
    uint32_t loss_ppm = 0;
    uint32_t reorder_ppm = 0;  ///< these packets take a tenth to a quarter of the round trip longer
};

class Bottleneck {
  public:
    Bottleneck(const PathConfig& config, uint64_t seed) : config_(config), random_(seed) {}

    void send(std::vector<uint8_t> bytes, Instant now) {
        ++sent_;
        Instant leaves = now;
        if (config_.mbit_s != 0) {
            if (busy_until_ < now) busy_until_ = now;
            const double queued = static_cast<double>((busy_until_ - now) / 1ns) * config_.mbit_s / 8000;
            if (config_.queue_bytes != 0 &&
                queued + static_cast<double>(bytes.size()) > config_.queue_bytes) {
                ++overflowed_;
                return;
            }
            const double ns = static_cast<double>(bytes.size()) * 8000 / config_.mbit_s;
            busy_until_ = busy_until_ + Duration(static_cast<int64_t>(ns));
            leaves = busy_until_;
        }
        if (random_.chance_ppm(config_.loss_ppm)) {
            ++lost_;
            return;
        }
        Duration delay = config_.delay;
        if (random_.chance_ppm(config_.reorder_ppm)) delay += config_.delay * (20 + random_.below(30)) / 100;
        under_way_.push({leaves + delay, ++order_, std::move(bytes)});
    }
    std::optional<Instant> next() const {
        if (under_way_.empty()) return std::nullopt;
        return under_way_.top().at;
    }
    std::vector<uint8_t> receive() {
        std::vector<uint8_t> bytes = under_way_.top().bytes;
        under_way_.pop();
        return bytes;
    }
    uint64_t sent() const { return sent_; }
    uint64_t lost() const { return lost_; }
    uint64_t overflowed() const { return overflowed_; }

  private:
    struct Packet {
        Instant at;
        uint64_t order;
        std::vector<uint8_t> bytes;
        bool operator<(const Packet& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };
    PathConfig config_;
    Random random_;
    std::priority_queue<Packet> under_way_;
    Instant busy_until_{};
    uint64_t order_ = 0, sent_ = 0, lost_ = 0, overflowed_ = 0;
};

}  // namespace synfin::simulation
