// Two engines that run for long: rounds of mixed connections over a wire that loses, repeats, delays,
// reorders and corrupts packets, with floods at the same time. After each round every record and block must
// be free and every packet accounted for; at the end the process must not have grown. The test uses virtual
// time, so the machine's speed changes only the number of rounds.
//
//   soak [--seconds N] [--rounds N] [--seed N]     ends after N seconds, but not before 30 rounds

#include <malloc.h>
#include <sys/prctl.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <queue>
#include <string_view>

#include "applications.hh"
#include "fakes/family.hh"
#include "fakes/invariants.hh"
#include "flood.hh"

namespace synfin::soak {
namespace {

using fakes::Family;

constexpr uint16_t kPort = 80, kPort2 = 81;  ///< of listeners with CUBIC and with NewReno
constexpr unsigned kClient = 0, kServer = 1;
constexpr uint64_t kWarmUp = 20;  ///< rounds until the program's own memory has its size
constexpr int64_t kGrowthKiB = 2048;
/// Rounds that a run needs to be judged by its memory. The tests' 30 rounds run under sanitizers, too, which
/// hold freed memory back.
constexpr uint64_t kLeastJudged = 100;
constexpr Duration kPatience = 20min;  ///< virtual time for the connections of a round to end by themselves

/// Resident memory, without the freed memory that malloc holds back.
int64_t resident_kib() {
    ::malloc_trim(0);
    int64_t total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * 4;
}

/// What a round does to the packets between the two; in parts per million.
struct Faults {
    uint32_t loss = 0, duplicate = 0, reorder = 0, corrupt = 0;
    Duration delay{};
};

struct Totals {
    uint64_t rounds = 0, connections = 0, refused = 0, answers = 0, packets = 0, lost = 0, flood = 0;
    Duration virtual_time{};
};

class Soak {
  public:
    explicit Soak(uint64_t seed)
        : random_(seed),
          stacks_{VirtualStack(config(kClient)), VirtualStack(config(kServer))},
          client_(sessions_[kClient], random_),
          server_(sessions_[kServer]) {
        stacks_[kClient].attach(client_);
        stacks_[kServer].attach(server_);
    }

    /// @return what was wrong, or nothing.
    std::string round();
    /// What the engines keep for reuse: it grows up to their limits. In KiB.
    int64_t kept_kib() const noexcept {
        size_t bytes = 0;
        for (const VirtualStack& stack : stacks_) bytes += stack.stack().memory().total();
        return static_cast<int64_t>(bytes / 1024);
    }
    const Totals& totals() const { return totals_; }

