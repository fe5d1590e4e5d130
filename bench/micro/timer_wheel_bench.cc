// What the timers of N connections cost: per arm() that files nothing, per one that moves the entry, per
// fire, and per jump of virtual time.

#include "time/timer_wheel.hh"

#include <benchmark/benchmark.h>

#include <optional>
#include <vector>

#include "base/mapped_array.hh"
#include "base/random.hh"
#include "cycles.hh"

namespace synfin {
namespace {

constexpr uint32_t kAll = ~uint32_t{0};

std::vector<uint32_t> random_ids(uint32_t n) {
    Random random(1);
    std::vector<uint32_t> ids(1u << 18);
    for (uint32_t& id : ids) id = random.below(n);
    return ids;
}

// The common case: the deadline moves back with every ACK, the entry stays.
void arm_later(benchmark::State& state) {
    const auto n = static_cast<uint32_t>(state.range(0));
    TimerWheel wheel(n, 0);
    for (uint32_t id = 0; id < n; ++id) wheel.arm(id, 200);
    const std::vector<uint32_t> ids = random_ids(n);
    size_t at = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        wheel.arm(ids[at], 300);
        at = (at + 1) % ids.size();
    }
    cycles.done();
    benchmark::DoNotOptimize(wheel.entries());
}

// The deadline comes nearer each time: unlink and link.
void arm_earlier(benchmark::State& state) {
    const auto n = static_cast<uint32_t>(state.range(0));
    TimerWheel wheel(n, 0);
    uint32_t deadline = 0x7fffffff;
    for (uint32_t id = 0; id < n; ++id) wheel.arm(id, deadline);
    const std::vector<uint32_t> ids = random_ids(n);
    size_t at = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        wheel.arm(ids[at], --deadline);
        at = (at + 1) % ids.size();
    }
    cycles.done();
}

// N timers of about a second; each fire looks into a 64-byte record and files again. A fire here includes
// the entry's way down from the second level.
void fire_and_file(benchmark::State& state) {
    struct alignas(64) Record {
        uint32_t deadline;
    };
    const auto n = static_cast<uint32_t>(state.range(0));
    MappedArray<Record> records(n);
    TimerWheel wheel(n, 0);
    Random random(1);
    for (uint32_t id = 0; id < n; ++id) wheel.arm(id, records[id].deadline = 1 + random.below(1000));
    uint32_t now = 0;
    uint64_t fires = 0;
    auto prefetch = [&](uint32_t id) noexcept { __builtin_prefetch(&records[id]); };
    auto fire = [&](uint32_t id) noexcept -> std::optional<uint32_t> {
        return records[id].deadline += 500 + static_cast<uint32_t>(random.next() % 1000);
    };
    micro::Cycles cycles(state);
    for (auto _ : state) fires += wheel.advance(++now, kAll, prefetch, fire);
    if (fires != 0) cycles.done(static_cast<double>(fires) / static_cast<double>(state.iterations()));
}

// Nothing due: what a poll pays in every millisecond.
void advance_idle(benchmark::State& state) {
    TimerWheel wheel(1000, 0);
    wheel.arm(1, 0x7fffffff);
    uint32_t now = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        if (now == 0x7ffffff0) now = 0;
        wheel.advance(++now, 64, [](uint32_t) { return std::optional<uint32_t>(); });
    }
    cycles.done();
}

// Virtual time: ask for the next tick, jump there, over hours.
void jump(benchmark::State& state) {
    constexpr uint32_t kIds = 1000;
    TimerWheel wheel(kIds, 0);
    Random random(1);
    for (uint32_t id = 0; id < kIds; ++id) wheel.arm(id, random.below(1u << 30));
    uint64_t fires = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        const uint32_t now = *wheel.next_tick();
        fires +=
            wheel.advance(now, kAll, [&](uint32_t) { return std::optional(now + random.below(1u << 30)); });
    }
    cycles.done();
    state.counters["fires"] = static_cast<double>(fires) / static_cast<double>(state.iterations());
}

BENCHMARK(arm_later)->RangeMultiplier(10)->Range(1'000, 10'000'000);
BENCHMARK(arm_earlier)->RangeMultiplier(10)->Range(1'000, 10'000'000);
BENCHMARK(fire_and_file)->RangeMultiplier(10)->Range(1'000, 10'000'000);
BENCHMARK(advance_idle);
BENCHMARK(jump);

}  // namespace
}  // namespace synfin

BENCHMARK_MAIN();
