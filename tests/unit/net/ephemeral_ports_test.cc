#include "net/ephemeral_ports.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/random.hh"

namespace synfin::net {
namespace {

constexpr HashKey kKey{0x0123456789abcdef, 0xfedcba9876543210};

Tuple to(uint32_t remote, uint16_t remote_port = 80, uint32_t local_index = 0) {
    return Tuple{.remote_addr = remote, .remote_port = remote_port, .local_index = local_index};
}

Tuple with_port(Tuple tuple, uint16_t port) {
    tuple.local_port = port;
    return tuple;
}

constexpr auto kAll = [](uint16_t) { return true; };
constexpr auto kNone = [](uint16_t) { return false; };

TEST(EphemeralPorts, GivesEveryPortOnceBeforeAnyAgain) {
    EphemeralPorts ports(1000, 1999, kKey);
    std::set<uint16_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const uint16_t port = ports.choose(to(1), kAll);
        ASSERT_GE(port, 1000);
        ASSERT_LE(port, 1999);
        ASSERT_TRUE(seen.insert(port).second) << "a tuple's rest between two uses is the longest possible";
    }
    EXPECT_TRUE(seen.contains(ports.choose(to(1), kAll)));
}

/// The cache of destination hashes: another destination in the same place must not get the cached hash.
TEST(EphemeralPorts, ADestinationBetweenDoesNotDisturbAnother) {
    EphemeralPorts alone(1000, 59'999, kKey), among(1000, 59'999, kKey);
    for (int i = 0; i < 300; ++i) {
        // These fall into the same place: 256 apart, and with the difference moved into the port.
        among.choose(to(0x0a000101), kAll);
        among.choose(to(0x0a000001, 81, 1), kAll);
        ASSERT_EQ(alone.choose(to(0x0a000001), kAll), among.choose(to(0x0a000001), kAll)) << i;
    }
}

TEST(EphemeralPorts, RangesOfAnySize) {
    struct Range {
        int low, high;
    };
    for (const auto& range :
         {Range{80, 80}, Range{1, 65535}, Range{65535, 65535}, Range{1000, 1062}, Range{1000, 1063},
          Range{1000, 1064}, Range{1, 31}, Range{1, 32}, Range{1, 33}}) {
        const int low = range.low, high = range.high;
        EphemeralPorts ports(static_cast<uint16_t>(low), static_cast<uint16_t>(high), kKey);
        std::vector<bool> used(65536);
        auto is_free = [&](uint16_t port) {
            EXPECT_TRUE(port >= low && port <= high);
            return !used[port];
        };
        for (int i = low; i <= high; ++i) {
            const uint16_t port = ports.choose(to(1), is_free);
            ASSERT_NE(port, 0);
            used[port] = true;
        }
        EXPECT_EQ(ports.choose(to(1), is_free), 0);
        EXPECT_EQ(ports.choose(to(2), kAll) != 0, true);
    }
}

TEST(EphemeralPorts, ExhaustedExactlyWhenEveryPortIsRefusedEachAskedOnce) {
    EphemeralPorts ports(32768, 60999, kKey);
    std::multiset<uint16_t> asked;
    auto refuse = [&](uint16_t port) {
        asked.insert(port);
        return false;
    };
    EXPECT_EQ(ports.choose(to(1), refuse), 0);
    EXPECT_EQ(asked.size(), ports.range());
    EXPECT_EQ(std::set<uint16_t>(asked.begin(), asked.end()).size(), ports.range());
    for (const int only : {32768, 40000, 60999}) {
        ports.note_release();
        EXPECT_EQ(ports.choose(to(1), [&](uint16_t port) { return port == only; }), only);
    }
}

TEST(EphemeralPorts, RepeatedRefusalsAskNobody) {
    EphemeralPorts ports(32768, 60999, kKey);
    EXPECT_EQ(ports.choose(to(1), kNone), 0);
    uint64_t asked = 0;
    auto count = [&](uint16_t) {
        ++asked;
        return true;
    };
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(ports.choose(to(1), count), 0);
    EXPECT_EQ(asked, 0u);
    EXPECT_NE(ports.choose(to(2), count), 0) << "another destination has ports of its own";
    asked = 0;

    ports.note_release(with_port(to(1), 50000));
    EXPECT_EQ(ports.choose(to(1), count), 50000);
    EXPECT_EQ(asked, 1u);
    ports.note_release(with_port(to(3), 50000));
    ports.note_release(with_port(to(1), 80));
    ports.note_release();
    asked = 0;
    EXPECT_NE(ports.choose(to(1), count), 0);
    EXPECT_EQ(asked, 1u);
}

TEST(EphemeralPorts, ReleaseOfAPortTwiceDoesNotHideExhaustion) {
    EphemeralPorts ports(1000, 1999, kKey);
    EXPECT_EQ(ports.choose(to(1), kNone), 0);
    for (int i = 0; i < 5; ++i) ports.note_release(with_port(to(1), 1500));
    EXPECT_EQ(ports.choose(to(1), kNone), 0);
    EXPECT_EQ(ports.choose(to(1), kAll), 0);
}

/// Every connection uses the last free port, as with a generator at its limit.
TEST(EphemeralPorts, NearlyFullStaysCheap) {
    EphemeralPorts ports(32768, 60999, kKey);
    Random random(3);
    std::vector<bool> used(65536);
    uint64_t asked = 0;
    auto is_free = [&](uint16_t port) {
        ++asked;
        return !used[port];
    };
    std::vector<uint16_t> open;
    while (const uint16_t port = ports.choose(to(1), is_free)) {
        used[port] = true;
        open.push_back(port);
    }
    ASSERT_EQ(open.size(), ports.range());
    asked = 0;
    constexpr uint32_t kTurns = 100'000;
    for (uint32_t i = 0; i < kTurns; ++i) {
        uint16_t& gone = open[random.below(ports.range())];
        used[gone] = false;
        ports.note_release(with_port(to(1), gone));
        const uint16_t port = ports.choose(to(1), is_free);
        ASSERT_EQ(port, gone);
        used[port] = true;
        ASSERT_EQ(ports.choose(to(1), is_free), 0);
    }
    EXPECT_LE(asked, 2 * kTurns) << "one that succeeds, one to see that it is taken now";
}

TEST(EphemeralPorts, SteeringThatRefusesMostIsLearnedOnce) {
    EphemeralPorts ports(32768, 60999, kKey);
    uint64_t asked = 0;
    auto one_in_a_hundred = [&](uint16_t port) {
        ++asked;
        return port % 100 == 7;
    };
    std::set<uint16_t> seen;
    for (int i = 0; i < 10'000; ++i) seen.insert(ports.choose(to(1), one_in_a_hundred));
    EXPECT_FALSE(seen.contains(0));
    EXPECT_EQ(seen.size(), 282u) << "each port of ours is reached";
    EXPECT_LE(asked, 10'000u + ports.range() + 100);
}

/// One port in 64 is owned, at a different place in each word: all of these are chosen, is_free is called for
/// no other, and own once for each word.
TEST(EphemeralPorts, OwnPortsAloneAreAskedFor) {
    for (const int range : {1, 63, 64, 65, 1'000, 28'232}) {
        const int low = 32'768 + 17 * (range % 2);
        EphemeralPorts ports(static_cast<uint16_t>(low), static_cast<uint16_t>(low + range - 1), kKey);
        uint64_t steered = 0;
        const auto own = [&](uint16_t base) {
            EXPECT_EQ(base % 64, 0);
            ++steered;
            return uint64_t{1} << (base / 64 * 7 % 64);
        };
        std::set<uint16_t> want, had;
        for (int port = low; port < low + range; ++port)
            if (port % 64 == port / 64 * 7 % 64) want.insert(static_cast<uint16_t>(port));
        const auto is_free = [&](uint16_t port) {
            EXPECT_TRUE(want.contains(port));
            return !had.contains(port);
        };
        while (const uint16_t port = ports.choose(to(1), own, is_free)) had.insert(port);
        EXPECT_EQ(had, want) << "range of " << range;
        steered = 0;
        EXPECT_EQ(ports.choose(to(1), own, is_free), 0);
        EXPECT_EQ(steered, 0u) << "none is none";
        if (want.empty()) continue;
        had.erase(*want.rbegin());
        ports.note_release(with_port(to(1), *want.rbegin()));
        EXPECT_EQ(ports.choose(to(1), own, is_free), *want.rbegin());
    }
}

TEST(EphemeralPorts, StartsElsewhereForEveryDestinationAndKey) {
    // 16 bins of the range, 4096 destinations: 256 expected in each, standard deviation 15.5.
    for (const HashKey key : {kKey, HashKey{1, 2}, HashKey{}}) {
        EphemeralPorts ports(32768, 32768 + 16 * 1024 - 1, key);
        std::vector<int> bins(16);
        for (uint32_t remote = 0; remote < 4096; ++remote)
            ++bins[(ports.choose(to(0x0a000000 + remote), kAll) - 32768u) / 1024];
        for (const int n : bins) {
            EXPECT_GT(n, 256 - 5 * 16);
            EXPECT_LT(n, 256 + 5 * 16);
        }
    }
    std::set<uint16_t> starts;
    for (uint64_t seed = 0; seed < 64; ++seed)
        starts.insert(EphemeralPorts(1024, 65535, HashKey{seed, 0}).choose(to(1), kAll));
    EXPECT_GT(starts.size(), 60u) << "the secret decides";
    EphemeralPorts ports(1024, 65535, kKey);
    EXPECT_NE(ports.choose(to(1, 80, 0), kAll) + 1, ports.choose(to(1, 80, 1), kAll));
    EXPECT_NE(ports.choose(to(1, 81, 0), kAll) + 1, ports.choose(to(1, 80, 0), kAll));
}

TEST(EphemeralPorts, OpensElsewhereDoNotShow) {
    EphemeralPorts alone(1024, 65535, kKey), busy(1024, 65535, kKey);
    const uint16_t first = alone.choose(to(1), kAll);
    EXPECT_EQ(busy.choose(to(1), kAll), first);
    // Some other destinations share the counter's slot, most do not: the sequence of ports shows which.
    int undisturbed = 0;
    uint16_t last = first;
    for (uint32_t remote = 2; remote < 102; ++remote) {
        busy.choose(to(remote), kAll);
        const uint16_t port = busy.choose(to(1), kAll);
        undisturbed += port == last + 1;
        last = port;
    }
    EXPECT_GE(undisturbed, 95);
}

/// Many destinations against a set of tuples in use, with note_release(): never a refused port, 0 only when
/// full.
TEST(EphemeralPorts, AgreesWithASetOfTuplesInUse) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
        Random random(seed);
        const uint32_t range = 1 + random.below(200);
        EphemeralPorts ports(5000, static_cast<uint16_t>(5000 + range - 1), HashKey{seed, 7});
        constexpr uint32_t kDestinations = 400;  // more than the slots: they evict one another
        std::vector<std::set<uint16_t>> used(kDestinations);
        for (int op = 0; op < 100'000; ++op) {
            const uint32_t d = random.below(2) ? random.below(3) : random.below(kDestinations);
            if (random.below(5) < 3) {
                const uint16_t port = ports.choose(to(d), [&](uint16_t p) { return !used[d].contains(p); });
                if (port == 0) {
                    ASSERT_EQ(used[d].size(), range) << seed << ' ' << op;
                } else {
                    ASSERT_TRUE(used[d].insert(port).second) << seed << ' ' << op;
                    ASSERT_TRUE(port >= 5000 && port < 5000 + range);
                }
            } else if (!used[d].empty()) {
                auto gone = used[d].lower_bound(static_cast<uint16_t>(5000 + random.below(range)));
                if (gone == used[d].end()) gone = used[d].begin();
                const uint16_t port = *gone;
                used[d].erase(gone);
                ports.note_release(with_port(to(d), port));
            } else if (random.below(1000) == 0) {
                ports.note_release();
            }
        }
    }
}

}  // namespace
}  // namespace synfin::net