  private:
    struct Arrival {
        Instant at{};
        uint64_t order = 0;
        unsigned to = 0;
        std::vector<uint8_t> bytes{};
        bool operator<(const Arrival& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    static VirtualConfig config(unsigned side);
    const Stack& view(unsigned side) const { return std::as_const(stacks_[side]).stack(); }
    Instant now() const { return stacks_[kClient].now(); }
    void choose();
    void run(Instant end);
    void step(Instant to);
    void open_one();
    void collect(unsigned side);
    void cross(unsigned to, const std::vector<uint8_t>& bytes);
    void end_all();
    std::string judge() const;
    std::string judge(unsigned side) const;

    Random random_;
    std::array<Sessions, 2> sessions_;
    std::array<VirtualStack, 2> stacks_;
    Client client_;
    Server server_;
    std::priority_queue<Arrival> wire_;
    uint64_t order_ = 0;
    std::array<uint64_t, 2> sent_{}, received_{};  ///< by side, all rounds
    uint64_t copied_ = 0, lost_ = 0, strays_ = 0, flood_ = 0, crossed_ = 0, opened_ = 0;
    // of the present round
    Family family_ = Family::v4;
    Faults faults_;
    FloodKind flood_kind_ = FloodKind::none;
    uint32_t flood_per_ms_ = 0, opens_per_s_ = 0;
    Totals totals_;
};

VirtualConfig Soak::config(unsigned side) {
    VirtualConfig c{.address = fakes::on_net(fakes::host(1 + side, Family::v4))};
    c.stack.addresses = {fakes::on_net(fakes::host(1 + side, Family::v6))};
    c.stack.seed = 1 + side;
    c.stack.max_connections = 256;
    c.stack.max_half_open = 64;
    c.stack.max_time_wait = 256;
    c.stack.max_recoveries = 32;  // sometimes too few
    c.stack.max_text_bytes = 8 << 20;
    return c;
}

void Soak::choose() {
    constexpr uint32_t kLoss[] = {0, 0, 1'000, 10'000, 30'000, 100'000};
    family_ = random_.below(2) != 0 ? Family::v6 : Family::v4;
    faults_.loss = kLoss[random_.below(6)];
    faults_.duplicate = random_.below(3) == 0 ? 10'000 : 0;
    faults_.reorder = random_.below(3) == 0 ? 20'000 : 0;
    faults_.corrupt = random_.below(4) == 0 ? 5'000 : 0;
    faults_.delay = Duration(50us) * (1 + random_.below(400));
    flood_kind_ = static_cast<FloodKind>(random_.below(static_cast<uint32_t>(FloodKind::kCount)));
    flood_per_ms_ = 1 + random_.below(4);
    opens_per_s_ = 20 + random_.below(100);
    for (const uint16_t port : {kPort, kPort2}) {
        ListenOptions options;
        if (port == kPort2) options.congestion_control = CongestionControl::newreno;
        if (!stacks_[kServer].listen(port, options)) sessions_[kServer].fail("listen was refused");
    }
}

void Soak::open_one() {
    const auto life = static_cast<Life>(random_.below(static_cast<uint32_t>(Life::kCount)));
    const uint16_t port = random_.below(16) == 0 ? 9 : random_.below(2) != 0 ? kPort : kPort2;
    ConnectOptions options;
    if (port == kPort2) options.congestion_control = CongestionControl::newreno;
    const auto c = stacks_[kClient].connect({fakes::host(2, family_), port}, options);
    if (!c) {
        ++totals_.refused;
        return;
    }
    ++opened_;
    client_.begin(*c, life);
}

void Soak::cross(unsigned to, const std::vector<uint8_t>& bytes) {
    const unsigned copies = random_.chance_ppm(faults_.duplicate) ? 2 : 1;
    copied_ += copies - 1;
    for (unsigned i = 0; i < copies; ++i) {
        if (random_.chance_ppm(faults_.loss)) {
            ++lost_;
            continue;
        }
        Duration delay = faults_.delay;
        if (random_.chance_ppm(faults_.reorder)) delay += faults_.delay * random_.below(4);
        Arrival arrival{now() + delay, ++order_, to, bytes};
        if (random_.chance_ppm(faults_.corrupt)) {  // one bit, which the checksum always detects
            const uint32_t bit = random_.below(static_cast<uint32_t>(bytes.size()) * 8);
            arrival.bytes[bit / 8] = static_cast<uint8_t>(arrival.bytes[bit / 8] ^ (1u << bit % 8));
        }
        wire_.push(std::move(arrival));
    }
}

void Soak::collect(unsigned side) {
    const unsigned other = 1 - side;
    while (const auto bytes = stacks_[side].output()) {
        ++sent_[side];
        const bool six = (*bytes)[0] >> 4 == 6;
        const IpAddress there = fakes::host(1 + other, six ? Family::v6 : Family::v4);
        std::string complaint;
        if (fakes::parse(*bytes, complaint).dst != there)
            ++strays_;  // the answer to a flood
        else
            cross(other, *bytes);
        if (!complaint.empty()) sessions_[side].fail("a sent packet: " + complaint);
    }
}

/// Everything due at `to`.
void Soak::step(Instant to) {
    for (unsigned side : {kClient, kServer}) {
        stacks_[side].advance(to);
        collect(side);
    }
    while (!wire_.empty() && wire_.top().at <= to) {
        const Arrival arrival = wire_.top();
        wire_.pop();
        ++received_[arrival.to];
        ++crossed_;
        stacks_[arrival.to].input(arrival.bytes);
        collect(arrival.to);
    }
}

void Soak::run(Instant end) {
    Instant next_open = now();
    Instant next_flood = flood_kind_ == FloodKind::none ? end : now();
    while (now() < end) {
        Instant to = std::min({end, next_open, next_flood});
        for (const VirtualStack& stack : stacks_)
            if (const auto due = stack.next_deadline()) to = std::min(to, *due);
        if (!wire_.empty()) to = std::min(to, wire_.top().at);
        to = std::max(to, now());
        step(to);
        if (to >= next_open) {
            open_one();
            if (random_.below(4) == 0) client_.end_one_rudely();
            collect(kClient);
            next_open = to + Duration(1s) / opens_per_s_;
        }
        if (to >= next_flood) {
            for (uint32_t i = 0; i < flood_per_ms_; ++i) {
                ++received_[kServer];
                ++flood_;
                stacks_[kServer].input(
                    flood_packet(flood_kind_, random_, fakes::host(2, family_), fakes::host(1, family_)));
            }
            collect(kServer);
            next_flood = to + 1ms;
        }
    }
}

/// The connections end by themselves, or by abort() when their patience ends; then every timer.
void Soak::end_all() {
    const Instant late = now() + kPatience;
    while (true) {
        std::optional<Instant> to;
        for (const VirtualStack& stack : stacks_)
            if (const auto due = stack.next_deadline(); due && (!to || *due < *to)) to = due;
        if (!wire_.empty() && (!to || wire_.top().at < *to)) to = wire_.top().at;
        if (!to) break;
        step(std::max(*to, now()));
        client_.end_one_rudely();
        collect(kClient);
        if (now() < late) continue;
        for (Sessions& sessions : sessions_)
            for (Session& each : sessions.all())
                if (each.is_used) (void)each.c.abort();
    }
    for (unsigned side : {kClient, kServer}) {
        stacks_[side].advance(now() + 1s);
        collect(side);
    }
}

std::string Soak::judge(unsigned side) const {
    const Sessions& sessions = sessions_[side];
    const Counters& counters = view(side).counters();
    const auto differ = [](const char* what, uint64_t a, uint64_t b) {
        return a == b ? std::string()
                      : std::string(what) + ": " + std::to_string(a) + ", not " + std::to_string(b);
    };
    const std::string complaints[] = {
        sessions.failure(),
        fakes::in_use(view(side).occupancy(), false),
        sessions.open() == 0 ? "" : "a connection without its on_close",
        differ("closed", counters[Counter::closed], sessions.ended()),
        differ("opened and ended", sessions.opened(), sessions.ended()),
        differ("rx_packets", counters[Counter::rx_packets], received_[side]),
        differ("tx_packets", counters[Counter::tx_packets], sent_[side]),
        differ("active_opens", counters[Counter::active_opens], side == kClient ? opened_ : 0),
    };
    for (const std::string& each : complaints)
        if (!each.empty()) return (side == kClient ? "client: " : "server: ") + each;
    return {};
}

std::string Soak::judge() const {
    for (unsigned side : {kClient, kServer})
        if (std::string wrong = judge(side); !wrong.empty()) return wrong;
    if (!wire_.empty()) return "packets are under way";
    if (sent_[kClient] + sent_[kServer] + copied_ != crossed_ + lost_ + strays_)
        return "a packet is neither delivered nor lost";
    return {};
}

std::string Soak::round() {
    const Instant begin = now();
    choose();
    run(begin + 2s);
    flood_kind_ = FloodKind::none;
    for (const uint16_t port : {kPort, kPort2}) (void)stacks_[kServer].unlisten(port);
    end_all();
    ++totals_.rounds;
    totals_.connections = opened_;
    totals_.answers = client_.answers();
    totals_.packets = sent_[kClient] + sent_[kServer];
    totals_.lost = lost_;
    totals_.flood = flood_;
    totals_.virtual_time += now() - begin;
    return judge();
}

int run_soak(uint64_t seconds, uint64_t rounds, uint64_t seed) {
    using WallClock = std::chrono::steady_clock;
    ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // a huge page would count whole from its first octet on
    const auto end = WallClock::now() + std::chrono::seconds(seconds);
    Soak soak(seed);
    std::string wrong;
    int64_t warm = 0;  // resident memory beside what the engines keep
    while (wrong.empty() && (soak.totals().rounds < rounds || WallClock::now() < end)) {
        wrong = soak.round();
        if (soak.totals().rounds == kWarmUp) warm = resident_kib() - soak.kept_kib();
    }
    const Totals& t = soak.totals();
    const int64_t kept = soak.kept_kib(), grown = warm == 0 ? 0 : resident_kib() - kept - warm;
    if (wrong.empty() && t.rounds >= kLeastJudged && grown > kGrowthKiB) wrong = "the process has grown";
    std::printf(
        "%llu rounds of seed %llu, %.0f s of virtual time: %llu connections (%llu refused), %llu answers\n",
        static_cast<unsigned long long>(t.rounds), static_cast<unsigned long long>(seed),
        static_cast<double>(t.virtual_time.count()) * 1e-9, static_cast<unsigned long long>(t.connections),
        static_cast<unsigned long long>(t.refused), static_cast<unsigned long long>(t.answers));
    std::printf("%llu packets sent, %llu lost, %llu of floods\n", static_cast<unsigned long long>(t.packets),
                static_cast<unsigned long long>(t.lost), static_cast<unsigned long long>(t.flood));
    std::printf(
        "engines keep %lld KiB; the process beside them: %lld KiB after %llu rounds, then %+lld KiB\n",
        static_cast<long long>(kept), static_cast<long long>(warm), static_cast<unsigned long long>(kWarmUp),
        static_cast<long long>(grown));
    if (!wrong.empty())
        std::printf("round %llu: %s\n", static_cast<unsigned long long>(t.rounds), wrong.c_str());
    std::printf("%d passed, %d failed, 0 skipped\n", wrong.empty() ? 1 : 0, wrong.empty() ? 0 : 1);
    return wrong.empty() ? 0 : 1;
}

}  // namespace
}  // namespace synfin::soak

int main(int argc, char** argv) {
    uint64_t seconds = 0, rounds = 30, seed = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        const uint64_t value = std::strtoull(argv[i + 1], nullptr, 0);
        if (name == "--seconds") seconds = value;
        if (name == "--rounds") rounds = value;
        if (name == "--seed") seed = value;
    }
    return synfin::soak::run_soak(seconds, rounds, seed);
}
