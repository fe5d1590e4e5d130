#include "wire/dump.hh"

#include <string_view>

#include "wire/arp.hh"
#include "wire/ether.hh"
#include "wire/icmp.hh"
#include "wire/icmpv6.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6_extensions.hh"
#include "wire/mld.hh"
#include "wire/nd.hh"
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
    Line& operator<<(const Ipv6& addr) { return *this << std::string_view(addr.text()); }
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

/// `ip`: an IPv4 or IPv6 header.
template <typename Header>
void tcp(Line& line, const Header& ip, Bytes segment) {
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

void icmp6_error(Line& line, const Icmp6Error& error) {
    switch (error.type) {
        case kIcmp6Unreachable: line << "unreachable, code " << error.code; break;
        case kIcmp6TooBig: line << "packet too big, mtu " << error.parameter; break;
        case kIcmp6TimeExceeded: line << "time exceeded, code " << error.code; break;
        default: line << "parameter problem, code " << error.code << ", pointer " << error.parameter; break;
    }
    line << ", of " << error.quoted_source;
    if (error.quoted_tcp) line << "." << error.quoted_source_port;
    line << " > " << error.quoted_destination;
    if (error.quoted_tcp) line << "." << error.quoted_destination_port << ", seq " << error.quoted_seq;
}

void router_advertisement(Line& line, const NdMessage& nd) {
    line << "router advertisement, lifetime " << nd.router_lifetime_s << "s";
    if (nd.mtu != 0) line << ", mtu " << nd.mtu;
    for (const NdPrefix& each : nd.all_prefixes())
        line << ", prefix " << each.prefix << "/" << each.length << (each.on_link ? " on link" : "");
}

void discovery(Line& line, const NdMessage& nd) {
    switch (nd.type) {
        case kNdRouterSolicitation: line << "router solicitation"; break;
        case kNdRouterAdvertisement: router_advertisement(line, nd); break;
        case kNdNeighbourSolicitation: line << "neighbor solicitation, who has " << nd.target; break;
        case kNdNeighbourAdvertisement:
            line << "neighbor advertisement, tgt is " << nd.target;
            if (nd.router) line << ", router";
            if (nd.solicited) line << ", solicited";
            if (nd.overrides) line << ", override";
            break;
        default: line << "redirect, " << nd.destination << " to " << nd.target; break;
    }
    if (nd.source_link) line << ", source lladdr " << *nd.source_link;
    if (nd.target_link) line << ", target lladdr " << *nd.target_link;
}

/// A multicast listener report of version 2; the caller has checked that it has a header.
void listener_report(Line& line, Bytes icmp) {
    line << "multicast listener report v2";
    constexpr size_t kRecord = 20;  // without sources
    for (size_t at = kIcmp6Bytes; at + kRecord <= icmp.size();
         at += kRecord + size_t{16} * load_be16(&icmp[at + 2]) + size_t{4} * icmp[at + 1])
        line << ", type " << icmp[at] << " group " << load_ipv6(&icmp[at + 4]);
}

void icmp6(Line& line, const Ipv6Header& ip, Bytes icmp) {
    line << ip.source << " > " << ip.destination << ": ICMP6, ";
    Icmp6Error error;
    NdMessage nd;
    MldQuery query;
    if (is_echo_request6(icmp) || is_echo_reply6(icmp))
        line << (is_echo_request6(icmp) ? "echo request" : "echo reply") << ", id "
             << load_be16(icmp.data() + 4) << ", seq " << load_be16(icmp.data() + 6);
    else if (parse_icmp6_error(icmp, error))
        icmp6_error(line, error);
    else if (parse_nd(icmp, nd))
        discovery(line, nd);
    else if (parse_mld_query(icmp, query))
        line << "multicast listener query, group " << query.group;
    else if (icmp.size() >= kIcmp6Bytes && icmp[0] == kMldReport2)
        listener_report(line, icmp);
    else if (icmp.size() >= kIcmp6Bytes)
        line << "type " << icmp[0] << ", code " << icmp[1];
    else
        line << "truncated";
    line << ", length " << icmp.size();
}

void packet6(Line& line, Bytes bytes) {
    Ipv6Header ip;
    const Ipv6Check check = parse_ipv6(bytes, ip);
    if (check != Ipv6Check::ok) {
        line << (check == Ipv6Check::runt ? "truncated IP6" : "bad IP6 header") << ", length "
             << bytes.size();
        return;
    }
    const Bytes packet = bytes.first(size_t{kIpv6Bytes} + ip.payload_length);
    const auto upper = find_upper_layer(packet);
    if (!upper) {
        line << ip.source << " > " << ip.destination << ": later fragment or bad extension headers, length "
             << ip.payload_length;
        return;
    }
    if (upper->at > kIpv6Bytes) line << "extension headers " << upper->at - kIpv6Bytes << ", ";
    const Bytes payload = packet.subspan(upper->at);
    if (upper->protocol == kProtocolTcp)
        tcp(line, ip, payload);
    else if (upper->protocol == kProtocolIcmp6)
        icmp6(line, ip, payload);
    else
        line << ip.source << " > " << ip.destination << ": protocol " << upper->protocol << ", length "
             << payload.size();
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
    if (!ip_packet.empty() && ip_packet[0] >> 4 == 6)
        packet6(line, ip_packet);
    else
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
    } else if (ether.ethertype == kEtherTypeIpv6) {
        line << "IP6 ";
        packet6(line, payload);
    } else if (ether.ethertype == kEtherTypeArp) {
        arp(line, payload);
    } else {
        line << "ethertype 0x" << hex(ether.ethertype) << ", length " << payload.size();
    }
    return line.text;
}

}  // namespace synfin::wire
