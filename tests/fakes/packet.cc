#include "packet.hh"

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

/// The pseudo-header's sum (RFC 9293 3.1) for the `length` bytes behind the IPv4 header.
uint32_t pseudo_sum(Bytes ip, size_t length) {
    return ones_sum(ip.subspan(12, 8), ip[9] + static_cast<uint32_t>(length));
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
    const size_t ip_header = 20 + packet.ip_options.size();
    const size_t total = ip_header + 20 + padded + packet.payload.size();

    std::vector<uint8_t> out;
    out.reserve(total);
    out.push_back(static_cast<uint8_t>(0x40 | ip_header / 4));
    out.push_back(packet.tos);
    put16(out, static_cast<uint32_t>(total));
    put16(out, packet.id);
    put16(out, (packet.df ? 0x4000u : 0u) | packet.fragment);
    out.push_back(packet.ttl);
    out.push_back(packet.protocol);
    put16(out, 0);
    put32(out, packet.src.value);
    put32(out, packet.dst.value);
    out.insert(out.end(), packet.ip_options.begin(), packet.ip_options.end());

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
    out.resize(ip_header + 20 + padded, 0);
    out.insert(out.end(), packet.payload.begin(), packet.payload.end());
    fix_checksums(out);
    return out;
}

void fix_checksums(std::vector<uint8_t>& bytes) {
    const size_t ip_header = static_cast<size_t>(bytes[0] & 15) * 4;
    set16(bytes, 10, 0);
    set16(bytes, 10, fold(ones_sum(Bytes(bytes).first(ip_header))));
    if (bytes[9] != 6) return;
    const Bytes tcp = Bytes(bytes).subspan(ip_header);
    set16(bytes, ip_header + 16, 0);
    set16(bytes, ip_header + 16, fold(ones_sum(tcp, pseudo_sum(bytes, tcp.size()))));
}

Packet parse(Bytes bytes, std::string& complaint) {
    Packet p;
    complaint.clear();
    p.bytes.assign(bytes.begin(), bytes.end());
    if (bytes.size() < 20 || bytes[0] >> 4 != 4) {
        complaint = "not an IPv4 packet";
        return p;
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
    if (!complaint.empty()) return p;
    if (fold(ones_sum(bytes.first(ip_header))) != 0) complaint = "IPv4 header checksum wrong";
    if (p.fragment != 0) complaint = "a fragment";
    if (p.protocol != 6) return p;

    const Bytes tcp = bytes.subspan(ip_header);
    if (tcp.size() < 20 || (tcp[12] >> 4) < 5 || static_cast<size_t>(tcp[12] >> 4) * 4 > tcp.size()) {
        complaint = "TCP header shorter than it says";
        return p;
    }
    if (fold(ones_sum(tcp, pseudo_sum(bytes, tcp.size()))) != 0) complaint = "TCP checksum wrong";
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

std::vector<uint8_t> icmp_error(Ipv4 from, Ipv4 to, uint8_t type, uint8_t code, Bytes original, uint32_t rest,
                                size_t quote) {
    std::vector<uint8_t> icmp{type, code, 0, 0};
    put32(icmp, rest);
    const Bytes quoted = original.first(std::min(quote, original.size()));
    icmp.insert(icmp.end(), quoted.begin(), quoted.end());
    set16(icmp, 2, fold(ones_sum(icmp)));

    std::vector<uint8_t> out{0x45, 0};
    put16(out, static_cast<uint32_t>(20 + icmp.size()));
    put32(out, 0);
    out.insert(out.end(), {64, 1, 0, 0});
    put32(out, from.value);
    put32(out, to.value);
    out.insert(out.end(), icmp.begin(), icmp.end());
    fix_checksums(out);
    return out;
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
    std::snprintf(head, sizeof head, "%12.6f %s:%u > %s:%u ",
                  static_cast<double>((p.at - origin).count()) / 1e9, p.src.text().c_str(), p.sport,
                  p.dst.text().c_str(), p.dport);
    std::string out = head;
    if (p.protocol != 6) return out + "protocol " + std::to_string(p.protocol);
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
