#include "packet.hh"

#include <algorithm>
#include <cstdio>

namespace synfin::fakes {

namespace {

void put16(std::vector<uint8_t>& out, uint32_t value) {
    out.push_back(static_cast<uint8_t>(value >> 8));
    out.push_back(static_cast<uint8_t>(value));
}
void put32(std::vector<uint8_t>& out, uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}
uint16_t get16(Bytes bytes, size_t at) {
    return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
uint32_t get32(Bytes bytes, size_t at) {
    return static_cast<uint32_t>(get16(bytes, at)) << 16 | get16(bytes, at + 2);
}
void set16(std::vector<uint8_t>& bytes, size_t at, uint32_t value) {
    bytes[at] = static_cast<uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<uint8_t>(value);
}
uint16_t fold(uint32_t sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

/// The upper-layer protocol and where it begins, behind options or extension headers.
struct Upper {
    uint8_t protocol = 0;
    size_t at = 0;
    bool whole = false;  ///< the header chain ends within the packet
};

bool is_extension(uint8_t type) {
    return type == kHopByHop || type == kRouting || type == kFragment || type == kDestination;
}

Upper upper_of(Bytes bytes) {
    if (bytes[0] >> 4 == 4) return {bytes[9], static_cast<size_t>(bytes[0] & 15) * 4, true};
    Upper out{bytes[6], 40, true};
    while (is_extension(out.protocol)) {
        if (out.at + 8 > bytes.size()) return {out.protocol, out.at, false};
        const size_t length = out.protocol == kFragment ? 8 : 8 + size_t{bytes[out.at + 1]} * 8;
        out.protocol = bytes[out.at];
        out.at += length;
    }
    out.whole = out.at <= bytes.size();
    return out;
}

/// The pseudo-header's sum (RFC 9293 3.1, RFC 8200 8.1) for the `length` bytes of the upper layer.
uint32_t pseudo_sum(Bytes ip, uint8_t protocol, size_t length) {
    const Bytes addresses = ip[0] >> 4 == 4 ? ip.subspan(12, 8) : ip.subspan(8, 32);
    return ones_sum(addresses, protocol + static_cast<uint32_t>(length));
}

void put_address(std::vector<uint8_t>& out, const IpAddress& addr) {
    if (addr.is_v4())
        put32(out, addr.v4.value);
    else
        out.insert(out.end(), addr.v6.octets.begin(), addr.v6.octets.end());
}

Ipv6 get_ipv6(Bytes bytes, size_t at) {
    Ipv6 out;
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), 16, out.octets.begin());
    return out;
}

/// Everything in front of the upper layer, which has `length` bytes.
void put_ip_header(std::vector<uint8_t>& out, const Packet& packet, size_t length) {
    if (packet.src.is_v6()) {
        for (const auto& extension : packet.extensions) length += 1 + extension.body.size();
        put32(out, 6u << 28 | uint32_t{packet.tos} << 20 | (packet.flow_label & 0xfffff));
        put16(out, static_cast<uint32_t>(length));
        out.push_back(packet.extensions.empty() ? packet.protocol : packet.extensions[0].type);
        out.push_back(packet.ttl);
        put_address(out, packet.src);
        put_address(out, packet.dst);
        for (size_t i = 0; i < packet.extensions.size(); ++i) {
            const bool last = i + 1 == packet.extensions.size();
            out.push_back(last ? packet.protocol : packet.extensions[i + 1].type);
            out.insert(out.end(), packet.extensions[i].body.begin(), packet.extensions[i].body.end());
        }
        return;
    }
    const size_t ip_header = 20 + packet.ip_options.size();
    out.push_back(static_cast<uint8_t>(0x40 | ip_header / 4));
    out.push_back(packet.tos);
    put16(out, static_cast<uint32_t>(ip_header + length));
    put16(out, packet.id);
    put16(out, (packet.df ? 0x4000u : 0u) | packet.fragment);
    out.push_back(packet.ttl);
    out.push_back(packet.protocol);
    put16(out, 0);
    put_address(out, packet.src);
    put_address(out, packet.dst);
    out.insert(out.end(), packet.ip_options.begin(), packet.ip_options.end());
}

/// The IP header for parse(): false when nothing behind it can be read.
bool read_ip_header(Bytes bytes, Packet& p, std::string& complaint) {
    if (bytes.size() >= 40 && bytes[0] >> 4 == 6) {
        p.tos = static_cast<uint8_t>(get16(bytes, 0) >> 4);
        p.flow_label = get32(bytes, 0) & 0xfffff;
        p.ttl = bytes[7];
        p.src = get_ipv6(bytes, 8);
        p.dst = get_ipv6(bytes, 24);
        const Upper upper = upper_of(bytes);
        p.protocol = upper.protocol;
        if (size_t{get16(bytes, 4)} + 40 != bytes.size())
            complaint = "IPv6 payload length is not the packet's";
        if (!upper.whole) complaint = "an IPv6 header chain that does not end";
        if (upper.at != 40 && p.protocol == kTcp) complaint = "extension headers in front of TCP";
        return upper.whole;
    }
    if (bytes.size() < 20 || bytes[0] >> 4 != 4) {
        complaint = "neither an IPv4 nor an IPv6 packet";
        return false;
    }
    const size_t ip_header = static_cast<size_t>(bytes[0] & 15) * 4;
    p.tos = bytes[1];
    p.id = get16(bytes, 4);
    p.df = (bytes[6] & 0x40) != 0;
    p.fragment = get16(bytes, 6) & 0xbfff;
    p.ttl = bytes[8];
    p.protocol = bytes[9];
    p.src = Ipv4{get32(bytes, 12)};
    p.dst = Ipv4{get32(bytes, 16)};
    if (ip_header != 20) complaint = "an IPv4 header with options, or too short";
    if (get16(bytes, 2) != bytes.size()) complaint = "IPv4 total length is not the packet's";
    if (!complaint.empty()) return false;
    if (fold(ones_sum(bytes.first(ip_header))) != 0) complaint = "IPv4 header checksum wrong";
    if (p.fragment != 0) complaint = "a fragment";
    return true;
}

std::vector<uint8_t> option_bytes(const Packet& packet) {
    if (!packet.options.empty()) return packet.options;
    std::vector<uint8_t> out;
    if (packet.mss) {
        out.insert(out.end(), {2, 4});
        put16(out, *packet.mss);
    }
    if (packet.ts) {
        if (packet.sack_ok)
            out.insert(out.end(), {4, 2});
        else
            out.insert(out.end(), {1, 1});
        out.insert(out.end(), {8, 10});
        put32(out, packet.ts->val);
        put32(out, packet.ts->ecr);
    } else if (packet.sack_ok) {
        out.insert(out.end(), {1, 1, 4, 2});
    }
    if (packet.wscale) out.insert(out.end(), {1, 3, 3, static_cast<uint8_t>(*packet.wscale)});
    if (const size_t n = std::min<size_t>(packet.sack.size(), packet.ts ? 3 : 4); n != 0) {
        out.insert(out.end(), {1, 1, 5, static_cast<uint8_t>(2 + 8 * n)});
        for (size_t i = 0; i < n; ++i) {
            put32(out, packet.sack[i].first);
            put32(out, packet.sack[i].second);
        }
    }
    return out;
}

std::string read_options(Packet& packet) {
    const auto& options = packet.options;
    size_t at = 0;
    while (at < options.size()) {
        const uint8_t kind = options[at];
        if (kind == 0) break;
        if (kind == 1) {
            ++at;
            continue;
        }
        if (at + 1 >= options.size() || options[at + 1] < 2 || at + options[at + 1] > options.size())
            return "option " + std::to_string(kind) + " has a bad length";
        const size_t length = options[at + 1];
        auto wrong = [&](size_t want) { return length != want; };
        switch (kind) {
            case 2:
                if (wrong(4)) return "MSS option of a wrong length";
                packet.mss = get16(options, at + 2);
                break;
            case 3:
                if (wrong(3)) return "window scale option of a wrong length";
                packet.wscale = options[at + 2];
                break;
            case 4:
                if (wrong(2)) return "SACK-permitted option of a wrong length";
                packet.sack_ok = true;
                break;
            case 5:
                if (length < 10 || (length - 2) % 8 != 0) return "SACK option of a wrong length";
                for (size_t i = at + 2; i < at + length; i += 8)
                    packet.sack.emplace_back(get32(options, i), get32(options, i + 4));
                break;
            case 8:
                if (wrong(10)) return "timestamps option of a wrong length";
                packet.ts = Ts{get32(options, at + 2), get32(options, at + 6)};
                break;
            default: return "option " + std::to_string(kind) + " is not one that the stack should send";
        }
        at += length;
    }
    return {};
}

}  // namespace

uint32_t ones_sum(Bytes bytes, uint32_t sum) {
    uint64_t total = sum;
    for (size_t i = 0; i < bytes.size(); ++i) total += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return static_cast<uint32_t>(total);
}

std::vector<uint8_t> build(const Packet& packet) {
    const auto options = option_bytes(packet);
    const size_t padded = (options.size() + 3) / 4 * 4;
    std::vector<uint8_t> out;
    out.reserve(100 + padded + packet.payload.size());
    put_ip_header(out, packet, 20 + padded + packet.payload.size());
    const size_t tcp = out.size();
    put16(out, packet.sport);
    put16(out, packet.dport);
    put32(out, packet.seq);
    put32(out, packet.ack);
    out.push_back(static_cast<uint8_t>((20 + padded) / 4 << 4 | static_cast<size_t>(packet.reserved)));
    out.push_back(static_cast<uint8_t>(packet.flags));
    put16(out, packet.wnd);
    put16(out, 0);
    put16(out, packet.urg);
    out.insert(out.end(), options.begin(), options.end());
    out.resize(tcp + 20 + padded, 0);
    out.insert(out.end(), packet.payload.begin(), packet.payload.end());
    fix_checksums(out);
    return out;
}

void fix_checksums(std::vector<uint8_t>& bytes) {
    const Upper upper = upper_of(bytes);
    if (bytes[0] >> 4 == 4) {
        set16(bytes, 10, 0);
        set16(bytes, 10, fold(ones_sum(Bytes(bytes).first(upper.at))));
    }
    if (upper.protocol != kTcp && upper.protocol != kIcmp && upper.protocol != kIcmp6) return;
    const size_t at = upper.at + (upper.protocol == kTcp ? 16 : 2);
    if (at + 2 > bytes.size()) return;
    const Bytes message = Bytes(bytes).subspan(upper.at);
    set16(bytes, at, 0);
    const uint32_t pseudo = upper.protocol == kIcmp ? 0 : pseudo_sum(bytes, upper.protocol, message.size());
    set16(bytes, at, fold(ones_sum(message, pseudo)));
}

Packet parse(Bytes bytes, std::string& complaint) {
    Packet p;
    complaint.clear();
    p.bytes.assign(bytes.begin(), bytes.end());
    if (!read_ip_header(bytes, p, complaint)) return p;
    const Bytes tcp = bytes.subspan(upper_of(bytes).at);
    const bool checked = p.protocol == kTcp || p.protocol == kIcmp6;
    const bool right = !checked || fold(ones_sum(tcp, pseudo_sum(bytes, p.protocol, tcp.size()))) == 0;
    if (p.protocol == kIcmp6 && !right) complaint = "ICMPv6 checksum wrong";
    if (p.protocol != kTcp) return p;
    if (tcp.size() < 20 || (tcp[12] >> 4) < 5 || static_cast<size_t>(tcp[12] >> 4) * 4 > tcp.size()) {
        complaint = "TCP header shorter than it says";
        return p;
    }
    if (!right) complaint = "TCP checksum wrong";
    const size_t header = static_cast<size_t>(tcp[12] >> 4) * 4;
    p.sport = get16(tcp, 0);
    p.dport = get16(tcp, 2);
    p.seq = get32(tcp, 4);
    p.ack = get32(tcp, 8);
    p.reserved = tcp[12] & 15;
    p.flags = tcp[13];
    p.wnd = get16(tcp, 14);
    p.urg = get16(tcp, 18);
    p.options.assign(tcp.begin() + 20, tcp.begin() + static_cast<ptrdiff_t>(header));
    p.payload.assign(tcp.begin() + static_cast<ptrdiff_t>(header), tcp.end());
    if (p.reserved != 0) complaint = "reserved bits set";
    if (!p.has(kAck) && p.ack != 0) complaint = "an ACK number without the ACK flag";
    if (!p.has(kUrg) && p.urg != 0) complaint = "an urgent pointer without the URG flag";
    if (auto wrong = read_options(p); !wrong.empty()) complaint = wrong;
    if (!p.has(kSyn) && (p.mss || p.wscale || p.sack_ok)) complaint = "a SYN's option on another segment";
    if (p.has(kAck) == false && p.ts && p.ts->ecr != 0) complaint = "TSecr without ACK (RFC 7323 3.2)";
    return p;
}

/// An ICMP or ICMPv6 message behind the IP header that `packet` describes.
static std::vector<uint8_t> icmp_in(const Packet& packet, uint8_t type, uint8_t code, Bytes body) {
    std::vector<uint8_t> out;
    put_ip_header(out, packet, 4 + body.size());
    out.insert(out.end(), {type, code, 0, 0});
    out.insert(out.end(), body.begin(), body.end());
    fix_checksums(out);
    return out;
}

std::vector<uint8_t> icmp_error(const IpAddress& from, const IpAddress& to, uint8_t type, uint8_t code,
                                Bytes original, uint32_t rest, size_t quote) {
    if (quote == kUsualQuote) quote = from.is_v4() ? 28 : 1280 - 48;
    const Bytes quoted = original.first(std::min(quote, original.size()));
    std::vector<uint8_t> body;
    put32(body, rest);
    body.insert(body.end(), quoted.begin(), quoted.end());
    if (from.is_v6()) return icmp6(from.v6, to.v6, type, code, body);

    Packet packet;
    packet.src = from, packet.dst = to;
    packet.protocol = kIcmp;
    packet.df = false;
    return icmp_in(packet, type, code, body);
}

std::vector<uint8_t> icmp6(const Ipv6& from, const Ipv6& to, uint8_t type, uint8_t code, Bytes body,
                           uint8_t hop_limit) {
    Packet packet;
    packet.src = from, packet.dst = to;
    packet.protocol = kIcmp6;
    packet.ttl = hop_limit;
    return icmp_in(packet, type, code, body);
}

Bytes icmp6_of(const Packet& packet) {
    if (packet.protocol != kIcmp6) return {};
    return Bytes(packet.bytes).subspan(upper_of(packet.bytes).at);
}

std::string flags_text(int flags) {
    std::string out = "[";
    if (flags & kSyn) out += 'S';
    if (flags & kFin) out += 'F';
    if (flags & kRst) out += 'R';
    if (flags & kPsh) out += 'P';
    if (flags & kUrg) out += 'U';
    if (flags & kEce) out += 'E';
    if (flags & kCwr) out += 'W';
    if (flags & kAck) out += '.';
    return out + "]";
}

std::string text(const Packet& p, Instant origin, uint32_t seq_base, uint32_t ack_base) {
    char head[160];
    std::snprintf(head, sizeof head, "%12.6f %s > %s ", static_cast<double>((p.at - origin).count()) / 1e9,
                  Endpoint{p.src, p.sport}.text().c_str(), Endpoint{p.dst, p.dport}.text().c_str());
    std::string out = head;
    if (p.protocol != kTcp) {
        out += "protocol " + std::to_string(p.protocol);
        const Bytes icmp = icmp6_of(p);
        return icmp.size() < 2
                   ? out
                   : out + " type " + std::to_string(icmp[0]) + " code " + std::to_string(icmp[1]);
    }
    // A number far from its base is printed as an absolute value (a RST with SEQ 0, a forged ACK).
    auto number = [](uint32_t value, uint32_t base) {
        const auto relative = static_cast<int32_t>(value - base);
        return relative > -(1 << 24) && relative < (1 << 24) ? std::to_string(relative)
                                                             : "#" + std::to_string(value);
    };
    out += flags_text(p.flags) + " seq " + number(p.seq, seq_base);
    if (p.has(kAck)) out += " ack " + number(p.ack, ack_base);
    out += " win " + std::to_string(p.wnd) + " len " + std::to_string(p.payload.size());
    if (p.urg) out += " urg " + std::to_string(p.urg);
    if (p.mss) out += " mss " + std::to_string(*p.mss);
    if (p.wscale) out += " wscale " + std::to_string(*p.wscale);
    if (p.sack_ok) out += " sackOK";
    if (p.ts) out += " ts " + std::to_string(p.ts->val) + "/" + std::to_string(p.ts->ecr);
    for (auto [from, to] : p.sack) out += " sack " + number(from, ack_base) + "-" + number(to, ack_base);
    if (!p.df) out += " !DF";
    return out;
}

}  // namespace synfin::fakes
