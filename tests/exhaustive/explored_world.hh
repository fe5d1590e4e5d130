#pragma once
/// @file
/// World: a state of the exploration: two hosts, the segments between them, the time, and the remaining
/// budget of faults. Equal states have equal bytes (pack()), whatever path led to them.

#include <array>
#include <cstring>
#include <string>

#include "host.hh"

namespace synfin::exhaustive {

/// One choice, in 16 bits.
struct Action {
    enum class Kind : uint8_t {
        deliver,    ///< segment `index` of those that `host` sent reaches the other side: any order
        duplicate,  ///< the same, and a copy stays in the network
        time_out,   ///< time advances to the first deadline, which is that of `host`
        call,       ///< `host`'s application makes call 1 << index
    };
    Kind kind = Kind::deliver;
    uint8_t host = 0;
    uint8_t index = 0;
    uint8_t lost = 0;  ///< bit mask of the segments of this step that are lost

    constexpr uint16_t packed() const noexcept {
        return static_cast<uint16_t>(static_cast<unsigned>(kind) | host << 2 | index << 3 | lost << 8);
    }
    static constexpr Action unpack(uint16_t bits) noexcept {
        return {static_cast<Kind>(bits & 3u), static_cast<uint8_t>(bits >> 2 & 1u),
                static_cast<uint8_t>(bits >> 3 & 31u), static_cast<uint8_t>(bits >> 8)};
    }
};

class World {
  public:
    explicit World(const Scenario& scenario) noexcept : hosts_{Host(scenario, 0), Host(scenario, 1)} {
        head_.tick = kEpoch;
        budget_ = scenario.budget;
    }

    /// Every choice except losses.
    template <typename Visit>
    void for_each_action(const Ground& ground, Visit&& visit) const {
        for (unsigned from = 0; from < 2; ++from) {
            const auto host = static_cast<uint8_t>(from);
            for (unsigned i = 0; i < head_.in_flight[from]; ++i) {
                if (i > 0 && same(net_[from][i - 1], net_[from][i])) continue;
                visit(Action{Action::Kind::deliver, host, static_cast<uint8_t>(i), 0});
                if (budget_.duplicates > 0)
                    visit(Action{Action::Kind::duplicate, host, static_cast<uint8_t>(i), 0});
            }
        }
        for (unsigned side = 0; side < 2; ++side) {
            const auto host = static_cast<uint8_t>(side);
            if (budget_.time_outs > 0 && is_first_deadline(ground, side))
                visit(Action{Action::Kind::time_out, host, 0, 0});
            for (uint8_t bit = 0; bit < 5; ++bit) {
                const auto call = static_cast<Call>(1u << bit);
                const bool allowed =
                    call == kConnect || call == kSend || (ground.scenario.side[side].calls & call) != 0;
                if (allowed && hosts_[side].may(call, ground, head_.tick))
                    visit(Action{Action::Kind::call, host, bit, 0});
            }
        }
    }

    /// Performs the action. Its segments are then in `turn`; settle() puts them into the network.
    void act(Action action, Turn& turn) noexcept;
    /// Puts the segments of the step into the network, except those in `lost`. Then checks the state and
    /// normalises it.
    void settle(const Turn& turn, uint8_t lost, Witness& witness) noexcept;
    /// A turn for act().
    Turn turn(const Ground& ground, Witness& witness) const noexcept {
        return Turn{.ground = ground, .tick = head_.tick, .witness = witness, .input = {}};
    }

    Budget budget() const noexcept { return budget_; }
    const Host& host(unsigned side) const noexcept { return hosts_[side]; }
    unsigned in_flight(unsigned from) const noexcept { return head_.in_flight[from]; }
    bool is_first_deadline(const Ground& ground, unsigned side) const noexcept;
    void spend(Budget spent) noexcept;
    void set_budget(Budget budget) noexcept { budget_ = budget; }

    /// Largest size of a packed world in bytes.
    static constexpr size_t kMaxBytes = 3072;
    /// Writes the state without its budget; returns the number of bytes.
    size_t pack(uint8_t* out) const noexcept;
    /// Reads a state that pack() wrote; returns the number of bytes.
    size_t unpack(const uint8_t* in) noexcept;

  private:
    static constexpr uint32_t kEpoch = 4096 * kGrain;

    struct Head {
        uint32_t tick = 0;
        uint8_t in_flight[2] = {};
        uint8_t spare[2] = {};
    };
    static_assert(std::has_unique_object_representations_v<Head>);

    static bool same(const Packet& a, const Packet& b) noexcept {
        return std::memcmp(&a, &b, sizeof(Packet)) == 0;
    }
    void normalise() noexcept;
    template <typename Self, typename Visit>
    static void for_each_part(Self& self, Visit&& visit) {
        visit(&self.head_, sizeof(Head));
        for (unsigned side = 0; side < 2; ++side) {
            Host::for_each_part(self.hosts_[side], visit);
            visit(self.net_[side].data(), self.head_.in_flight[side] * sizeof(Packet));
        }
    }

    Head head_;
    Budget budget_;
    Host hosts_[2];
    std::array<Packet, kMaxInFlight> net_[2];  ///< by sender, sorted
};

/// A segment as tcpdump prints it, numbers relative to the ISS; "2:1" is 1 of the second connection.
std::string describe(const Packet& packet, unsigned from, const Ground& ground);

}  // namespace synfin::exhaustive
