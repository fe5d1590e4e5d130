// Lookups in a full connection table, with the records behind it, as an engine does them: a burst of 32 in
// three passes (hash and prefetch the bucket; prefetch the record; find), and one at a time for comparison.

#include "net/connection_table.hh"

#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "base/random.hh"
#include "cycles.hh"
#include "net/record_pool.hh"

namespace synfin::net {
namespace {

constexpr uint32_t kBurst = 32;

struct alignas(64) Record {
    Tuple tuple;
    uint32_t rest[13];
};

// Addresses and ports as a load generator makes them: dense, not random.
Tuple tuple_of(uint32_t i) {
    return {0x0a000000 + i / 60'000, static_cast<uint16_t>(1024 + i % 60'000), 80, 0};
}

struct Connections {
    explicit Connections(uint32_t n) : table(n, HashKey{0x1234, 0x5678}), records(n) {
        for (uint32_t i = 0; i < n; ++i) {
            const uint32_t index = records.alloc();
            records[index].tuple = tuple_of(i);
            table.insert(table.hash(tuple_of(i)), index);
        }
    }
    ConnectionTable table;
    RecordPool<Record> records;
};

// The benchmarks of one size follow each other and share the table.
Connections& connections(uint32_t n) {
    static std::unique_ptr<Connections> current;
    if (!current || current->table.capacity() != n) {
        current.reset();
        current = std::make_unique<Connections>(n);
    }
    return *current;
}

// The packets' tuples, in the order in which they come: at random.
std::vector<Tuple> arrivals(uint32_t n, uint32_t offset) {
    Random random(1);
    std::vector<Tuple> tuples(1u << 18);
    for (Tuple& tuple : tuples) tuple = tuple_of(offset + random.below(n));
    return tuples;
}

uint32_t find(const Connections& c, uint32_t hash, const Tuple& tuple) {
    return c.table.find(hash, [&](uint32_t handle) { return c.records[handle].tuple == tuple; });
}

void bursts(benchmark::State& state, uint32_t offset) {
    const auto n = static_cast<uint32_t>(state.range(0));
    const Connections& c = connections(n);
    const std::vector<Tuple> tuples = arrivals(n, offset);
    uint32_t hashes[kBurst];
    uint64_t found = 0;
    size_t at = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        const Tuple* burst = &tuples[at];
        at = (at + kBurst) % tuples.size();
        for (uint32_t i = 0; i < kBurst; ++i) c.table.prefetch(hashes[i] = c.table.hash(burst[i]));
        for (uint32_t i = 0; i < kBurst; ++i) c.records.prefetch(c.table.first_candidate(hashes[i]));
        for (uint32_t i = 0; i < kBurst; ++i) found += find(c, hashes[i], burst[i]) != 0;
    }
    cycles.done(kBurst);
    state.counters["found"] = static_cast<double>(found) / (static_cast<double>(state.iterations()) * kBurst);
}

void hit_in_bursts(benchmark::State& state) {
    bursts(state, 0);
}
void miss_in_bursts(benchmark::State& state) {
    bursts(state, static_cast<uint32_t>(state.range(0)));
}

// Each lookup waits for the one before: the latency that the passes hide.
void hit_one_by_one(benchmark::State& state) {
    const auto n = static_cast<uint32_t>(state.range(0));
    const Connections& c = connections(n);
    const std::vector<Tuple> tuples = arrivals(n, 0);
    size_t at = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        const uint32_t handle = find(c, c.table.hash(tuples[at]), tuples[at]);
        benchmark::DoNotOptimize(handle);
        at = (at + 1 + (handle == 0)) % tuples.size();  // depends on what was found
    }
    cycles.done();
}

// A connection ends and another begins, in a table that is full but for one.
void erase_and_insert(benchmark::State& state) {
    const auto n = static_cast<uint32_t>(state.range(0));
    Connections& c = connections(n);
    std::vector<uint32_t> hashes(1u << 16), handles(1u << 16);
    Random random(2);
    for (size_t i = 0; i < hashes.size(); ++i) {
        handles[i] = random.below(n) + 1;
        hashes[i] = c.table.hash(tuple_of(handles[i] - 1));
    }
    size_t at = 0;
    bool ok = true;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        ok = ok && c.table.erase(hashes[at], handles[at]) && c.table.insert(hashes[at], handles[at]);
        at = (at + 1) % hashes.size();
    }
    cycles.done();
    if (!ok) state.SkipWithError("an entry was lost");
}

void hash(benchmark::State& state) {
    const ConnectionTable table(1, HashKey{0x1234, 0x5678});
    uint32_t i = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) benchmark::DoNotOptimize(table.hash(tuple_of(++i)));
    cycles.done();
}

BENCHMARK(hash);
// By size, so that each table is built once.
[[maybe_unused]] const int registered = [] {
    for (const int64_t n : {1'000, 10'000, 100'000, 1'000'000, 10'000'000}) {
        benchmark::RegisterBenchmark("hit_in_bursts", hit_in_bursts)->Arg(n);
        benchmark::RegisterBenchmark("miss_in_bursts", miss_in_bursts)->Arg(n);
        benchmark::RegisterBenchmark("hit_one_by_one", hit_one_by_one)->Arg(n);
        benchmark::RegisterBenchmark("erase_and_insert", erase_and_insert)->Arg(n);
    }
    return 0;
}();

}  // namespace
}  // namespace synfin::net

BENCHMARK_MAIN();
