// The input drives one whole stack, of both families: segments from four peers of the run's family
// (SYNFIN_FAMILY), time, calls, ICMP errors and raw packets. The
// checks: fakes/invariants.hh at every step, well-formed packets, the right bytes in both streams, one
// on_close for each connection, and no resource in use at the end.

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <vector>

#include "fakes/invariants.hh"
#include "fakes/packet.hh"
#include "fuzz_target.hh"
#include "synfin/virtual_stack.hh"

using namespace synfin;         // NOLINT(google-build-using-namespace)
using namespace synfin::fakes;  // NOLINT(google-build-using-namespace)

namespace {

const IpAddress kUs = host(1), kPeer = host(2);
const IpAddress kUsOther = host(1, is_ipv6() ? Family::v4 : Family::v6);  ///< of the other family
const size_t kIpHeader = ip_header_bytes();
constexpr size_t kFlows = 4;

/// A byte of a stream by its absolute sequence number: both sides can be checked without knowing the ISN.
uint8_t byte_at(uint32_t seq) {
    return static_cast<uint8_t>(seq * 7 + (seq >> 8) * 3);
}

/// The input, read from the front; zeros behind its end.
class Story {
  public:
    Story(const uint8_t* data, size_t size) : data_(data), size_(size) {}
    bool ended() const { return at_ >= size_; }
    uint8_t byte() { return at_ < size_ ? data_[at_++] : uint8_t{0}; }
    uint16_t word() { return static_cast<uint16_t>(byte() << 8 | byte()); }
    std::vector<uint8_t> bytes(size_t n) {
        std::vector<uint8_t> out;
        while (out.size() < n && !ended()) out.push_back(byte());
        return out;
    }

  private:
    const uint8_t* data_;
    size_t size_;
    size_t at_ = 0;
};

/// What a peer knows of one tuple.
struct Flow {
    uint16_t peer_port = 0, our_port = 0;
    uint32_t nxt = 0;       ///< the peer's next sequence number
    uint32_t seen_nxt = 0;  ///< beyond the last byte that the stack sent
    uint32_t seen_una = 0;  ///< what the peer acknowledged last
    uint32_t ts = 1000, ts_echo = 0;
    uint16_t wnd = 65535;
};

/// What the application knows of one connection.
struct Handle {
    Connection c{};
    uint32_t read_seq = 0, write_seq = 0;  ///< absolute numbers of the next byte to read and to write
    bool numbered = false, told = false;
};

class Fuzzed {
  public:
    Fuzzed() : stack_(config()) {
        for (size_t i = 0; i < kFlows; ++i) {
            // Two that connect to us, two that we connect to; ISNs around the wrap.
            flows_[i].peer_port = static_cast<uint16_t>(i < 2 ? 40000 + i : 80 + i);
            flows_[i].our_port = static_cast<uint16_t>(i < 2 ? 80 : 50000 + i);
            flows_[i].nxt = 0xffffffff - static_cast<uint32_t>(i) * 5;
        }
        SYNFIN_CHECK(stack_.listen(80));
    }

    void step(Story& story) {
        const uint8_t what = story.byte();
        switch (what % 16) {
            case 8: raw(story); break;
            case 9: icmp(story); break;
            case 10:
            case 11: time(story); break;
            case 12:
            case 13:
            case 14:
            case 15: call(story); break;
            default: segment(story); break;
        }
        settle();
    }

    void finish() {
        (void)stack_.unlisten(80);
        for (auto& handle : handles_) (void)stack_.abort(handle.c);
        settle();
        for (int i = 0; i < 4; ++i) {  // 2 MSL, SYN-ACKs that expire
            stack_.advance(stack_.now() + 100s);
            settle();
        }
        for (const auto& handle : handles_) SYNFIN_CHECK(handle.told);
        const std::string left = in_use(view().occupancy(), false);
        if (!left.empty()) std::fprintf(stderr, "still in use: %s\n", left.c_str());
        SYNFIN_CHECK(left.empty());
        SYNFIN_CHECK(!stack_.next_deadline());
        const Counters& c = view().counters();
        SYNFIN_CHECK(c[Counter::closed] == handles_.size());
        SYNFIN_CHECK(c[Counter::tx_packets] == sent_);
        SYNFIN_CHECK(c[Counter::rx_packets] == received_);
    }

  private:
    static VirtualConfig config() {
        VirtualConfig c{.address = on_net(kUs)};
        c.stack.addresses = {on_net(kUsOther)};
        c.stack.seed = 1;
        c.stack.max_connections = 4;
        c.stack.max_half_open = 4;
        c.stack.max_time_wait = 2;
        c.stack.tcp.receive_buffer_bytes = 6000;
        c.stack.tcp.send_buffer_bytes = 6000;
        return c;
    }
    const Stack& view() const { return stack_.stack(); }

