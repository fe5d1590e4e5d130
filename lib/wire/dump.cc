#include "wire/dump.hh"

#include <string_view>

#include "wire/arp.hh"
#include "wire/ether.hh"
#include "wire/icmp.hh"
#include "wire/ipv4.hh"
#include "wire/tcp.hh"
#include "wire/tcp_options.hh"

namespace synfin::wire {

namespace {

/// The output line.
struct Line {
    std::string text;

    Line& operator<<(std::string_view part) {
        text += part;
        return *this;
    }
    Line& operator<<(uint64_t n) { return *this << std::string_view(std::to_string(n)); }
    Line& operator<<(Ipv4 addr) { return *this << std::string_view(addr.text()); }
    Line& operator<<(const Mac& mac) { return *this << std::string_view(mac.text()); }
};

void flags(Line& line, uint8_t flags) {
    constexpr std::string_view kLetters = "FSRP.UEW";  // from kFin up
    if (flags == 0) line << "none";
    for (size_t bit = 0; bit < kLetters.size(); ++bit)
        if (flags & (1u << bit)) line << kLetters.substr(bit, 1);
}

void sack(Line& line, const uint8_t* p, uint8_t length) {
    line << "sack " << (length - 2u) / 8 << " ";
    for (int at = 2; at < length; at += 8)
        line << "{" << load_be32(p + at) << ":" << load_be32(p + at + 4) << "}";
}

/// Prints one option. The caller has checked `length` against the end of the options.
void option(Line& line, const uint8_t* p, uint8_t length) {
    const uint8_t kind = p[0];
    if (kind == kOptionMss && length == kMssBytes)
        line << "mss " << load_be16(p + 2);
    else if (kind == kOptionWindowScale && length == kWindowScaleBytes)
        line << "wscale " << p[2];
    else if (kind == kOptionSackPermitted && length == kSackPermittedBytes)
        line << "sackOK";
    else if (kind == kOptionSack && length > 2 && (length - 2) % 8 == 0)
        sack(line, p, length);
    else if (kind == kOptionTimestamps && length == kTimestampsBytes)
        line << "TS val " << load_be32(p + 2) << " ecr " << load_be32(p + 6);
    else
        line << "kind-" << kind << " length-" << length;
}

void options(Line& line, Bytes options) {
    for (size_t at = 0; at < options.size();) {
        if (at != 0) line << ",";
        const uint8_t kind = options[at];
        if (kind == kOptionEnd) {
            line << "eol";
            return;
        }
        if (kind == kOptionNop) {
            line << "nop";
            ++at;
            continue;
        }
        const size_t left = options.size() - at;
        if (left < 2 || options[at + 1] < 2 || options[at + 1] > left) {
            line << "bad";
            return;
        }
        option(line, options.data() + at, options[at + 1]);
        at += options[at + 1];
    }
}

void tcp(Line& line, const Ipv4Header& ip, Bytes segment) {
    TcpHeader tcp;
    if (!parse_tcp(segment, tcp)) {
        line << ip.source << " > " << ip.destination << ": TCP, bad header, length " << segment.size();
        return;
    }
    const size_t length = segment.size() - tcp.header_length;
    line << ip.source << "." << tcp.source_port << " > " << ip.destination << "." << tcp.destination_port
         << ": Flags [";
    flags(line, tcp.flags);
    line << "], seq " << tcp.seq;
    if (length != 0) line << ":" << static_cast<uint32_t>(tcp.seq + length);
    if (tcp.flags & kAck) line << ", ack " << tcp.ack;
    line << ", win " << tcp.window;
    if (tcp.flags & kUrg) line << ", urg " << tcp.urgent;
    if (tcp.header_length > kTcpBytes) {
        line << ", options [";
        options(line, segment.subspan(kTcpBytes, tcp.header_length - kTcpBytes));
        line << "]";
    }
    line << ", length " << length;
}

void icmp_error(Line& line, const IcmpError& error) {
    if (error.type == kIcmpUnreachable && error.code == kIcmpFragmentationNeeded)
        line << "unreachable - need to frag (mtu " << error.next_hop_mtu << ")";
    else if (error.type == kIcmpUnreachable)
        line << "unreachable, code " << error.code;
    else if (error.type == kIcmpTimeExceeded)
        line << "time exceeded, code " << error.code;
    else if (error.type == kIcmpSourceQuench)
        line << "source quench";
    else
        line << "parameter problem, code " << error.code;
    line << ", of " << error.quoted_source;
    if (error.quoted_tcp) line << "." << error.quoted_source_port;
    line << " > " << error.quoted_destination;
    if (error.quoted_tcp) line << "." << error.quoted_destination_port << ", seq " << error.quoted_seq;
}

void icmp(Line& line, const Ipv4Header& ip, Bytes icmp) {
    line << ip.source << " > " << ip.destination << ": ICMP ";
    IcmpError error;
    if (is_echo_request(icmp) || is_echo_reply(icmp))
        line << (is_echo_request(icmp) ? "echo request" : "echo reply") << ", id "
             << load_be16(icmp.data() + 4) << ", seq " << load_be16(icmp.data() + 6);
    else if (parse_icmp_error(icmp, error))
        icmp_error(line, error);
    else if (icmp.size() >= kIcmpBytes)
        line << "type " << icmp[0] << ", code " << icmp[1];
    else
        line << "truncated";
    line << ", length " << icmp.size();
}

void arp(Line& line, Bytes packet) {
    ArpPacket arp;
    if (!parse_arp(packet, arp))
        line << "ARP, bad packet, length " << packet.size();
    else if (arp.operation == kArpRequest)
        line << "ARP, Request who-has " << arp.target_ip << " tell " << arp.sender_ip;
    else if (arp.operation == kArpReply)
        line << "ARP, Reply " << arp.sender_ip << " is-at " << arp.sender_mac;
    else
        line << "ARP, operation " << arp.operation;
}

void packet(Line& line, Bytes bytes) {
    Ipv4Header ip;
    // The checksum is not verified: the device may not have filled it in yet.
    const Ipv4Check check = parse_ipv4(bytes, false, ip);
    if (check != Ipv4Check::ok) {
        line << (check == Ipv4Check::runt ? "truncated IP" : "bad IP header") << ", length " << bytes.size();
        return;
    }
    const Bytes payload = bytes.subspan(ip.header_length, ip.total_length - ip.header_length);
    if (ip.fragment)
        line << ip.source << " > " << ip.destination << ": fragment of protocol " << ip.protocol
             << ", length " << payload.size();
    else if (ip.protocol == kProtocolTcp)
        tcp(line, ip, payload);
    else if (ip.protocol == kProtocolIcmp)
        icmp(line, ip, payload);
    else
        line << ip.source << " > " << ip.destination << ": protocol " << ip.protocol << ", length "
             << payload.size();
}

std::string hex(uint16_t n) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[(n >> shift) & 0xf];
    return text;
}

}  // namespace

std::string dump_packet(Bytes ip_packet) {
    Line line;
    packet(line, ip_packet);
    return line.text;
}

std::string dump_frame(Bytes frame) {
    Line line;
    EtherHeader ether;
    if (!parse_ether(frame, ether)) {
        line << "truncated Ethernet, length " << frame.size();
        return line.text;
    }
    line << ether.source << " > " << ether.destination << ", ";
    if (ether.length > kEtherBytes) line << "vlan ";
    if (ether.outer_vid != 0) line << ether.outer_vid << ".";
    if (ether.length > kEtherBytes) line << ether.vid << ", ";
    const Bytes payload = frame.subspan(ether.length);
    if (ether.ethertype == kEtherTypeIpv4) {
        line << "IP ";
        packet(line, payload);
    } else if (ether.ethertype == kEtherTypeArp) {
        arp(line, payload);
    } else {
        line << "ethertype 0x" << hex(ether.ethertype) << ", length " << payload.size();
    }
    return line.text;
}

}  // namespace synfin::wire
