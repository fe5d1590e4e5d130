#pragma once
/// @file
/// FloodFrame: a frame that an attacker sends, built once and changed in place. The world's device vouches
/// for the checksums of IPv4 and TCP, so a change needs no new checksum.

#include <cstdint>
#include <cstring>
#include <vector>

#include "fakes/packet.hh"

namespace synfin::simulation {

using fakes::Packet;

inline constexpr Mac kServerMac{{2, 0, 0, 0, 0, 1}}, kClientMac{{2, 0, 0, 0, 0, 2}},
    kGatewayMac{{2, 0, 0, 0, 0, 0xfe}}, kOtherMac{{2, 0, 0, 0, 0, 0x77}};

inline void put16(uint8_t* to, uint32_t value) noexcept {
    to[0] = static_cast<uint8_t>(value >> 8);
    to[1] = static_cast<uint8_t>(value);
}
inline void put32(uint8_t* to, uint32_t value) noexcept {
    put16(to, value >> 16);
    put16(to + 2, value);
}
inline uint32_t get16(const uint8_t* from) noexcept {
    return static_cast<uint32_t>(from[0] << 8 | from[1]);
}
inline uint32_t get32(const uint8_t* from) noexcept {
    return get16(from) << 16 | get16(from + 2);
}

class FloodFrame {
  public:
    static constexpr size_t kEthernet = 14;

    FloodFrame() = default;
    /// `ip`: an IP packet, or an ARP packet with `type` 0x0806.
    FloodFrame(Bytes ip, const Mac& source, uint32_t type, const Mac& destination = kServerMac);
    explicit FloodFrame(const Packet& packet, const Mac& source = kGatewayMac)
        : FloodFrame(fakes::build(packet), source, packet.src.is_v6() ? 0x86dd : 0x0800) {}

    /// The IPv4 source, or the last 32 bits of the IPv6 source.
    FloodFrame& source(uint32_t address) noexcept { return put(is_v6_ ? 8 + 12 : 12, address); }
    FloodFrame& source_port(uint32_t port) noexcept {
        put16(tcp(), port);
        return *this;
    }
    FloodFrame& destination_port(uint32_t port) noexcept {
        put16(tcp() + 2, port);
        return *this;
    }
    FloodFrame& seq(uint32_t value) noexcept { return put_tcp(4, value); }
    FloodFrame& ack(uint32_t value) noexcept { return put_tcp(8, value); }
    FloodFrame& flags(int value) noexcept {
        tcp()[13] = static_cast<uint8_t>(value);
        return *this;
    }
    FloodFrame& window(uint32_t value) noexcept {
        put16(tcp() + 14, value);
        return *this;
    }
    /// The `word`th 32-bit word of the TCP options.
    FloodFrame& option_word(size_t word, uint32_t value) noexcept { return put_tcp(20 + 4 * word, value); }
    /// Recomputes the checksums of an IP packet, for those that software checks.
    FloodFrame& with_checksums() {
        std::vector<uint8_t> ip(bytes_.begin() + kEthernet, bytes_.end());
        fakes::fix_checksums(ip);
        std::memcpy(bytes_.data() + kEthernet, ip.data(), ip.size());
        return *this;
    }
    FloodFrame& source_mac(uint32_t last) noexcept {
        put32(bytes_.data() + 8, last);
        return *this;
    }

    uint8_t* ip() noexcept { return bytes_.data() + kEthernet; }
    uint8_t* tcp() noexcept { return ip() + (is_v6_ ? 40 : 20); }
    Bytes bytes() const noexcept { return bytes_; }

  private:
    FloodFrame& put(size_t at, uint32_t value) noexcept {
        put32(ip() + at, value);
        return *this;
    }
    FloodFrame& put_tcp(size_t at, uint32_t value) noexcept {
        put32(tcp() + at, value);
        return *this;
    }
    std::vector<uint8_t> bytes_;
    bool is_v6_ = false;
};

/// A segment that the attacker has received.
struct Heard {
    bool is_v6 = false;
    uint32_t address = 0;  ///< its destination: IPv4, or the last 32 bits of IPv6
    uint32_t server_port = 0, port = 0;
    uint32_t seq = 0, ack = 0, len = 0;
    int flags = 0;

    bool has(int f) const noexcept { return (flags & f) == f; }
    uint32_t end() const noexcept {
        return seq + len + (has(fakes::kSyn) ? 1 : 0) + (has(fakes::kFin) ? 1 : 0);
    }
    /// False: not a segment.
    bool read(Bytes frame) noexcept {
        const uint8_t* ip = frame.data() + FloodFrame::kEthernet;
        const uint32_t type = get16(frame.data() + 12);
        is_v6 = type == 0x86dd;
        if ((type != 0x0800 || ip[9] != fakes::kTcp) && (!is_v6 || ip[6] != fakes::kTcp)) return false;
        const uint8_t* tcp = ip + (is_v6 ? 40 : 20);
        const uint32_t bytes = is_v6 ? get16(ip + 4) : get16(ip + 2) - 20;
        address = get32(ip + (is_v6 ? 24 + 12 : 16));
        server_port = get16(tcp);
        port = get16(tcp + 2);
        seq = get32(tcp + 4);
        ack = get32(tcp + 8);
        flags = tcp[13];
        len = bytes - (tcp[12] >> 4) * 4u;
        return true;
    }
};

}  // namespace synfin::simulation