    void input(Bytes packet) {
        if (packet.empty()) return;
        ++received_;
        stack_.input(packet);
    }

    /// A number near `here` or `there`: equal, one off, or up to 2^15 away.
    static uint32_t near(Story& story, uint32_t here, uint32_t there) {
        const uint8_t how = story.byte();
        const uint32_t base = how & 0x80 ? there : here;
        switch (how % 6) {
            case 0:
            case 1:
            case 2: return base;
            case 3: return base + 1;
            case 4: return base - 1;
            default: return base + static_cast<uint32_t>(static_cast<int16_t>(story.word()));
        }
    }

    void segment(Story& story) {
        Flow& flow = flows_[story.byte() % kFlows];
        constexpr int kUsual[] = {kSyn, kAck,        kAck | kPsh,        kAck | kFin,
                                  kRst, kSyn | kAck, kAck | kPsh | kFin, kRst | kAck};
        const uint8_t flags = story.byte();
        Packet p;
        p.src = kPeer;
        p.dst = kUs;
        p.sport = flow.peer_port;
        p.dport = flow.our_port;
        p.flags = flags & 0x80 ? flags & 0x3f : kUsual[flags % 8];
        p.seq = near(story, flow.nxt, flow.nxt + 6000);
        if (p.has(kAck)) p.ack = near(story, flow.seen_nxt, flow.seen_una);
        const uint8_t shape = story.byte();
        if (shape & 1) p.payload.resize(story.byte() * (shape & 2 ? 5u : 1u));
        if (shape & 4) flow.wnd = shape & 8 ? story.word() : uint16_t{0};
        p.wnd = flow.wnd;
        if (p.has(kUrg)) p.urg = story.word();
        if (shape & 16) {
            if (shape & 32) flow.ts += story.byte();
            p.ts = Ts{shape & 64 ? flow.ts - 7 : flow.ts, flow.ts_echo};
        }
        if (p.has(kSyn)) {
            if (shape & 32) p.mss = story.byte();
            p.sack_ok = (shape & 64) != 0;
            if (shape & 64) p.wscale = story.byte();
        }
        if (shape & 128) p.options = story.bytes(4 * (1 + shape % 8));
        const uint32_t first = p.seq + (p.has(kSyn) ? 1 : 0);
        for (uint32_t i = 0; i < p.payload.size(); ++i) p.payload[i] = byte_at(first + i);
        if (p.seq == flow.nxt && !p.has(kRst)) flow.nxt += p.seg_len();
        if (p.has(kSyn) && !p.has(kAck)) flow.nxt = p.seq + 1;
        if (p.has(kAck)) flow.seen_una = p.ack;
        input(build(p));
    }

    void raw(Story& story) {
        auto bytes = story.bytes(20 + story.byte());
        if (is_ipv6())
            raw6(bytes);
        else if (bytes.size() >= 40) {  // far enough to be judged by what it says
            bytes[0] = static_cast<uint8_t>(0x40 | std::clamp<int>(bytes[0] & 15, 5, 10));
            bytes[2] = static_cast<uint8_t>(bytes.size() >> 8);
            bytes[3] = static_cast<uint8_t>(bytes.size());
            bytes[16] = 10, bytes[17] = 0, bytes[18] = 0, bytes[19] = 1;
            if (bytes.size() >= static_cast<size_t>(bytes[0] & 15) * 4 + 20) fix_checksums(bytes);
        }
        input(bytes);
    }

    static void raw6(std::vector<uint8_t>& bytes) {
        if (bytes.size() < 44) return;
        bytes[0] = 0x60;
        bytes[4] = 0;
        bytes[5] = static_cast<uint8_t>(bytes.size() - 40);
        constexpr uint8_t kUsual[] = {kTcp, kIcmp6, kHopByHop, kDestination, kRouting, kFragment};
        if (bytes[6] & 0x80) bytes[6] = kUsual[bytes[6] % std::size(kUsual)];
        if ((bytes[8] & 3) != 0) std::copy_n(kPeer.v6.octets.begin(), 16, bytes.begin() + 8);
        const bool to_all = (bytes[24] & 7) == 0;
        const Ipv6 to = to_all ? Ipv6{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}} : kUs.v6;
        std::copy_n(to.octets.begin(), 16, bytes.begin() + 24);
        fix_checksums(bytes);
    }

    void icmp(Story& story) {
        if (last_sent_.empty()) return;
        const uint8_t type = story.byte() % 16, code = story.byte() % 16;
        auto quoted = last_sent_;
        if (story.byte() & 1) quoted[kIpHeader + 7] ^= story.byte();
        input(icmp_error(kPeer, kUs, type, code, quoted, story.word(), kIpHeader + story.byte() % 24));
    }

