// Lookups in a full connection table, with the records behind it, as an engine does them: a burst of 32 in
// three passes (hash and prefetch the bucket; prefetch the record; find), and one at a time for comparison;
// inserting and erasing. Each on few connections of the table, whose lines stay in the cache (hot), and on
// all of them in random order (cold, once the table is larger than the caches).
//
// Tables of 1 k to 16 M entries; with --largest also of 100 M, which takes 7 GB.

#include "net/connection_table.hh"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "base/random.hh"
#include "base/record_pool.hh"
#include "cycles.hh"

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

// The connections that are spoken on: those of a bench with its default of 256, or all.
constexpr uint32_t kHot = 256;

// The packets' tuples, in the order in which they come: at random.
std::vector<Tuple> arrivals(uint32_t n, uint32_t offset) {
    Random random(1);
    std::vector<Tuple> tuples(1u << 20);
    for (Tuple& tuple : tuples) tuple = tuple_of(offset + random.below(n));
    return tuples;
}

// Handles of different connections in random order, and their hashes.
struct Chosen {
    Chosen(const Connections& c, uint32_t among, uint32_t count) : hashes(count), handles(count) {
        Random random(2);
        std::vector<uint32_t> all(among);
        for (uint32_t i = 0; i < among; ++i) all[i] = i;
        for (uint32_t i = 0; i < count; ++i) {
            std::swap(all[i], all[i + random.below(among - i)]);
            handles[i] = all[i] + 1;
            hashes[i] = c.table.hash(tuple_of(all[i]));
        }
    }
    std::vector<uint32_t> hashes, handles;
};

uint32_t find(const Connections& c, uint32_t hash, const Tuple& tuple) {
    return c.table.find(hash, [&](uint32_t handle) { return c.records[handle].tuple == tuple; });
}

void bursts(benchmark::State& state, uint32_t among, uint32_t offset) {
    const Connections& c = connections(static_cast<uint32_t>(state.range(0)));
    const std::vector<Tuple> tuples = arrivals(among, offset);
    uint32_t hashes[kBurst];
    const ConnectionTable::Bucket* homes[kBurst];
    uint64_t found = 0;
    size_t at = 0;
    micro::Cycles cycles(state);
    for (auto _ : state) {
        const Tuple* burst = &tuples[at];
        at = (at + kBurst) % tuples.size();
        for (uint32_t i = 0; i < kBurst; ++i) homes[i] = c.table.prefetch(hashes[i] = c.table.hash(burst[i]));
        for (uint32_t i = 0; i < kBurst; ++i)
            c.records.prefetch(c.table.first_candidate(*homes[i], hashes[i]).handle);
        for (uint32_t i = 0; i < kBurst; ++i) found += find(c, hashes[i], burst[i]) != 0;
    }
    cycles.done(kBurst);
    state.counters["found"] = static_cast<double>(found) / (static_cast<double>(state.iterations()) * kBurst);
}

void hit_in_bursts(benchmark::State& state) {
    bursts(state, static_cast<uint32_t>(state.range(0)), 0);
}
void hit_in_bursts_hot(benchmark::State& state) {
    bursts(state, kHot, 0);
}
void miss_in_bursts(benchmark::State& state) {
    const auto n = static_cast<uint32_t>(state.range(0));
    bursts(state, n, n);
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

// Many connections end, then as many begin, in a table that is full but for them. Counted apart.
void erase_and_insert(benchmark::State& state, uint32_t among) {
    Connections& c = connections(static_cast<uint32_t>(state.range(0)));
    const uint32_t count = std::min(among, 1u << 20);
    const Chosen chosen(c, among, count);
    uint64_t erasing = 0, inserting = 0;
    bool ok = true;
    for (auto _ : state) {
        const uint64_t begin = TscClock::cycles();
        for (uint32_t i = 0; i < count; ++i) ok &= c.table.erase(chosen.hashes[i], chosen.handles[i]);
        const uint64_t middle = TscClock::cycles();
        for (uint32_t i = 0; i < count; ++i) ok &= c.table.insert(chosen.hashes[i], chosen.handles[i]);
        inserting += TscClock::cycles() - middle;
        erasing += middle - begin;
    }
    const double items = static_cast<double>(state.iterations()) * count;
    state.counters["erase_cycles"] = static_cast<double>(erasing) / items;
    state.counters["insert_cycles"] = static_cast<double>(inserting) / items;
    if (!ok) state.SkipWithError("an entry was lost");
}
void erase_and_insert_cold(benchmark::State& state) {
    erase_and_insert(state, static_cast<uint32_t>(state.range(0)));
}
void erase_and_insert_hot(benchmark::State& state) {
    erase_and_insert(state, kHot);
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
void add_size(int64_t n) {
    benchmark::RegisterBenchmark("hit_in_bursts", hit_in_bursts)->Arg(n);
    benchmark::RegisterBenchmark("hit_in_bursts_hot", hit_in_bursts_hot)->Arg(n);
    benchmark::RegisterBenchmark("miss_in_bursts", miss_in_bursts)->Arg(n);
    benchmark::RegisterBenchmark("hit_one_by_one", hit_one_by_one)->Arg(n);
    benchmark::RegisterBenchmark("erase_and_insert", erase_and_insert_cold)->Arg(n);
    benchmark::RegisterBenchmark("erase_and_insert_hot", erase_and_insert_hot)->Arg(n);
}

}  // namespace
}  // namespace synfin::net

int main(int argc, char** argv) {
    const auto largest = [](const char* argument) { return std::string_view(argument) == "--largest"; };
    const bool all = std::any_of(argv + 1, argv + argc, largest);
    argc = static_cast<int>(std::remove_if(argv + 1, argv + argc, largest) - argv);
    for (const int64_t n : {1'000, 16'000, 128'000, 1'000'000, 16'000'000}) synfin::net::add_size(n);
    if (all) synfin::net::add_size(100'000'000);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
