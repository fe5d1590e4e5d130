#pragma once
/// @file
/// A wire between two stacks that loses, repeats, reorders, delays and corrupts packets; a seed decides
/// which.

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "base/random.hh"
#include "synfin/units.hh"

namespace synfin::simulation {

/// Rates in parts per million of the packets.
struct Faults {
    uint32_t loss = 0, duplicate = 0, reorder = 0, corrupt = 0;
};

/// Both directions. Packets keep their order unless they are reordered.
class FaultyWire {
  public:
    struct Arrival {
        Instant at{};
        uint64_t order = 0;
        unsigned to = 0;  ///< 0 or 1: which end
        std::vector<uint8_t> bytes{};
        bool corrupted = false;
    };

    FaultyWire(const Faults& faults, Duration delay, uint64_t seed)
        : faults_(faults), delay_(delay), random_(seed) {}

    /// `bytes` leaves for end `to` at `now`.
    void send(unsigned to, std::vector<uint8_t> bytes, Instant now) {
        ++sent_;
        const unsigned copies = random_.chance_ppm(faults_.duplicate) ? 2 : 1;
        for (unsigned i = 0; i < copies; ++i) {
            if (random_.chance_ppm(faults_.loss)) {
                ++lost_;
                continue;
            }
            Duration delay = delay_;
            if (random_.chance_ppm(faults_.reorder)) delay += delay_ * (1 + random_.below(300)) / 100;
            Arrival arrival{now + delay, ++order_, to, bytes, false};
            if (random_.chance_ppm(faults_.corrupt)) {
                // One bit, which the checksum always detects.
                const uint32_t bit = random_.below(static_cast<uint32_t>(bytes.size()) * 8);
                arrival.bytes[bit / 8] = static_cast<uint8_t>(arrival.bytes[bit / 8] ^ (1u << bit % 8));
                arrival.corrupted = true;
            }
            under_way_.push(std::move(arrival));
        }
    }
    std::optional<Instant> next() const {
        if (under_way_.empty()) return std::nullopt;
        return under_way_.top().at;
    }
    Arrival receive() {
        Arrival arrival = under_way_.top();
        under_way_.pop();
        return arrival;
    }
    uint64_t sent() const { return sent_; }
    uint64_t lost() const { return lost_; }

  private:
    struct Later {
        bool operator()(const Arrival& a, const Arrival& b) const {
            return a.at != b.at ? a.at > b.at : a.order > b.order;
        }
    };
    Faults faults_;
    Duration delay_;
    Random random_;
    std::priority_queue<Arrival, std::vector<Arrival>, Later> under_way_;
    uint64_t order_ = 0, sent_ = 0, lost_ = 0;
};

}  // namespace synfin::simulation
