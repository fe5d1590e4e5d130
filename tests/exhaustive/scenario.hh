#pragma once
/// @file
/// Scenario: the parameters of one exploration: which host listens, which calls each may make, which faults
/// the network may have; and the constants that all its states share.

#include <cstdint>

#include "base/siphash.hh"
#include "base/tuple.hh"
#include "tcp/core.hh"

namespace synfin::exhaustive {

inline constexpr unsigned kMaxInFlight = 5;  ///< segments that a direction of the network holds at most
inline constexpr unsigned kMaxText = 3;      ///< bytes that one side sends per connection at most
inline constexpr unsigned kMaxLives = 8;     ///< connections that one side begins at most

/// Calls that an application may make, as bits.
enum Call : uint8_t {
    kConnect = 1 << 0,
    kSend = 1 << 1,  ///< Scenario::burst segments of one byte
    kShutdown = 1 << 2,
    kClose = 1 << 3,
    kAbort = 1 << 4,
};

/// What may still go wrong: without bounds the space of states would not end.
struct Budget {
    uint8_t drops = 0;
    uint8_t duplicates = 0;
    uint8_t time_outs = 0;
};

struct Side {
    bool listens = false;
    uint8_t connects = 0;  ///< connect() calls in all
    uint8_t sends = 0;     ///< send() calls per connection, Scenario::burst bytes each
    uint8_t calls = 0;     ///< Call bits; kConnect and kSend follow from the counts
};

struct Scenario {
    const char* name;
    Side side[2];
    bool timestamps = false;
    bool ipv6 = false;
    Budget budget;
    uint8_t in_flight = 4;  ///< segments per direction; more are lost
    uint8_t burst = 1;      ///< bytes of a send(). More than one: the path carries segments of one byte only
    uint32_t depth = 200;   ///< actions from the start at most
};

/// All times are multiples of 1024 ticks (the grain of Flow::unacked_since_s), so that states that differ in
/// the time of day alone are one state.
inline constexpr uint32_t kGrain = 1024;

/// What the hosts of one exploration have in common.
class Ground {
  public:
    explicit Ground(const Scenario& scenario) noexcept;

    Scenario scenario;
    tcp::Params params;
    tcp::TimestampOffsets ts_offsets;
    Tuple tuple[2];         ///< of the one connection, as each side sees it
    Ipv6 remote6[2];        ///< the same of its peer, with IPv6
    uint32_t ts_offset[2];  ///< isn.hh's, computed once
    uint32_t msl;           ///< ticks

    /// ISS of side's n-th connection. B's numbers pass 2^31, A's pass 2^32; not where B sends a SYN, which a
    /// closed port of A answers by RST with SEQ 0: that must not be a number in use. The distance is more
    /// than a window, as RFC 9293 3.4.1's clock gives to connections that follow each other.
    tcp::Seq iss(unsigned side, unsigned life) const noexcept {
        const uint32_t a = scenario.side[1].connects != 0 ? 0xffff'f000u : 0xffff'fffeu;
        return tcp::Seq((side == 0 ? a : 0x7fff'fffeu) + life * kLifeDistance);
    }
    /// The MSS that both offer.
    uint16_t mss() const noexcept { return scenario.ipv6 ? params.mss6 : params.mss; }
    /// As seen from `side`.
    tcp::Context context(unsigned side, tcp::Now now) const noexcept {
        tcp::Context out{params, ts_offsets, now};
        out.first_v6 = kFirstV6;
        out.remote6 = &remote6[side];
        return out;
    }
    static constexpr uint32_t kFirstV6 = 1;  ///< Tuple::local_index: 0 is the IPv4 address, 1 the IPv6 one
    static constexpr uint32_t kLifeDistance = 1'000'000;
};

/// The byte that `side` sends at `offset` of its n-th connection: no two are alike.
constexpr uint8_t byte_of(unsigned side, unsigned life, unsigned offset) noexcept {
    return static_cast<uint8_t>(side << 7 | life << 3 | offset);
}

/// A segment in flight.
struct Packet {
    uint32_t seq = 0, ack = 0, ts_val = 0, ts_ecr = 0;
    uint16_t wnd = 0, mss = 0;
    uint8_t flags = 0;
    uint8_t len = 0;
    uint8_t options = 0;  ///< Option bits
    uint8_t shift = 0;
    uint8_t text[4] = {};
    uint32_t sack[4] = {};  ///< left and right edges

    enum Option : uint8_t { kTs = 1, kScale = 2, kSackPermitted = 4, kBlock = 8 };
    void add_block(uint32_t left, uint32_t right) noexcept {
        const unsigned n = blocks();
        if (n == 2) return;
        sack[2 * n] = left;
        sack[2 * n + 1] = right;
        options = static_cast<uint8_t>(options + kBlock);
    }
    unsigned blocks() const noexcept { return options / kBlock; }
    bool has(uint8_t flag) const noexcept { return (flags & flag) != 0; }
    tcp::Segment segment() const noexcept;
};
static_assert(std::has_unique_object_representations_v<Packet> && kMaxText <= sizeof(Packet::text));

}  // namespace synfin::exhaustive