    void time(Story& story) {
        const uint8_t how = story.byte();
        const auto unit = Duration(1ms) * (1 << how % 18);
        stack_.advance(stack_.now() + unit * (1 + how / 18));
    }

    void call(Story& story) {
        const uint8_t what = story.byte();
        if (what % 16 == 0) {
            const Flow& flow = flows_[2 + what / 16 % 2];
            const auto c = stack_.connect({kPeer, flow.peer_port}, {.source_port = flow.our_port});
            if (c) handles_.push_back({.c = *c});
            return;
        }
        if (handles_.empty()) return;
        Handle& handle = handles_[story.byte() % handles_.size()];
        switch (what % 16) {
            case 1:
            case 2:
            case 3:
            case 4: write(handle, story.word() % 4000); break;
            case 5:
            case 6:
            case 7: read(handle, story.word() % 8000); break;
            case 8: (void)stack_.shutdown(handle.c); break;
            case 9:
            case 10: (void)stack_.close(handle.c); break;
            case 11: (void)stack_.abort(handle.c); break;
            case 12: (void)handle.c.set_no_delay((what & 16) != 0); break;
            case 13: (void)handle.c.set_user_timeout(Duration(1s) * story.byte()); break;
            case 14: (void)stack_.unlisten(80); break;
            default: (void)stack_.listen(80); break;
        }
    }

    void write(Handle& handle, uint32_t n) {
        if (!handle.numbered) return;
        std::vector<uint8_t> bytes(n);
        for (uint32_t i = 0; i < n; ++i) bytes[i] = byte_at(handle.write_seq + i);
        const auto taken = stack_.send(handle.c, bytes);
        if (taken) handle.write_seq += *taken;
    }

    void read(Handle& handle, uint32_t n) {
        std::vector<uint8_t> bytes(n);
        const auto got = stack_.receive(handle.c, bytes);
        if (!got || !handle.numbered) return;
        for (uint32_t i = 0; i < *got; ++i) SYNFIN_CHECK(bytes[i] == byte_at(handle.read_seq + i));
        handle.read_seq += *got;
    }

    Handle* handle_of(Connection c) {
        for (auto& handle : handles_)
            if (handle.c == c) return &handle;
        return nullptr;
    }

    /// What the stack has sent and told since, and whether all is well.
    void settle() {
        for (const auto& event : stack_.take_events()) {
            Handle* handle = handle_of(event.connection);
            if (handle == nullptr) {
                SYNFIN_CHECK(event.kind == Event::Kind::open);
                handle = &handles_.emplace_back(Handle{.c = event.connection});
            }
            SYNFIN_CHECK(!handle->told);
            if (event.kind == Event::Kind::close) handle->told = true;
            if (event.kind == Event::Kind::open) number(*handle);
        }
        while (const auto bytes = stack_.output()) take(*bytes);
        const std::string broken = invariants_.check(view());
        if (!broken.empty()) std::fprintf(stderr, "%s\n", broken.c_str());
        SYNFIN_CHECK(broken.empty());
    }

    /// The sequence numbers of the first bytes; the end of an opening that ended in the same step is not
    /// told.
    void number(Handle& handle) {
        const auto info = handle.c.info();
        if (!info) return;
        const bool fin = info->state == State::close_wait || info->state == State::closing ||
                         info->state == State::last_ack || info->state == State::time_wait;
        handle.read_seq = info->rcv_nxt - info->unread_bytes - (fin ? 1 : 0);
        handle.write_seq = info->snd_una + info->unsent_bytes + info->unacked_bytes;
        handle.numbered = true;
    }

    void take(const std::vector<uint8_t>& bytes) {
        ++sent_;
        std::string complaint;
        const Packet p = parse(bytes, complaint);
        if (!complaint.empty()) std::fprintf(stderr, "a sent packet: %s\n", complaint.c_str());
        SYNFIN_CHECK(complaint.empty());
        last_sent_ = bytes;
        if (p.protocol != 6) return;
        for (uint32_t i = 0; i < p.payload.size(); ++i) SYNFIN_CHECK(p.payload[i] == byte_at(p.seq + i));
        for (auto& flow : flows_) {
            if (flow.peer_port != p.dport || flow.our_port != p.sport || p.has(kRst)) continue;
            if (p.has(kSyn)) flow.seen_una = p.seq;
            flow.seen_nxt = p.seq + p.seg_len();
            if (p.ts) flow.ts_echo = p.ts->val;
        }
    }

    VirtualStack stack_;
    std::array<Flow, kFlows> flows_{};
    std::vector<Handle> handles_;
    std::vector<uint8_t> last_sent_;
    Invariants invariants_;
    uint64_t sent_ = 0, received_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 4096) return 0;
    Story story(data, size);
    Fuzzed fuzzed;
    while (!story.ended()) fuzzed.step(story);
    fuzzed.finish();
    return 0;
}
