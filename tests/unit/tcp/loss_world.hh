#pragma once
/// @file
/// LossWorld: a connection with SACK whose round trip takes a known time. Segments have numbers: the first
/// one is 0.

#include "core_world.hh"

namespace synfin::tcp {

using Segments = std::vector<std::pair<uint32_t, uint32_t>>;  ///< [first, last + 1) by number

class LossWorld : public CoreWorld {
  public:
    explicit LossWorld(const TcpConfig& config = {}) : CoreWorld(config) {}

    /// ESTABLISHED, with an RTT sample of the handshake.
    void establish(uint32_t rtt_ms, In syn = {.sack = true}) {
        listen_syn(syn);
        advance(rtt_ms);
        in({});
        EXPECT_EQ(tcb.state(), State::established);
        need_flow();
        mss = tcb.text_mss();
        sent.clear();
    }
    uint32_t at(uint32_t segment) const { return 1 + segment * mss; }
    /// Queues n segments, and forgets those that leave.
    void flight(uint32_t n) {
        send(n * mss);
        sent.clear();
    }
    /// The ACK of all segments before `una`, with blocks for others.
    void ack(uint32_t una, const Segments& held = {}, std::optional<uint32_t> ecr = {}) {
        In segment{.ack = at(una), .ecr = ecr};
        for (const auto& [first, last] : held) segment.blocks.emplace_back(at(first), at(last));
        in(segment);
    }
    /// Segment n is sent again now.
    void recv_again(uint32_t n, const char* file, int line) {
        recv(*this, {.seq = at(n), .len = mss, .retransmission = true}, file, line);
    }
    void recv_new(uint32_t n, const char* file, int line) {
        recv(*this, {.seq = at(n), .len = mss, .retransmission = false}, file, line);
    }
    uint32_t mss = kMss;
};

}  // namespace synfin::tcp

#define AGAIN(w, n) (w).recv_again(n, __FILE__, __LINE__)
#define NEW(w, n) (w).recv_new(n, __FILE__, __LINE__)
