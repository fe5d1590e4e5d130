/// @file
/// The attacks of the table in docs/attacks/in-memory.md that need no connection.

#include "flood_attacks.hh"

namespace synfin::simulation {

using fakes::host;
using fakes::icmp6;
using fakes::icmp_error;
using fakes::kAck;
using fakes::kFin;
using fakes::kPsh;
using fakes::kRst;
using fakes::kSyn;

Packet attack_segment(fakes::Family family, int flags, uint32_t payload) {
    Packet p;
    p.src = family == k4 ? IpAddress(Ipv4{0xc6336401}) : host(0x99000001, k6);
    if (family == k6) p.src.v6.octets[6] = 0x77;  // another network
    p.dst = host(1, family);
    p.sport = 1024;
    p.dport = 80;
    p.seq = 5000;
    p.ack = (flags & kAck) != 0 ? 7000 : 0;
    p.flags = flags;
    p.wnd = 65'535;
    if ((flags & kSyn) != 0) {
        p.mss = 1460;
        p.sack_ok = true;
        p.ts = fakes::Ts{1000, 0};
        p.wscale = 7;
    }
    p.payload.assign(payload, 'x');
    return p;
}

namespace {

using fakes::Extension;

/// A segment from random sources and ports, with random numbers.
std::function<void(FloodWorld&, uint64_t)> random_segments(const Packet& packet, uint32_t base = 0,
                                                           uint32_t mask = UINT32_MAX,
                                                           const Mac& mac = kGatewayMac) {
    return [frame = FloodFrame(packet, mac), base, mask](FloodWorld& w, uint64_t) mutable {
        uint32_t address = base | (w.random() & mask);
        if (base == 0 && ((address >> 24) % 224 == 0 || address >> 24 >= 224 || (address >> 24) == 10 ||
                          (address >> 24) == 127))
            address = 0x08000000 | (address & 0xffffff);
        w.inject(frame.source(address).source_port(w.random() | 1).seq(w.random()));
    };
}

/// A segment from a client's address: from ports of its present connections, if `ports`, else from all.
std::function<void(FloodWorld&, uint64_t)> as_client(int flags, bool ports, uint32_t payload = 0) {
    Packet packet = attack_segment(k4, flags, payload);
    packet.src = host(2, k4);
    return [frame = FloodFrame(packet, kOtherMac), ports](FloodWorld& w, uint64_t n) mutable {
        const auto& live = w.client_ports();
        const uint32_t port = ports && !live.empty() ? live[n % live.size()] : w.random();
        w.inject(frame.source_port(port).seq(w.random()).ack(w.random()));
    };
}

void add_syns(std::vector<Attack>& out) {
    const Packet syn = attack_segment(k4, kSyn), syn6 = attack_segment(k6, kSyn);
    const char* cookies = "A full backlog answers with SYN cookies, and a record yields to a newer SYN.";
    out.push_back(
        {.name = "SYN, sources off link", .why = cookies, .send = random_segments(syn), .time = 1200ms});
    out.push_back({.name = "SYN, IPv6, sources off link", .why = cookies, .send = random_segments(syn6)});
    out.push_back(
        {.name = "SYN, sources on link",
         .why = "Packets that wait for unknown neighbours are limited to 4,096, and known neighbours stay.",
         .send = random_segments(syn, 0x0a000000, 0xffff, kOtherMac)});
    Packet near6 = syn6;
    near6.src = host(0x99000001, k6);
    out.push_back(
        {.name = "SYN, IPv6, sources on link",
         .why = "Packets that wait for unknown neighbours are limited to 2,048, and known neighbours stay.",
         .send = random_segments(near6, 0x01000000, 0xffffff, kOtherMac)});
    out.push_back(
        {.name = "SYN, server without gateway",
         .why = "A SYN-ACK without a route is dropped and counted; the record yields like any other.",
         .send = random_segments(syn),
         .configure = [](StackConfig& c) { c.gateway.reset(), c.gateway_mac.reset(); }});
    out.push_back({.name = "SYN, from a client's address",
                   .why = "The client resets what it did not open; SYNs for its live connections get limited "
                          "challenge ACKs.",
                   .send = as_client(kSyn, false)});
    out.push_back({.name = "SYN, on the tuples of live connections",
                   .why = "RFC 5961 4: a challenge ACK, at most 100 per second and connection.",
                   .send = as_client(kSyn, true)});
    Packet closed = syn;
    closed.dport = 81;
    out.push_back({.name = "SYN, to a closed port",
                   .why = "RSTs are limited to at most 100,000 per second and engine.",
                   .send = random_segments(closed)});
    out.push_back({.name = "SYN, to 20,000 listeners",
                   .why = "A listener is found by its port in one step.",
                   .send =
                       [frame = FloodFrame(syn)](FloodWorld& w, uint64_t n) mutable {
                           w.inject(frame.source(0x08000000 | (w.random() & 0xffffff))
                                        .source_port(w.random() | 1)
                                        .destination_port(static_cast<uint32_t>(1000 + n % 20'000))
                                        .seq(w.random()));
                       },
                   .prepare =
                       [](FloodWorld& w) {
                           for (uint16_t port = 1000; port < 21'000; ++port)
                               static_cast<void>(w.server().listen(port));
                       }});
    out.push_back({.name = "SYN, chosen tuples",
                   .why = "The table's hash has a secret key and is strongly universal: chosen tuples "
                          "collide as random ones do.",
                   .send = [frame = FloodFrame(syn)](FloodWorld& w, uint64_t n) mutable {
                       w.inject(frame.source(0x08000000 + (static_cast<uint32_t>(n) << 8))
                                    .source_port(static_cast<uint32_t>(n >> 16) * 64 + 1));
                   }});
    out.push_back({.name = "SYN and RST in turn",
                   .why = "The RST frees the half-open record at once.",
                   .send = [syn_frame = FloodFrame(syn), rst = FloodFrame(attack_segment(k4, kRst)), seq = 0u,
                            source = 0u](FloodWorld& w, uint64_t n) mutable {
                       if (n % 2 == 0) {
                           seq = w.random();
                           source = 0x08000000 | (w.random() & 0xffffff);
                           w.inject(syn_frame.source(source).seq(seq));
                       } else {
                           w.inject(rst.source(source).seq(seq + 1));
                       }
                   }});
}

void add_segments(std::vector<Attack>& out) {
    struct Kind {
        const char* name;
        int flags;
        uint32_t payload;
    };
    for (const Kind& kind : {Kind{"ACK", kAck, 0}, Kind{"RST", kRst, 0}, Kind{"FIN", kFin | kAck, 0},
                             Kind{"SYN-ACK", kSyn | kAck, 0}, Kind{"data", kAck | kPsh, 1000}}) {
        Packet packet = attack_segment(k4, kind.flags, kind.payload);
        out.push_back({.name = std::string(kind.name) + ", no connection",
                       .why = kind.flags == kRst
                                  ? "An RST without a connection is dropped."
                                  : "RSTs are limited to at most 100,000 per second and engine.",
                       .send = random_segments(packet)});
        out.push_back({.name = std::string(kind.name) + ", on live connections",
                       .why = "Numbers outside the windows change nothing (RFC 5961); answers without text "
                              "are limited per connection.",
                       .send = as_client(kind.flags, true, kind.payload)});
    }
    out.push_back({.name = "all flags, on live connections",
                   .why = "The state machine takes any flags; the SYN gets a limited challenge ACK.",
                   .send = as_client(0x3f, true)});
    Packet land = attack_segment(k4, kSyn);
    land.src = host(1, k4), land.sport = 80;
    out.push_back({.name = "LAND",
                   .why = "A packet with one of our addresses as its source is dropped.",
                   .send = [frame = FloodFrame(land)](FloodWorld& w, uint64_t) { w.inject(frame); }});
    Packet land6 = attack_segment(k6, kSyn);
    land6.src = host(1, k6), land6.sport = 80;
    out.push_back({.name = "LAND, IPv6",
                   .why = "A packet with one of our addresses as its source is dropped.",
                   .send = [frame = FloodFrame(land6)](FloodWorld& w, uint64_t) { w.inject(frame); }});
    Packet bomb = attack_segment(k4, kSyn);
    bomb.options.assign(40, 1);
    out.push_back({.name = "option bomb: 40 NOPs",
                   .why = "Options are read once, at most 40 bytes.",
                   .send = random_segments(bomb)});
    for (size_t i = 0; i < 40; i += 2) bomb.options[i] = 99, bomb.options[i + 1] = 2;
    out.push_back({.name = "option bomb: 20 unknown options",
                   .why = "Options are read once, at most 40 bytes.",
                   .send = random_segments(bomb)});
    bomb.options.assign(40, 0);
    bomb.options[0] = 99;
    out.push_back({.name = "option of length 0",
                   .why = "The segment is dropped before any look-up.",
                   .send = random_segments(bomb)});
}

void add_ip(std::vector<Attack>& out) {
    Packet fragment = attack_segment(k4, kAck, 400);
    fragment.df = false, fragment.fragment = 0x2000;
    out.push_back({.name = "fragments",
                   .why = "Fragments are dropped, never kept.",
                   .send = random_segments(fragment)});
    Packet fragment6 = attack_segment(k6, kAck, 400);
    fragment6.extensions = {{fakes::kFragment, {0, 0, 1, 0, 0, 0, 1}}};
    out.push_back({.name = "fragments, IPv6",
                   .why = "Fragments are dropped, never kept.",
                   .send = [frame = FloodFrame(fragment6)](FloodWorld& w, uint64_t) mutable {
                       w.inject(frame.source(w.random()));
                   }});
    Packet headers = attack_segment(k6, kSyn);
    for (int i = 0; i < 8; ++i) headers.extensions.push_back({fakes::kDestination, {0, 1, 1, 0, 1, 1, 0}});
    for (auto& extension : headers.extensions) extension.body = {0, 1, 4, 0, 0, 0, 0};
    out.push_back({.name = "IPv6 extension headers",
                   .why = "At most 8 headers and 256 bytes are read.",
                   .send = [frame = FloodFrame(headers)](FloodWorld& w, uint64_t) mutable {
                       w.inject(frame.source(w.random()).with_checksums());
                   }});
    Packet unknown = attack_segment(k6, kSyn);
    std::vector<uint8_t> next = fakes::build(unknown);
    next[6] = 200;
    out.push_back({.name = "IPv6 unknown next header",
                   .why = "Parameter problems are limited to 100 per second.",
                   .send = [frame = FloodFrame(next, kGatewayMac, 0x86dd)](FloodWorld& w, uint64_t) mutable {
                       w.inject(frame.source(w.random()));
                   }});
}

/// What a router would quote of a packet that the server sent to the client.
Packet quoted(fakes::Family family) {
    Packet p;
    p.src = host(1, family), p.dst = host(2, family);
    p.sport = 80;
    p.dport = 1024;
    p.flags = kAck;
    p.payload.assign(100, 'r');
    return p;
}

void add_icmp(std::vector<Attack>& out) {
    const IpAddress far = Ipv4{0xc6336401}, far6 = attack_segment(k6, kSyn).src;
    const std::vector<uint8_t> data(1000, 'e');
    auto repeat = [](const FloodFrame& frame) {
        return [frame](FloodWorld& w, uint64_t) { w.inject(frame); };
    };
    out.push_back(
        {.name = "ICMP echo",
         .why = "One answer of the same size for each, and no state.",
         .send = repeat(FloodFrame(icmp_error(far, host(1, k4), 8, 0, data, 1, 1000), kGatewayMac, 0x0800))});
    out.push_back({.name = "ICMPv6 echo",
                   .why = "One answer of the same size for each, and no state.",
                   .send = repeat(FloodFrame(icmp_error(far6, host(1, k6), 128, 0, data, 1, 1000),
                                             kGatewayMac, 0x86dd))});
    /// Quotes a live connection with a random sequence number.
    auto guess = [](const FloodFrame& made, size_t tcp) {
        return [frame = made, tcp](FloodWorld& w, uint64_t n) mutable {
            const auto& live = w.client_ports();
            if (!live.empty()) put16(frame.ip() + tcp + 2, live[n % live.size()]);
            put32(frame.ip() + tcp + 4, w.random());
            w.inject(frame.with_checksums());
        };
    };
    const auto quote = fakes::build(quoted(k4)), quote6 = fakes::build(quoted(k6));
    const char* flight = "The quoted sequence number must be in flight (RFC 5927).";
    out.push_back(
        {.name = "ICMP unreachable, on live connections",
         .why = flight,
         .send = guess(FloodFrame(icmp_error(far, host(1, k4), 3, 3, quote), kGatewayMac, 0x0800), 48)});
    out.push_back(
        {.name = "ICMP fragmentation needed, on live connections",
         .why = flight,
         .send = guess(FloodFrame(icmp_error(far, host(1, k4), 3, 4, quote, 552), kGatewayMac, 0x0800), 48)});
    out.push_back(
        {.name = "ICMPv6 packet too big",
         .why = flight,
         .send =
             guess(FloodFrame(icmp_error(far6, host(1, k6), 2, 0, quote6, 1280), kGatewayMac, 0x86dd), 88)});
}

std::vector<uint8_t> arp(uint16_t operation, const Mac& mac, uint32_t sender, uint32_t target) {
    std::vector<uint8_t> out = {0, 1, 8, 0, 6, 4, 0, static_cast<uint8_t>(operation)};
    out.resize(28);
    std::copy(mac.octets.begin(), mac.octets.end(), out.begin() + 8);
    put32(&out[14], sender);
    put32(&out[24], target);
    return out;
}

void add_neighbours(std::vector<Attack>& out) {
    constexpr uint32_t kServer = 0x0a000001, kClient = 0x0a000002;
    out.push_back(
        {.name = "ARP requests, 65,000 senders",
         .why = "A request is answered and makes no entry in the table.",
         .send = [](FloodWorld& w, uint64_t n) {
             w.inject(FloodFrame(arp(1, kOtherMac, 0x0a000100 + static_cast<uint32_t>(n % 65'000), kServer),
                                 kOtherMac, 0x0806));
         }});
    out.push_back({.name = "ARP replies, forged for the client",
                   .why = "A contradiction only makes the engine probe the known address by unicast.",
                   .send = [](FloodWorld& w, uint64_t) {
                       w.inject(FloodFrame(arp(2, kOtherMac, kClient, kServer), kOtherMac, 0x0806));
                   }});
    auto nd = [](uint8_t type, const Ipv6& from, const Ipv6& target, uint32_t flags, uint8_t option) {
        std::vector<uint8_t> body(28);
        put32(body.data(), flags);
        std::copy(target.octets.begin(), target.octets.end(), body.begin() + 4);
        body[20] = option, body[21] = 1;
        std::copy(kOtherMac.octets.begin(), kOtherMac.octets.end(), body.begin() + 22);
        return FloodFrame(icmp6(from, host(1, k6).v6, type, 0, body, 255), kOtherMac, 0x86dd);
    };
    out.push_back({.name = "neighbour solicitations, a source each",
                   .why = "The cache has 65,536 entries, and forged ones do not displace known neighbours.",
                   .send = [frame = nd(135, host(0x99000001, k6).v6, host(1, k6).v6, 0, 1)](
                               FloodWorld& w, uint64_t n) mutable {
                       w.inject(frame.source(0x99000000 + static_cast<uint32_t>(n)).with_checksums());
                   }});
    out.push_back({.name = "neighbour advertisements, forged for the client",
                   .why = "A contradiction only makes the engine probe the known address by unicast.",
                   .send = [frame = nd(136, host(2, k6).v6, host(2, k6).v6, 0x60000000, 2)](
                               FloodWorld& w, uint64_t) { w.inject(frame); }});
    std::vector<uint8_t> advertisement(12 + 32);
    put32(advertisement.data(), 64u << 24 | 1800);
    advertisement[12] = 3, advertisement[13] = 4, advertisement[14] = 64, advertisement[15] = 0xc0;
    put32(&advertisement[16], 86'400), put32(&advertisement[20], 86'400);
    const auto link = Ipv6{{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    const auto all = Ipv6{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    out.push_back(
        {.name = "router advertisements, a router each",
         .why = "With --gateway auto, at most 4 routers and 16 prefixes are kept; otherwise none.",
         .send =
             [frame = FloodFrame(icmp6(link, all, 134, 0, advertisement, 255), kOtherMac, 0x86dd,
                                 Mac{{0x33, 0x33, 0, 0, 0, 1}})](FloodWorld& w, uint64_t n) mutable {
                 put32(frame.ip() + 40 + 4 + 12 + 16, static_cast<uint32_t>(n));
                 w.inject(frame.source(static_cast<uint32_t>(n)).with_checksums());
             },
         .configure = [](StackConfig& c) { c.gateway_auto = true; }});
}

}  // namespace

std::vector<Attack> attacks() {
    std::vector<Attack> out;
    add_syns(out);
    add_segments(out);
    add_ip(out);
    add_icmp(out);
    add_neighbours(out);
    add_connection_attacks(out);
    return out;
}

}  // namespace synfin::simulation
