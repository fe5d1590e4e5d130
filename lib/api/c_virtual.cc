/// @file
/// synfin.h: stacks in virtual time, on an in-memory wire.

#include <algorithm>
#include <cstring>
#include <memory>

#include "api/c_handles.hh"
#include "base/random.hh"
#include "buf/memory_port.hh"
#include "stack/queue_engine.hh"
#include "synfin/tcp_config.hh"

namespace synfin::c {

namespace {

constexpr uint32_t kPackets = 2048;
constexpr uint32_t kBurst = 32;

buf::QueueCaps ip_caps(uint16_t mtu) {
    buf::QueueCaps caps;
    caps.ethernet = false;
    caps.max_frame = mtu;
    return caps;
}

HashKey key_of(uint64_t seed) {
    return seed == 0 ? fill_secret() : HashKey{seed, ~seed * 0x9e3779b97f4a7c15ull};
}

/// One end of the wire.
struct End {
    End(const StackConfig& config, uint32_t loss_ppm, Instant start)
        : port(ip_caps(config.mtu), kPackets),
          engine(config, port, key_of(config.seed), start),
          stack(engine),
          loss(loss_ppm),
          random(config.seed) {}
    buf::MemoryPort port;
    stack::QueueEngine<buf::MemoryPort> engine;
    Stack stack;
    uint32_t loss;  ///< packets lost per million that this end sends
    Random random;
    uint32_t arrived = 0;  ///< packets for the next turns to receive
};

class VirtualRuntime final : public synfin_runtime {
  public:
    void add(const StackConfig& config, uint32_t loss_ppm) {
        ends_.push_back(std::make_unique<End>(config, loss_ppm, now_));
        stacks.push_back(std::make_unique<synfin_stack>(*this, ends_.back()->stack, synfin_stacks(this)));
    }

    Instant now() const noexcept override { return now_; }
    void set_now(Instant now) noexcept override { now_ = std::max(now_, now); }
    void before_turn(unsigned index) noexcept override {
        uint32_t& arrived = ends_[index]->arrived;
        arrived -= std::min(arrived, kBurst);
    }
    void after_turn(unsigned index) override {
        if (ends_.size() != 2) return;
        End& from = *ends_[index];
        End& to = *ends_[1 - index];
        while (const auto packet = from.port.take())
            if (!from.random.chance_ppm(from.loss) && to.port.deliver(*packet)) ++to.arrived;
    }
    int64_t advance(Duration most) override {
        Instant until = now_ + std::min(most, kMaxDuration);
        for (size_t i = 0; i < ends_.size(); ++i) {
            const End& end = *ends_[i];
            if (stacks[i]->is_turn_open || end.arrived != 0 || end.stack.has_work()) return 0;
            until = std::min(until, end.stack.next_deadline().value_or(until));
        }
        const Instant before = now_;
        now_ = std::max(now_, until);
        return (now_ - before).count();
    }
    int input(unsigned index, Bytes packet) override {
        if (ends_.size() == 2) return SYNFIN_E_NOT_SUPPORTED;
        End& end = *ends_[index];
        if (packet.size() > end.port.caps().max_frame) return SYNFIN_E_INVALID;
        if (!end.port.deliver(packet)) return SYNFIN_E_NO_MEMORY;
        ++end.arrived;
        return SYNFIN_OK;
    }
    int64_t output(unsigned index, MutableBytes into) override {
        if (ends_.size() == 2) return SYNFIN_E_NOT_SUPPORTED;
        End& end = *ends_[index];
        if (into.size() < end.port.caps().max_frame) return SYNFIN_E_INVALID;
        const auto packet = end.port.take();
        if (!packet) return 0;
        std::copy(packet->begin(), packet->end(), into.begin());
        return static_cast<int64_t>(packet->size());
    }

  private:
    Instant now_ = Instant::from_ns(1'000'000'000);
    std::vector<std::unique_ptr<End>> ends_;
};

/// Adds a stack. Returns a complaint, or an empty string on success.
std::string add(VirtualRuntime& runtime, const synfin_config& config) {
    StackConfig out;
    std::string complaint = stack_config(config, out);
    if (!complaint.empty()) return complaint;
    // A wire of IP packets has no next hops: our own address as gateway makes every destination reachable.
    for (const Cidr& own : out.addresses) {
        if (!out.gateway && own.addr.is_v4()) out.gateway = own.addr.v4;
        if (!out.gateway6 && own.addr.is_v6()) out.gateway6 = own.addr.v6;
    }
    runtime.add(out, config.wire_loss_ppm);
    return {};
}

}  // namespace

}  // namespace synfin::c

using namespace synfin;

int synfin_open_virtual(const synfin_config* first, const synfin_config* second, synfin_runtime** out,
                        char* why, size_t why_size) {
    const c::Why told(why, why_size);
    if (out == nullptr)
        return told.refuse(SYNFIN_E_INVALID, "out is null: give the address of a runtime pointer");
    *out = nullptr;
    return c::guarded([&]() -> int {
        auto runtime = std::make_unique<c::VirtualRuntime>();
        for (const synfin_config* config : {first, second}) {
            if (config == nullptr && config != first) break;
            const auto known = c::complete(config);
            if (!known)
                return told.refuse(
                    SYNFIN_E_INVALID,
                    "the configuration has no size; initialise it with SYNFIN_CONFIG_INIT(&config)");
            if (const std::string complaint = c::add(*runtime, *known); !complaint.empty())
                return told.refuse(SYNFIN_E_INVALID, complaint);
        }
        *out = runtime.release();
        return SYNFIN_OK;
    });
}
