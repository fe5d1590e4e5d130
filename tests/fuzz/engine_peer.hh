#pragma once
/// @file
/// PeerFlow: what a peer of the engine target knows of one connection, and the segments that it sends.

#include <array>
#include <cstdint>
#include <vector>

#include "fakes/packet.hh"
#include "story.hh"

namespace synfin::fuzz {

/// The byte of a stream at an absolute sequence number. So both sides can be checked without the ISN.
inline uint8_t byte_at(uint32_t seq) {
    return static_cast<uint8_t>(seq * 7 + (seq >> 8) * 3);
}

struct PeerFlow {
    IpAddress peer{}, us{};
    uint16_t peer_port = 0, our_port = 0;
    uint32_t nxt = 0;       ///< the peer's next sequence number
    uint32_t seen_nxt = 0;  ///< beyond the last byte that the stack sent
    uint32_t seen_una = 0;  ///< what the peer acknowledged last
    uint32_t ts = 1000, ts_echo = 0;
    uint16_t wnd = 65535;
    bool sends_ts = false;    ///< the segments of the short steps carry timestamps
    bool echoes_ecn = false;  ///< ... and ECE
    uint8_t tos = 0;          ///< of its packets: 2 is ECT(0), 3 is CE

    /// Notes a segment that the stack has sent.
    void note(const fakes::Packet& packet);

    /// Any segment: flags, numbers, text and options as the story says.
    fakes::Packet any_segment(Story& story);
    /// A SYN (with `with_ack` the answer to ours), with the options that `choice` names: bits 0 SACK, 1
    /// timestamps, 2 window scale, 3 and 4 MSS, 5 ECN.
    fakes::Packet syn(uint8_t choice, bool with_ack);
    /// The ACK of all that it has seen: ends the handshake.
    fakes::Packet acknowledge_all();
    /// `style` 0: all; 1: SACK blocks of the segments that the story names; 2: a duplicate ACK; 3: the oldest
    /// segment.
    fakes::Packet acknowledge(unsigned style, Story& story);
    /// Text in order.
    fakes::Packet text(uint32_t bytes);
    /// `style` 0: text behind a hole; 1: old text; 2: old text and new; 3: new text that acknowledges nothing
    /// new.
    fakes::Packet odd_text(unsigned style, Story& story);
    fakes::Packet fin(uint32_t bytes);
    fakes::Packet rst();

  private:
    struct Piece {
        uint32_t left = 0, right = 0;
    };
    static constexpr unsigned kPieces = 16;

    fakes::Packet plain(uint32_t seq, uint32_t ack, uint32_t bytes);
    void add_sack(fakes::Packet& packet, uint8_t chosen) const;
    void forget_acknowledged();

    std::array<Piece, kPieces> pieces_{};  ///< segments with text from the stack, oldest first
    unsigned count_ = 0;
};

}  // namespace synfin::fuzz
