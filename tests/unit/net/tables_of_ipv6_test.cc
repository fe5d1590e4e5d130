/// The tables with IPv6 addresses as keys. They share the code of IPv4, whose tests cover every case.

#include <gtest/gtest.h>

#include <vector>

#include "net/ephemeral_ports.hh"
#include "net/neighbours.hh"
#include "net/path_mtus.hh"

namespace synfin::net {
namespace {

constexpr Mac kMac{{2, 0, 0, 0, 0, 1}}, kOtherMac{{2, 0, 0, 0, 0, 2}};

/// 2001:db8::n
Ipv6 host(uint32_t n) {
    Ipv6 out{{0x20, 1, 0xd, 0xb8}};
    for (size_t i = 0; i < 4; ++i) out.octets[15 - i] = static_cast<uint8_t>(n >> 8 * i);
    return out;
}

struct Lan6 {
    std::vector<Ipv6> poll() {
        std::vector<Ipv6> asked;
        cache.poll(
            now, [] { return true; }, [&](Ipv6 target, std::optional<Mac>) { asked.push_back(target); },
            [&](void*, Mac) { ++ready; }, [&](Ipv6, void*) { ++failed; });
        return asked;
    }
    Neighbours6 cache{NeighbourConfig{}};
    Instant now = Instant::from_ns(1'000'000'000);
    unsigned ready = 0, failed = 0;
};

TEST(Neighbours6, AreAskedForKnownAndRefreshed) {
    Lan6 lan;
    int packet = 0;
    EXPECT_EQ(lan.cache.lookup(host(2), lan.now), nullptr);
    EXPECT_TRUE(lan.cache.hold(host(2), &packet));
    EXPECT_EQ(lan.poll(), std::vector{host(2)});
    EXPECT_EQ(lan.cache.learn(host(2), kMac, lan.now, true, true), Heard::taken);
    EXPECT_TRUE(lan.poll().empty());
    EXPECT_EQ(lan.ready, 1u);
    ASSERT_NE(lan.cache.lookup(host(2), lan.now), nullptr);
    EXPECT_EQ(*lan.cache.lookup(host(2), lan.now), kMac);
    EXPECT_EQ(lan.cache.learn(host(2), kOtherMac, lan.now, true, false), Heard::hint) << "nobody asked";
    EXPECT_EQ(*lan.cache.lookup(host(2), lan.now), kMac);
}

/// Addresses that differ in any octet have separate entries.
TEST(Neighbours6, EveryOctetTellsNeighboursApart) {
    Lan6 lan;
    for (size_t i = 0; i < 16; ++i) {
        Ipv6 addr = host(2);
        addr.octets[i] ^= 0x10;
        EXPECT_EQ(lan.cache.lookup(addr, lan.now), nullptr);
        lan.cache.learn(addr, Mac{{2, 0, 0, 0, 1, static_cast<uint8_t>(i)}}, lan.now, true, true);
    }
    for (size_t i = 0; i < 16; ++i) {
        Ipv6 addr = host(2);
        addr.octets[i] ^= 0x10;
        if (addr.is_multicast()) continue;
        ASSERT_NE(lan.cache.lookup(addr, lan.now), nullptr) << i;
        EXPECT_EQ(lan.cache.lookup(addr, lan.now)->octets[5], i);
    }
    EXPECT_EQ(lan.cache.lookup(host(2), lan.now), nullptr);
}

TEST(Neighbours6, OneThatDoesNotAnswerFailsAndThoseThatCannotBeOneAreIgnored) {
    Lan6 lan;
    lan.cache.lookup(host(3), lan.now);
    for (int second = 0; second < 4; ++second) {
        lan.poll();
        lan.now += 1s;
    }
    EXPECT_TRUE(lan.cache.is_failed(host(3)));
    EXPECT_EQ(lan.failed, 1u);
    for (const char* nobody : {"::", "ff02::1", "::1"})
        EXPECT_EQ(lan.cache.learn(*Ipv6::parse(nobody), kMac, lan.now, true, false), Heard::ignored);
    EXPECT_EQ(lan.cache.lookup(Ipv6{}, lan.now), nullptr) << "no route";
    EXPECT_EQ(lan.cache.size(), 1u);
}

TEST(PathMtus6, AreKeptByTheWholeAddress) {
    PathMtus6 paths({1, 2});
    const Instant now = Instant::from_ns(5'000'000'000);
    for (uint32_t i = 0; i < 100; ++i) paths.set(host(i), static_cast<uint16_t>(1280 + i), now);
    for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(paths.find(host(i), now), 1280 + i);
    EXPECT_EQ(paths.find(host(100), now), 0);
    EXPECT_EQ(paths.find(host(1), now + PathMtus6::kLifetime), 0);
}

/// Two peers with equal folds have equal tuples: a port that is refused for one stays usable for the other,
/// and a released port becomes free for the right one.
TEST(EphemeralPorts6, PeersWithOneFoldShareNothing) {
    constexpr uint16_t kLow = 1000, kHigh = 1063;
    EphemeralPorts ports(kLow, kHigh, {1, 2});
    const Tuple folded{.remote_addr = 0x1234'5678, .remote_port = 80, .local_index = 1};
    const auto own = [](uint16_t) noexcept { return ~uint64_t{0}; };
    const auto none = [](uint16_t) noexcept { return false; };
    const auto any = [](uint16_t) noexcept { return true; };
    EXPECT_EQ(ports.choose(folded, host(1), own, none), 0);
    EXPECT_EQ(ports.choose(folded, host(1), own, any), 0) << "it is known that there is none";
    EXPECT_NE(ports.choose(folded, host(2), own, any), 0);
    EXPECT_NE(ports.choose(folded, own, any), 0) << "an IPv4 peer of this number";
    Tuple released = folded;
    released.local_port = 1007;
    ports.note_release(released, host(2));
    EXPECT_EQ(ports.choose(folded, host(1), own, any), 0);
    ports.note_release(released, host(1));
    EXPECT_EQ(ports.choose(folded, host(1), own, any), 1007);
}

/// The hash of a destination is cached, in one place for these: each has its own sequence of ports.
TEST(EphemeralPorts6, DestinationsInOnePlaceOfTheCacheShareNothing) {
    EphemeralPorts ports(1024, 65'535, {3, 4});
    const auto own = [](uint16_t) noexcept { return ~uint64_t{0}; };
    const auto choose = [&](const Ipv6& peer, uint16_t port, uint32_t index) {
        const Tuple tuple{.remote_addr = port ^ index, .remote_port = port, .local_index = index};
        return ports.choose(tuple, peer, own, [](uint16_t) noexcept { return true; });
    };
    const uint16_t starts[] = {choose(host(1), 80, 1), choose(host(2), 80, 1), choose(host(1), 81, 1),
                               choose(host(1), 80, 2)};
    EXPECT_EQ(choose(host(1), 80, 1), starts[0] + 1);
    EXPECT_EQ(choose(host(2), 80, 1), starts[1] + 1);
    EXPECT_EQ(choose(host(1), 81, 1), starts[2] + 1);
    EXPECT_EQ(choose(host(1), 80, 2), starts[3] + 1);
}

/// RFC 6056 3.3.4: ports towards one destination are consecutive, and a secret function of the whole address
/// gives the start.
TEST(EphemeralPorts6, StartElsewhereForEveryOctet) {
    const auto first = [](const Ipv6& peer, uint32_t fold) {
        EphemeralPorts ports(1024, 65'535, {3, 4});
        const Tuple tuple{.remote_addr = fold, .remote_port = 80, .local_index = 1};
        const auto own = [](uint16_t) noexcept { return ~uint64_t{0}; };
        return ports.choose(tuple, peer, own, [](uint16_t) noexcept { return true; });
    };
    const uint16_t start = first(host(1), 7);
    EXPECT_EQ(first(host(1), 8), start) << "the fold does not count";
    for (size_t i = 0; i < 16; ++i) {
        Ipv6 other = host(1);
        other.octets[i] ^= 1;
        EXPECT_NE(first(other, 7), start) << i;
    }
}

}  // namespace
}  // namespace synfin::net
