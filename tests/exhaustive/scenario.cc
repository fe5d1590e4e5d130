#include "scenario.hh"

#include <iterator>

#include "base/address_hash.hh"
#include "tcp/isn.hh"

namespace synfin::exhaustive {

namespace {

constexpr Ipv4 kLocal[] = {Ipv4{0x0a000001}};
constexpr Ipv6 kLocal6[] = {Ipv6{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}};
constexpr Ipv6 kRemote6{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
static_assert(std::size(kLocal) == Ground::kFirstV6);

/// Few expiries to each end: 1, 2 and 4 s after the SYN, a segment or FIN its sender gives up.
TcpConfig config_of(const Scenario& scenario) {
    constexpr auto grains = [](unsigned n) { return std::chrono::milliseconds(n * kGrain); };
    TcpConfig c;
    c.pacing = Pacing::off;  // its clock stands still while a flight leaves
    c.msl = grains(30);
    c.rto_initial = grains(1);
    c.rto_min = grains(1);
    c.rto_after_syn_loss = grains(3);
    c.syn_timeout = grains(6);
    c.syn_ack_timeout = grains(6);
    c.user_timeout = grains(6);
    c.fin_wait_2_timeout = grains(60);
    c.timestamps = scenario.timestamps;
    return c;
}

}  // namespace

Ground::Ground(const Scenario& of) noexcept
    : scenario(of),
      params(config_of(of), 1500),
      ts_offsets({1, 2}, kLocal, kLocal6),
      msl(params.two_msl / 2) {
    tuple[0] = {.remote_addr = 0x0a000002, .remote_port = 80, .local_port = 50'000, .local_index = 0};
    tuple[1] = {.remote_addr = 0x0a000001, .remote_port = 50'000, .local_port = 80, .local_index = 0};
    remote6[0] = kRemote6;
    remote6[1] = kLocal6[0];
    for (unsigned i = 0; i < 2; ++i) {
        if (of.ipv6) {
            tuple[i].remote_addr = AddressFold({3, 4})(remote6[i]);
            tuple[i].local_index = kFirstV6;
        }
        ts_offset[i] = ts_offsets.of(tuple[i], &remote6[i]);
    }
}

tcp::Segment Packet::segment() const noexcept {
    tcp::Segment s;
    s.seq = tcp::Seq(seq);
    s.ack = tcp::Seq(ack);
    s.len = len;
    s.wnd = wnd;
    s.flags = flags;
    s.has_ts = (options & kTs) != 0;
    s.ts_val = ts_val;
    s.ts_ecr = ts_ecr;
    s.mss = mss;
    s.has_wscale = (options & kScale) != 0;
    s.wscale = shift;
    s.sack_permitted = (options & kSackPermitted) != 0;
    s.sack_count = static_cast<uint8_t>(blocks());
    for (unsigned i = 0; i < blocks(); ++i) s.sack[i] = {sack[2 * i], sack[2 * i + 1]};
    return s;
}

}  // namespace synfin::exhaustive
