// What the core costs for each segment of a life: every arrival and every emission of three scripted lives,
// in the states in which they happen. The figures include copying the control block back (see `copy_back`).
//
//   arrive/STATE+FLAGS[ bytes]     segment_arrives(), or what the stack calls for a record in its stead
//   emit/STATE+FLAGS[ bytes]       next_segment()

#include <benchmark/benchmark.h>

#include <set>
#include <string>
#include <vector>

#include "base/mapped_array.hh"
#include "base/random.hh"
#include "cycles.hh"
#include "tcp/congestion.hh"
#include "tcp/core.hh"
#include "tcp/isn.hh"

namespace synfin::tcp {
namespace {

using wire::kAck;
using wire::kFin;
using wire::kPsh;
using wire::kSyn;

constexpr HashKey kKey{0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210};
constexpr Ipv4 kLocal[] = {Ipv4{0x0a00'0001}};
const TimestampOffsets kTsOffsets(kKey, kLocal);
constexpr uint32_t kBytes = 64;
constexpr uint32_t kRcvWnd = 65'535;  // of a passive open: on a SYN-ACK nothing is scaled

const Params& params() {
    static const Params p(TcpConfig{}, 1500);
    return p;
}
const Now kNow(Instant::from_ns(5'000'000'000'000));
Context context() {
    return {params(), kTsOffsets, kNow};
}

// A moment of a life, before something happens to one end.
struct Moment {
    std::string name;
    Tcb tcb;
    Flow flow;
    HalfOpen half_open;
    TimeWait time_wait;
    Segment seg{};
    bool has_flow = false;
};
struct Moments {
    std::vector<Moment> arrivals, emissions;
};

std::string flags_text(uint16_t flags, uint32_t len) {
    std::string text;
    const auto add = [&](uint8_t flag, const char* name) {
        if ((flags & flag) != 0) text += (text.empty() ? "" : "|") + std::string(name);
    };
    add(kSyn, "SYN");
    add(kFin, "FIN");
    add(kPsh, "PSH");
    add(kAck, "ACK");
    return len == 0 ? text : text + " " + std::to_string(len);
}

// One end of a scripted life. What the stack does beside the core is in it, and no more.
class End {
  public:
    End(Tuple tuple, Moments& moments) : tuple_(tuple), moments_(moments) {}

    void open(Seq iss) {
        Effects fx;
        open_active(tcb_, tuple_, iss, context(), fx);
    }
    Segment listen(const Segment& syn, Seq iss) {  // the SYN-ACK is the answer
        note_arrival("LISTEN", syn);
        half_open_ = half_open(tuple_, syn, iss, 1, context());
        Segment seg{};
        seg.seq = iss;
        seg.ack = syn.seq + 1;
        seg.flags = kSyn | kAck;
        seg.wnd = 65'535;
        return with_options(seg, syn.ts_val);
    }
    void arrive_half_open(const Segment& seg) {
        note_arrival("SYN-RECEIVED", seg);
        tcb_ = expand(half_open_, kRcvWnd, params().rcv_shift);
        Effects fx;
        on_synchronized({tcb_}, seg, context(), fx);
        perform(fx);
    }
    void arrive(const Segment& seg) {
        note_arrival(name(tcb_.state()), seg);
        Effects fx;
        segment_arrives(conn(), seg, context(), fx);
        perform(fx);
    }
    void arrive_time_wait(const Segment& seg) {
        time_wait_ = shrink(tcb_);
        note_arrival("TIME-WAIT", seg);
    }
    void send(uint32_t n) {
        if (tcb_.flow == 0) {
            tcb_.flow = 1;
            start_flow(tcb_, flow_, params(), kNow);
        }
        flow_.snd_end += n;
    }
    void close() {
        Effects fx;
        shutdown(tcb_, context(), fx);
    }
    // The next segment that leaves. An ACK that waits for its timer leaves too.
    Segment emit() {
        Moment moment = here();
        Outgoing out;
        Effects fx;
        if (!next_segment(conn(), params().rcv_start, context(), out, fx)) {
            tcb_.set(kAckNow);
            moment = here();
            next_segment(conn(), params().rcv_start, context(), out, fx);
        }
        moment.name = std::string(name(moment.tcb.state())) + "+" + flags_text(out.flags, out.len);
        moments_.emissions.push_back(moment);
        Segment seg{};
        seg.seq = out.seq;
        seg.ack = out.ack;
        seg.len = out.len;
        seg.wnd = out.wnd;
        seg.flags = out.flags;
        return with_options(seg, tcb_.ts_recent);
    }

  private:
    Conn conn() { return {tcb_, tcb_.flow != 0 ? &flow_ : nullptr}; }
    Segment with_options(Segment seg, uint32_t echo) const {
        seg.has_ts = true;
        seg.ts_val = kNow.tick + kTsOffsets.of(tuple_);
        seg.ts_ecr = echo;
        if (seg.has(kSyn)) {
            seg.mss = 1460;
            seg.has_wscale = true;
            seg.wscale = params().rcv_shift;
            seg.sack_permitted = true;
        }
        return seg;
    }
    Moment here() const { return {{}, tcb_, flow_, half_open_, time_wait_, {}, tcb_.flow != 0}; }
    void note_arrival(std::string_view state, const Segment& seg) {
        Moment moment = here();
        moment.seg = seg;
        moment.name = std::string(state) + "+" + flags_text(seg.flags, seg.len);
        moments_.arrivals.push_back(moment);
    }
    void perform(const Effects& fx) {
        if (fx.release_flow) tcb_.flow = 0;
    }

    Tuple tuple_;
    Moments& moments_;
    Tcb tcb_;
    Flow flow_;
    HalfOpen half_open_;
    TimeWait time_wait_;
};

struct Life {
    explicit Life(Moments& moments)
        : client({0x0a000001, 40'000, 80, 0}, moments), server({0x0a000002, 80, 40'000, 0}, moments) {}
    // SYN and SYN-ACK; the client has still to answer.
    void begin() {
        client.open(Seq(0xffff'fff0));
        client.arrive(server.listen(client.emit(), Seq(0x7fff'fff0)));
    }
    End client, server;
};

// crr: six segments, the server closes first.
void request_and_response(Moments& moments) {
    Life life(moments);
    life.begin();
    life.client.send(kBytes);
    life.server.arrive_half_open(life.client.emit());
    life.server.send(kBytes);
    life.server.close();
    life.client.arrive(life.server.emit());
    life.client.close();
    const Segment fin = life.client.emit();
    life.server.arrive(fin);
    life.client.arrive(life.server.emit());
    life.server.arrive_time_wait(fin);
    life.client.open(fin.seq + 100'000u);  // the same ports again, later
    life.server.arrive_time_wait(life.client.emit());
}
// Each segment by itself, the other direction used after a half-close.
void half_closed(Moments& moments) {
    Life life(moments);
    life.begin();
    life.server.arrive_half_open(life.client.emit());
    for (int i = 0; i < 2; ++i) {
        life.client.send(kBytes);
        life.server.arrive(life.client.emit());
        life.client.arrive(life.server.emit());
    }
    life.client.close();
    life.server.arrive(life.client.emit());
    life.client.arrive(life.server.emit());
    life.server.send(kBytes);
    life.client.arrive(life.server.emit());
    life.server.arrive(life.client.emit());
    life.server.close();
    life.client.arrive(life.server.emit());
    life.server.arrive(life.client.emit());
}
void simultaneous_close(Moments& moments) {
    Life life(moments);
    life.begin();
    life.server.arrive_half_open(life.client.emit());
    life.client.close();
    life.server.close();
    const Segment to_server = life.client.emit(), to_client = life.server.emit();
    life.server.arrive(to_server);
    life.client.arrive(to_client);
    life.server.arrive(life.client.emit());
}

void arrive_listen(const Tuple& tuple, const Segment& seg, Effects& fx) {
    static_cast<void>(on_listen(seg, fx));
    HalfOpen made = half_open(tuple, seg, Seq(1), 1, context());
    benchmark::DoNotOptimize(made);
}

// What the stack calls for a segment, by the record that it finds.
void arrive(const Moment& moment, Tcb& tcb, Flow* flow, Effects& fx) {
    if (moment.name.starts_with("LISTEN")) {
        arrive_listen(moment.tcb.tuple, moment.seg, fx);
    } else if (moment.name.starts_with("SYN-RECEIVED")) {
        if (opens_as_predicted(moment.half_open, kRcvWnd, moment.seg)) {
            open_predicted(moment.half_open, kRcvWnd, moment.seg, context(), tcb, fx);
            return;
        }
        tcb = expand(moment.half_open, kRcvWnd, params().rcv_shift);
        on_synchronized({tcb}, moment.seg, context(), fx);
    } else if (moment.name.starts_with("TIME-WAIT")) {
        if (reopens(moment.time_wait, moment.seg, context())) {
            arrive_listen(moment.time_wait.tuple, moment.seg, fx);
            return;
        }
        tcb = expand(moment.time_wait, params().rcv_start);
        on_synchronized({tcb}, moment.seg, context(), fx);
    } else {
        segment_arrives({tcb, flow}, moment.seg, context(), fx);
    }
}

void arrival(benchmark::State& state, const Moment& moment) {
    Tcb tcb = moment.tcb;
    Flow flow = moment.flow;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        Effects fx;
        arrive(moment, tcb, moment.has_flow ? &flow : nullptr, fx);
        benchmark::DoNotOptimize(fx);
        tcb = moment.tcb;
        flow = moment.flow;
        benchmark::ClobberMemory();
    }
    cycles.done();
}

void emission(benchmark::State& state, const Moment& moment) {
    Tcb tcb = moment.tcb;
    Flow flow = moment.flow;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        Effects fx;
        Outgoing out;
        const bool more =
            next_segment({tcb, moment.has_flow ? &flow : nullptr}, params().rcv_start, context(), out, fx);
        benchmark::DoNotOptimize(more);
        benchmark::DoNotOptimize(out);
        benchmark::DoNotOptimize(fx);
        tcb = moment.tcb;
        flow = moment.flow;
        benchmark::ClobberMemory();
    }
    cycles.done();
}

// To subtract from the others.
void copy_back(benchmark::State& state, const Moment& moment) {
    Tcb tcb;
    Flow flow;
    benchmark::DoNotOptimize(&tcb);
    benchmark::DoNotOptimize(&flow);
    micro::Cycles cycles(state);
    for (auto _ : state) {
        tcb = moment.tcb;
        flow = moment.flow;
        benchmark::ClobberMemory();
    }
    cycles.done();
}

// The same among a million connections, in random order: both lines come from memory, and nothing is
// prefetched. Copying back finds them in the cache.
void arrival_cold(benchmark::State& state, const Moment& moment) {
    constexpr uint32_t kConnections = 1u << 20;
    MappedArray<Tcb> tcbs(kConnections);
    MappedArray<Flow> flows(kConnections);
    std::vector<uint32_t> order(kConnections);
    for (uint32_t i = 0; i < kConnections; ++i) {
        tcbs[i] = moment.tcb;
        flows[i] = moment.flow;
        order[i] = i;
    }
    Random random(1);
    for (uint32_t i = kConnections; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    uint32_t at = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        const uint32_t i = order[at];
        at = (at + 1) % kConnections;
        Effects fx;
        arrive(moment, tcbs[i], moment.has_flow ? &flows[i] : nullptr, fx);
        benchmark::DoNotOptimize(fx);
        tcbs[i] = moment.tcb;
        if (moment.has_flow) flows[i] = moment.flow;
        benchmark::ClobberMemory();
    }
    cycles.done();
}

const Moments& moments() {
    static const Moments all = [] {
        Moments m;
        request_and_response(m);
        half_closed(m);
        simultaneous_close(m);
        return m;
    }();
    return all;
}

template <typename Run>
void add(const std::string& name, const Moment& moment, Run run) {
    static std::set<std::string> known;
    if (known.insert(name).second)
        benchmark::RegisterBenchmark(name.c_str(),
                                     [&moment, run](benchmark::State& state) { run(state, moment); });
}

[[maybe_unused]] const int registered = [] {
    const Moments& all = moments();
    add("copy_back", all.arrivals.front(), copy_back);
    for (const Moment& moment : all.arrivals) add("arrive/" + moment.name, moment, arrival);
    for (const Moment& moment : all.emissions) add("emit/" + moment.name, moment, emission);
    for (const Moment& moment : all.arrivals)
        if (moment.name.starts_with("ESTABLISHED") || moment.name.starts_with("FIN-WAIT-1"))
            add("arrive_cold/" + moment.name, moment, arrival_cold);
    return 0;
}();

}  // namespace
}  // namespace synfin::tcp

BENCHMARK_MAIN();
