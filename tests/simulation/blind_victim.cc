#include "blind_victim.hh"

namespace synfin::simulation {

using fakes::host;
using fakes::kAck;
using fakes::kFin;
using fakes::kPsh;
using fakes::kSyn;

BlindVictim::BlindVictim(fakes::Family family, VictimState state, bool timestamps)
    : client_(host(2, family)), server_(host(1, family)), state_(state), timestamps_(timestamps) {
    VirtualConfig config;
    config.address = fakes::on_net(server_);
    config.stack.seed = 7;
    config.stack.mtu = family == fakes::Family::v6 ? 1520 : 1500;
    config.stack.max_connections = config.stack.max_half_open = config.stack.max_time_wait = 16;
    stack_ = std::make_unique<VirtualStack>(config);
    next_.src = client_;
    next_.dst = server_;
    next_.sport = kClientPort;
    next_.dport = 80;
    next_.wnd = 65'535;
    next_.seq = kClientSeq;
    if (timestamps_) next_.ts = fakes::Ts{1'000'000, 0};
    if (state == VictimState::syn_sent) {
        static_cast<void>(stack_->connect({client_, kClientPort}, {.source_port = 80}));
        expect_next(take().back());
        return;
    }
    static_cast<void>(stack_->listen(80));
    Packet syn = segment(kSyn);
    syn.ack = 0;
    syn.mss = 1460;
    static_cast<void>(inject(fakes::build(syn)));
    ++next_.seq;
    expect_next(take().back());
    if (state == VictimState::syn_received) return;
    static_cast<void>(inject(segment(kAck)));
    const auto accepted = stack_->accept();
    if (state == VictimState::in_flight) {
        static_cast<void>(stack_->send(*accepted, std::vector<uint8_t>(14'600, 'r')));
        take();
    } else if (state == VictimState::time_wait) {
        static_cast<void>(stack_->close(*accepted));
        expect_next(take().back());
        static_cast<void>(inject(segment(kAck | kFin)));
        ++next_.seq;
        take();
    }
}

void BlindVictim::expect_next(const Packet& from_victim) {
    next_.ack = from_victim.seq + from_victim.seg_len();
    if (timestamps_ && from_victim.ts) next_.ts->ecr = from_victim.ts->val;
}

Packet BlindVictim::segment(int flags, uint32_t payload) const {
    Packet p = next_;
    p.flags = flags | (payload != 0 ? kPsh : 0);
    p.payload.assign(payload, 'x');
    return p;
}

Packet BlindVictim::own_segment() const {
    Packet p;
    p.src = server_;
    p.dst = client_;
    p.sport = 80;
    p.dport = kClientPort;
    p.flags = kAck;
    p.payload.assign(100, 'r');
    return p;
}

std::vector<Packet> BlindVictim::take() {
    std::vector<Packet> out;
    std::string complaint;
    while (const auto packet = stack_->output()) out.push_back(fakes::parse(*packet, complaint));
    return out;
}

uint64_t BlindVictim::refusals() const {
    const Counters& counters = std::as_const(*stack_).stack().counters();
    uint64_t out = 0;
    for (size_t i = 0; i < static_cast<size_t>(DropReason::kCount); ++i) {
        const auto reason = static_cast<DropReason>(i);
        if (reason == DropReason::rst_rate_limited || reason == DropReason::reassembly_full ||
            reason == DropReason::window_full)
            continue;
        out += counters[reason];
    }
    return out;
}

bool BlindVictim::inject(const std::vector<uint8_t>& packet) {
    const uint64_t before = refusals();
    stack_->input(packet);
    return refusals() == before;
}

bool BlindVictim::restore() {
    if (state_ != VictimState::syn_received) return false;
    Packet syn = segment(kSyn);
    --syn.seq;
    syn.ack = 0;
    syn.mss = 1460;
    stack_->input(fakes::build(syn));
    take();
    return is_alive();
}

ConnectionInfo BlindVictim::info() const {
    ConnectionInfo out;
    std::as_const(*stack_).stack().for_each(
        [](void* context, const ConnectionInfo& info) { *static_cast<ConnectionInfo*>(context) = info; },
        &out);
    return out;
}

}  // namespace synfin::simulation
