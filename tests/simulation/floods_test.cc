/// Attacks at a million packets a second of virtual time, with clients beside them. The table must equal
/// floods.tsv; SYNFIN_UPDATE=1 rewrites it. docs/attacks/in-memory.md shows it (scripts/check_docs.py
/// --write).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "committed_table.hh"
#include "flood_world.hh"

namespace synfin::simulation {
namespace {

constexpr uint32_t kClientsPerSecond = 2'000;
constexpr Duration kBefore = 50ms, kAfter = 1s;
constexpr uint64_t kQuiet = 10'000;  ///< packets of the run without clients
/// A life takes 6 ms; one that lost no packet ends within this.
constexpr Duration kNormal = 10ms;

struct Phase {
    uint32_t offered = 0, completed = 0;
    Duration slowest{};
};

Phase phase(const FloodWorld& world, Instant from, Instant to) {
    Phase out;
    for (const auto& life : world.lives()) {
        if (life.opened < from || life.opened >= to) continue;
        ++out.offered;
        out.completed += life.is_done;
        if (life.is_over) out.slowest = std::max(out.slowest, life.ended - life.opened);
    }
    return out;
}

/// The most that the server sends for one of the attack's packets, without clients.
uint64_t quiet_run(const Attack& attack) {
    FloodWorld world(attack, 0);
    world.prepare();
    uint64_t most = 0;
    for (uint64_t n = 0; n < kQuiet; ++n) {
        const uint64_t before = world.sent_packets;
        world.send_one();
        most = std::max(most, world.sent_packets - before);
        if (n % 100 == 99) world.run(FloodWorld::kStep, false);
    }
    return most;
}

std::string text(const Use& use) {
    return std::to_string(use.half_open) + "/" + std::to_string(use.open) + "/" +
           std::to_string(use.time_wait);
}

/// The counters of the server, for a run by hand.
void print_counters(const Counters& counters) {
    for (size_t i = 0; i < counters.events.size(); ++i)
        if (counters.events[i] != 0)
            std::fprintf(stderr, "%s=%llu ", name(static_cast<Counter>(i)),
                         static_cast<unsigned long long>(counters.events[i]));
    for (size_t i = 0; i < counters.drops.size(); ++i)
        if (counters.drops[i] != 0)
            std::fprintf(stderr, "drop.%s=%llu ", name(static_cast<DropReason>(i)),
                         static_cast<unsigned long long>(counters.drops[i]));
    std::fprintf(stderr, "\n");
}

/// One line of the table.
std::string row(const Attack& attack) {
    SCOPED_TRACE(attack.name);
    FloodWorld world(attack, kClientsPerSecond);
    world.prepare();
    const Instant start = world.now();
    world.run(kBefore, false);
    const Use before = world.use();
    const uint64_t sent_before = world.sent_packets;
    world.most_in_use = {};
    world.attack_packets = 0;
    const Instant begin = world.now();
    world.run(attack.time, true);
    const Instant end = world.now();
    const Use most = world.most_in_use;
    const uint64_t sent_during = world.sent_packets - sent_before, packets = world.attack_packets;
    world.run(kAfter, false);
    const Use after = world.use();
    const Instant stop = world.now();
    world.stop_clients();
    world.settle(1000s);

    const Phase calm = phase(world, start, begin), during = phase(world, begin, end),
                later = phase(world, end, stop);
    EXPECT_EQ(calm.completed, calm.offered);
    EXPECT_GE(during.completed * 1000, during.offered * 999);
    EXPECT_GE(later.completed * 1000, later.offered * 999);
    EXPECT_LE(later.slowest, kNormal) << "service is not normal after the attack";
    EXPECT_EQ(world.in_use(), "");
    EXPECT_EQ(world.imbalance(), "");
    if (std::getenv("SYNFIN_ATTACK") != nullptr) print_counters(world.counters());

    // Without what the clients get.
    const double own = static_cast<double>(sent_before) * static_cast<double>(attack.time / 1us) /
                       static_cast<double>(kBefore / 1us);
    const double replies = std::max(static_cast<double>(sent_during) - own, 0.0) /
                           static_cast<double>(std::max<uint64_t>(packets, 1));
    char line[500];
    std::snprintf(line, sizeof line, "%s\t%u of %u\t%.1f\t%.2f\t%u\t%s\t%s\t%s\t%u/%u/%u\t%s\n",
                  attack.name.c_str(), during.completed, during.offered,
                  static_cast<double>(during.slowest / 1us) / 1000, replies,
                  static_cast<unsigned>(quiet_run(attack)), text(before).c_str(), text(most).c_str(),
                  text(after).c_str(), most.recoveries, most.blocks, most.packets, attack.why.c_str());
    return line;
}

constexpr const char* kHead =
    "attack\tcompleted\tslowest, ms\treplies per packet\tmost replies\tbefore\tmost\t1 s after\t"
    "recoveries/blocks/packets\twhy\n";

TEST(Floods, AreWhatTheyWere) {
    const std::vector<Attack> all = attacks();
    if (const char* only = std::getenv("SYNFIN_ATTACK")) {
        std::fputs(kHead, stderr);
        for (const Attack& attack : all)
            if (attack.name.find(only) != std::string::npos) std::fputs(row(attack).c_str(), stderr);
        GTEST_SKIP() << "SYNFIN_ATTACK chooses attacks";
    }
    const std::string path = SYNFIN_FLOODS_FILE;
    if (is_set("SYNFIN_UPDATE")) {
        std::string table = kHead;
        for (const Attack& attack : all) table += row(attack);
        std::ofstream(path) << table;
        GTEST_SKIP() << "wrote " << path;
    }
    std::ifstream file(path);
    ASSERT_TRUE(file) << path << " is missing; SYNFIN_UPDATE=1 writes it";
    std::string was;
    std::getline(file, was);
    EXPECT_EQ(was + "\n", kHead);
    for (size_t i = 0; i < all.size(); ++i) {
        std::getline(file, was);
        if (i % SYNFIN_FLOOD_STRIDE != 0) continue;
        EXPECT_EQ(was + "\n", row(all[i])) << "if the change is wanted: SYNFIN_UPDATE=1, "
                                              "scripts/check_docs.py --write, and commit both files";
    }
    EXPECT_FALSE(std::getline(file, was)) << "an attack is gone: " << was;
}

}  // namespace
}  // namespace synfin::simulation
