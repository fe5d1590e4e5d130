#pragma once
/// @file
/// Frames of IPv6 for the tests of this room, written out byte by byte.

#include <vector>

#include "frames.hh"

namespace synfin::port::test {

/// 2001:db8::HOST, the peer's port 40,000 and our port 80.
inline Ipv6 address6(uint8_t host) {
    return Ipv6{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host}};
}
inline const FlowTuple6 kFlow6{address6(2), address6(1), 40'000, 80};

/// An extension header: its type and its bytes, whose first is overwritten with the next header's type.
struct Extension {
    uint8_t type;
    Frame bytes;
};
inline Extension options(uint8_t type, uint8_t more_words = 0) {
    Frame bytes(8 + 8 * size_t{more_words});
    bytes[1] = more_words;
    bytes[2] = 1;  // PadN over the rest
    bytes[3] = static_cast<uint8_t>(bytes.size() - 4);
    return {type, bytes};
}
inline Extension fragment(uint16_t offset_and_flags) {
    return {44,
            {0, 0, static_cast<uint8_t>(offset_and_flags >> 8), static_cast<uint8_t>(offset_and_flags), 0, 0,
             0, 1}};
}

using Extensions = std::vector<Extension>;

/// An IPv6 header and the extension headers behind it; `payload` bytes follow.
inline void put_ip6(Frame& frame, uint8_t protocol, const FlowTuple6& t, size_t payload,
                    const Extensions& extensions = {}) {
    for (const Extension& each : extensions) payload += each.bytes.size();
    frame.insert(frame.end(), {0x60, 0x0a, 0xbc, 0xde});
    put16(frame, static_cast<uint32_t>(payload));
    frame.push_back(extensions.empty() ? protocol : extensions.front().type);
    frame.push_back(64);
    for (const Ipv6& each : {t.source, t.destination})
        frame.insert(frame.end(), each.octets.begin(), each.octets.end());
    for (size_t i = 0; i < extensions.size(); ++i) {
        const size_t at = frame.size();
        frame.insert(frame.end(), extensions[i].bytes.begin(), extensions[i].bytes.end());
        frame[at] = i + 1 < extensions.size() ? extensions[i + 1].type : protocol;
    }
}

inline Frame tcp6_frame(const FlowTuple6& t, uint8_t flags = 0x10, Tags tags = Tags::none,
                        const Extensions& extensions = {}) {
    Frame frame = ethernet(0x86dd, tags);
    put_ip6(frame, 6, t, 20, extensions);
    put_tcp(frame, {0, 0, t.source_port, t.destination_port}, flags);
    return frame;
}

inline Frame icmp6_frame(uint8_t type, const Frame& body, const Extensions& extensions = {}) {
    Frame frame = ethernet(0x86dd);
    put_ip6(frame, 58, kFlow6, 8 + body.size(), extensions);
    frame[14 + 7] = 255;  // no router has forwarded it
    frame.insert(frame.end(), {type, 0, 0, 0, 0, 0, 0, 0});
    frame.insert(frame.end(), body.begin(), body.end());
    return frame;
}

/// An ICMPv6 error that quotes a segment of ours.
inline Frame icmp6_error(uint8_t type, const FlowTuple6& ours, size_t quoted_bytes = 20,
                         const Extensions& extensions = {}) {
    Frame quote;
    put_ip6(quote, 6, ours, 20, extensions);
    const size_t headers = quote.size();
    put_tcp(quote, {0, 0, ours.source_port, ours.destination_port}, 0x10);
    quote.resize(headers + quoted_bytes);
    return icmp6_frame(type, quote);
}

}  // namespace synfin::port::test
