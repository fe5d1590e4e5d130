#include "net/neighbours.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/random.hh"

namespace synfin::net {
namespace {

constexpr Ipv4 kGateway{0x0a000001};
constexpr Ipv4 kOther{0x0a000002};

Mac mac_of(uint32_t n) {
    return Mac{{0x02, 0, static_cast<uint8_t>(n >> 24), static_cast<uint8_t>(n >> 16),
                static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)}};
}

struct Request {
    Ipv4 target;
    std::optional<Mac> to;
    bool operator==(const Request&) const = default;
};
using Requests = std::vector<Request>;

/// There is always room.
bool always() {
    return true;
}

/// A cache with a clock, and a record of poll()'s requests to the engine.
struct Lan {
    explicit Lan(const NeighbourConfig& config = {}) : cache(config) {}

    const Mac* lookup(Ipv4 addr) { return cache.lookup(addr, now); }
    bool hold(Ipv4 addr, int& packet) { return cache.hold(addr, &packet); }
    /// A reply to us, and any other ARP packet.
    Heard answer(Ipv4 addr, Mac mac) { return cache.learn(addr, mac, now, true, true); }
    Heard say(Ipv4 addr, Mac mac, bool for_us = false) { return cache.learn(addr, mac, now, for_us, false); }
    /// A neighbour that has answered.
    void know(Ipv4 addr, Mac mac) {
        lookup(addr);
        poll();
        ASSERT_EQ(answer(addr, mac), Heard::taken);
        poll();
    }
    Requests poll() {
        Requests requests;
        cache.poll(
            now, [&] { return room; },
            [&](Ipv4 target, std::optional<Mac> to) {
                requests.push_back({target, to});
            },
            [&](void* packet, Mac mac) { ready.emplace_back(packet, mac); },
            [&](Ipv4 addr, void* packet) { failed.emplace_back(addr, packet); });
        return requests;
    }
    Requests poll_after(Duration d) {
        now += d;
        return poll();
    }

    Instant now = Instant::from_ns(1'000'000'000);
    Neighbours cache;
    bool room = true;
    std::vector<std::pair<void*, Mac>> ready;
    std::vector<std::pair<Ipv4, void*>> failed;
};

/// LocalAddresses::next_hop returns 0.0.0.0 for "no route".
TEST(Neighbours, NobodyIsAskedForNoNextHop) {
    Lan lan;
    EXPECT_EQ(lan.lookup(Ipv4{}), nullptr);
    EXPECT_TRUE(lan.poll().empty());
    EXPECT_EQ(lan.cache.size(), 0u);
}

TEST(Neighbours, AsksAtOnceAndGivesTheAnswer) {
    Lan lan;
    EXPECT_EQ(lan.cache.next_deadline(), std::nullopt);
    EXPECT_TRUE(lan.poll().empty());
    EXPECT_EQ(lan.lookup(kGateway), nullptr);
    EXPECT_EQ(lan.lookup(kGateway), nullptr);
    EXPECT_EQ(lan.cache.next_deadline(), lan.now);
    EXPECT_EQ(lan.poll(), (Requests{{kGateway, std::nullopt}}));
    EXPECT_TRUE(lan.poll().empty());
    EXPECT_EQ(lan.cache.next_deadline(), lan.now + 1s);
    lan.answer(kGateway, mac_of(1));
    ASSERT_NE(lan.lookup(kGateway), nullptr);
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
    EXPECT_TRUE(lan.poll_after(20s).empty());
    EXPECT_EQ(lan.cache.next_deadline(), std::nullopt);
    EXPECT_EQ(lan.cache.counters().resolved, 1u);
}

TEST(Neighbours, WhatFindsNoRoomStaysDue) {
    Lan lan({.max_attempts = 1});
    int packet;
    lan.room = false;
    lan.lookup(kGateway);
    lan.hold(kGateway, packet);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(lan.poll_after(10s).empty()) << "no attempt, no failure";
    EXPECT_LE(lan.cache.next_deadline(), lan.now);
    lan.room = true;
    EXPECT_EQ(lan.poll(), (Requests{{kGateway, std::nullopt}}));
    lan.answer(kGateway, mac_of(1));
    lan.room = false;
    EXPECT_TRUE(lan.poll().empty());
    EXPECT_TRUE(lan.ready.empty());
    lan.room = true;
    EXPECT_TRUE(lan.poll().empty());
    EXPECT_EQ(lan.ready.size(), 1u);
}

TEST(Neighbours, HeldPacketsFollowTheAnswerInOrder) {
    Lan lan;
    int packets[5];
    lan.lookup(kGateway);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(lan.hold(kGateway, packets[i]));
    EXPECT_FALSE(lan.hold(kGateway, packets[4])) << "the oldest are kept";
    EXPECT_FALSE(lan.hold(kOther, packets[4])) << "nobody asked for this one";
    EXPECT_EQ(lan.cache.held(), 4u);
    lan.poll();
    lan.answer(kGateway, mac_of(1));
    EXPECT_EQ(lan.cache.next_deadline(), lan.now);
    EXPECT_TRUE(lan.poll().empty());
    ASSERT_EQ(lan.ready.size(), 4u);
    for (size_t i = 0; i < 4; ++i)
        EXPECT_EQ(lan.ready[i], std::pair(static_cast<void*>(&packets[i]), mac_of(1)));
    EXPECT_EQ(lan.cache.held(), 0u);
    EXPECT_EQ(lan.cache.counters().hold_refused, 2u);
    EXPECT_EQ(lan.cache.next_deadline(), std::nullopt);
}

TEST(Neighbours, AllNeighboursTogetherHoldOnlySoManyPackets) {
    NeighbourConfig config;
    config.most_held = 6;
    Lan lan(config);
    int packets[8];
    lan.lookup(kGateway);
    lan.lookup(kOther);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(lan.hold(kGateway, packets[i]));
    for (int i = 4; i < 6; ++i) EXPECT_TRUE(lan.hold(kOther, packets[i]));
    EXPECT_FALSE(lan.hold(kOther, packets[6]));
    EXPECT_EQ(lan.cache.held(), 6u);
    lan.poll();
    lan.answer(kGateway, mac_of(1));
    lan.poll();
    EXPECT_EQ(lan.cache.held(), 2u);
    EXPECT_TRUE(lan.hold(kOther, packets[6])) << "four have been sent";
    lan.cache.for_each_held([](void*) {});
    EXPECT_EQ(lan.cache.held(), 0u);
}

TEST(Neighbours, FailsAfterThreeRequestsAndHoldsDown) {
    Lan lan;
    int packet;
    lan.lookup(kGateway);
    lan.hold(kGateway, packet);
    EXPECT_EQ(lan.poll().size(), 1u);
    EXPECT_EQ(lan.poll_after(999ms).size(), 0u);
    EXPECT_EQ(lan.poll_after(1ms).size(), 1u);
    EXPECT_EQ(lan.poll_after(1s).size(), 1u);
    EXPECT_FALSE(lan.cache.is_failed(kGateway));
    EXPECT_TRUE(lan.failed.empty());
    EXPECT_EQ(lan.poll_after(1s).size(), 0u);
    ASSERT_EQ(lan.failed.size(), 2u);
    EXPECT_EQ(lan.failed[0], std::pair(kGateway, static_cast<void*>(&packet)));
    EXPECT_EQ(lan.failed[1], std::pair(kGateway, static_cast<void*>(nullptr)));
    EXPECT_EQ(lan.cache.counters().failed, 1u);
    EXPECT_EQ(lan.cache.counters().requests, 3u);

    EXPECT_TRUE(lan.cache.is_failed(kGateway));
    EXPECT_EQ(lan.lookup(kGateway), nullptr);
    EXPECT_FALSE(lan.hold(kGateway, packet));
    EXPECT_TRUE(lan.poll_after(999ms).empty());
    EXPECT_EQ(lan.lookup(kGateway), nullptr);
    EXPECT_TRUE(lan.poll().empty()) << "held down";
    lan.now += 1ms;
    EXPECT_EQ(lan.lookup(kGateway), nullptr);
    EXPECT_EQ(lan.poll().size(), 1u);
    lan.answer(kGateway, mac_of(1));
    EXPECT_NE(lan.lookup(kGateway), nullptr);
}

TEST(Neighbours, AFailedNeighbourThatSpeaksIsBack) {
    Lan lan({.max_attempts = 1});
    lan.lookup(kGateway);
    lan.poll();
    lan.poll_after(1s);
    ASSERT_TRUE(lan.cache.is_failed(kGateway));
    lan.answer(kGateway, mac_of(3));
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(3));
}

TEST(Neighbours, StaleIsUsedWhileItIsAskedForAgain) {
    Lan lan;
    lan.lookup(kGateway);
    lan.poll();
    lan.answer(kGateway, mac_of(1));
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    EXPECT_TRUE(lan.poll_after(30s - 1ns).empty());
    lan.lookup(kGateway);
    EXPECT_TRUE(lan.poll_after(1ns).empty()) << "not in use, not asked";
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
    EXPECT_EQ(lan.poll(), (Requests{{kGateway, mac_of(1)}})) << "first to itself";
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
    EXPECT_EQ(lan.poll_after(1s), (Requests{{kGateway, std::nullopt}}));
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
    lan.answer(kGateway, mac_of(2));
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(2)) << "another card answers now";
    EXPECT_TRUE(lan.poll_after(10s).empty());
    EXPECT_TRUE(lan.failed.empty());
}

TEST(Neighbours, ShortBeliefDoesNotShortenTheDistanceOfRequests) {
    Lan lan({.reachable = 100ms});
    lan.lookup(kGateway);
    EXPECT_EQ(lan.poll().size(), 1u);
    lan.answer(kGateway, mac_of(1));
    lan.now += 100ms;
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    EXPECT_EQ(lan.poll(), (Requests{{kGateway, mac_of(1)}})) << "asked alone, which disturbs nobody else";
    EXPECT_TRUE(lan.poll_after(899ms).empty());
    EXPECT_EQ(lan.poll_after(1ms), (Requests{{kGateway, std::nullopt}}));
    lan.answer(kGateway, mac_of(1));
    lan.now += 99ms;
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    lan.now += 1ms;
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    EXPECT_EQ(lan.poll().size(), 1u);
    lan.answer(kGateway, mac_of(1));
    lan.now += 100ms;
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    EXPECT_TRUE(lan.poll_after(899ms).empty());
    EXPECT_EQ(lan.poll_after(1ms).size(), 1u);
}

TEST(Neighbours, StaleFailsWhenNobodyAnswers) {
    Lan lan;
    lan.know(kGateway, mac_of(1));
    lan.now += 31s;
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(lan.poll_after(1s).size(), 1u);
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    lan.poll_after(1s);
    EXPECT_EQ(lan.failed.size(), 1u);
    EXPECT_EQ(lan.lookup(kGateway), nullptr);
    EXPECT_TRUE(lan.cache.is_failed(kGateway));
}

/// The first, unsolicited claim of a neighbour is used, and probed on first use.
TEST(Neighbours, MergesAsRfc826Says) {
    Lan lan;
    EXPECT_EQ(lan.say(kGateway, mac_of(1), false), Heard::ignored);
    EXPECT_EQ(lan.cache.size(), 0u) << "not for us: no new entry";
    EXPECT_EQ(lan.say(kGateway, mac_of(1), true), Heard::taken);
    EXPECT_TRUE(lan.poll().empty()) << "not in use, not asked";
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
    EXPECT_EQ(lan.poll(), (Requests{{kGateway, mac_of(1)}}));
    EXPECT_EQ(lan.answer(kGateway, mac_of(1)), Heard::taken);
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    EXPECT_TRUE(lan.poll_after(10s).empty());
}

/// Another host's claim changes nothing while the known MAC answers.
TEST(Neighbours, AClaimThatNobodyAskedForIsAHint) {
    for (const bool for_us : {false, true}) {
        for (const bool is_reply : {false, true}) {
            Lan lan;
            lan.know(kGateway, mac_of(1));
            lan.now += 10s;
            EXPECT_EQ(lan.cache.learn(kGateway, mac_of(9), lan.now, for_us, is_reply), Heard::hint);
            EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
            EXPECT_EQ(lan.poll(), (Requests{{kGateway, mac_of(1)}})) << "at once, and only the known one";
            EXPECT_EQ(lan.cache.learn(kGateway, mac_of(9), lan.now, for_us, is_reply), Heard::hint)
                << "no answer to a question that went to another";
            EXPECT_EQ(lan.answer(kGateway, mac_of(1)), Heard::taken);
            EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
            EXPECT_TRUE(lan.poll_after(29s).empty());
        }
    }
}

/// VRRP: the new master announces itself; the old one no longer answers for the address.
TEST(Neighbours, AFailoverIsFollowedWithinASecond) {
    Lan lan;
    lan.know(kGateway, mac_of(1));
    lan.now += 10s;
    EXPECT_EQ(lan.say(kGateway, mac_of(2)), Heard::hint);
    EXPECT_EQ(lan.poll(), (Requests{{kGateway, mac_of(1)}}));
    EXPECT_TRUE(lan.poll_after(499ms).empty());
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
    EXPECT_EQ(lan.poll_after(1ms), (Requests{{kGateway, std::nullopt}}));
    EXPECT_EQ(lan.answer(kGateway, mac_of(2)), Heard::taken);
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(2));
    EXPECT_TRUE(lan.poll_after(29s).empty());
}

/// Two answers to one request: one of them is forged. The first is probed; if it is silent, the request is
/// repeated.
TEST(Neighbours, AForgedReplyCostsNoMoreThanASecond) {
    Lan lan;
    int packet;
    lan.lookup(kGateway);
    lan.hold(kGateway, packet);
    lan.poll();
    EXPECT_EQ(lan.answer(kGateway, mac_of(9)), Heard::taken) << "forged, and faster";
    EXPECT_EQ(lan.answer(kGateway, mac_of(1)), Heard::hint) << "before the packet has left";
    EXPECT_TRUE(lan.poll().empty());
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(9));
    EXPECT_EQ(lan.poll(), (Requests{{kGateway, mac_of(9)}}));
    EXPECT_EQ(lan.poll_after(1s), (Requests{{kGateway, std::nullopt}}));
    EXPECT_EQ(lan.answer(kGateway, mac_of(1)), Heard::taken);
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
}

/// An attacker sends a thousand hints a second: one probe each second, and no more.
TEST(Neighbours, ProbesForHintsAreLimited) {
    Lan lan;
    lan.know(kGateway, mac_of(1));
    lan.now += 10s;
    uint32_t probes = 0;
    for (uint32_t i = 0; i < 10'000; ++i) {
        lan.now += 1ms;
        EXPECT_EQ(lan.say(kGateway, mac_of(100 + i)), Heard::hint);
        for (const Request& request : lan.poll()) {
            EXPECT_EQ(request.to, mac_of(1));
            ++probes;
            lan.answer(kGateway, mac_of(1));
        }
        ASSERT_EQ(*lan.lookup(kGateway), mac_of(1));
    }
    EXPECT_EQ(probes, 10u);
}

TEST(Neighbours, APinnedNeighbourIsNeverAskedForChangedOrEvicted) {
    Lan lan({.capacity = 4});
    lan.cache.pin(kGateway, mac_of(1));
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
    EXPECT_EQ(lan.answer(kGateway, mac_of(2)), Heard::refused);
    EXPECT_EQ(lan.say(kGateway, mac_of(2)), Heard::refused);
    EXPECT_EQ(lan.answer(kGateway, mac_of(1)), Heard::taken);
    for (uint32_t i = 0; i < 100; ++i) {
        lan.say(Ipv4{0x0b000000 + i}, mac_of(i), true);
        lan.lookup(Ipv4{0x0c000000 + i});
        lan.poll_after(100s);
        ASSERT_EQ(*lan.lookup(kGateway), mac_of(1));
    }
    EXPECT_GT(lan.cache.counters().evicted, 0u);
    for (const Request& request : lan.poll()) EXPECT_NE(request.target, kGateway);
}

/// Unanswered requests occupy a full table for a second each; hosts that ask for us are still learned.
TEST(Neighbours, AFloodOfQuestionsLeavesRoomForNewHosts) {
    Lan lan({.capacity = 1024});
    uint32_t learned = 0, answered = 0;
    for (uint32_t i = 0; i < 40'000; ++i) {  // 800 made-up neighbours a second
        lan.now += 1250us;
        lan.lookup(Ipv4{0x0b000000 + i});
        lan.poll();
        if (i % 100 != 0) continue;
        const Ipv4 host{0x0c000000 + i};
        learned += lan.say(host, mac_of(i), true) == Heard::taken ? 1 : 0;
        answered += lan.lookup(host) != nullptr ? 1 : 0;
    }
    EXPECT_EQ(learned, 400u);
    EXPECT_EQ(answered, 400u);
}

TEST(Neighbours, IgnoresWhoCannotBeANeighbour) {
    Lan lan;
    lan.say(Ipv4{0}, mac_of(1), true);  // RFC 5227 2.1.1: a probe
    lan.say(Ipv4{0xffffffff}, mac_of(1), true);
    lan.say(Ipv4{0xe0000001}, mac_of(1), true);
    lan.say(kGateway, Mac::broadcast(), true);
    lan.say(kGateway, Mac{{0x01, 0, 0x5e, 0, 0, 1}}, true);
    EXPECT_EQ(lan.cache.size(), 0u);
    lan.say(kGateway, mac_of(1), true);
    lan.say(kGateway, Mac::broadcast(), true);
    EXPECT_EQ(*lan.lookup(kGateway), mac_of(1));
}

TEST(Neighbours, FullTableEvictsTheIdleButNeverTheAsking) {
    Lan lan({.capacity = 8});
    for (uint32_t i = 0; i < 8; ++i) lan.know(Ipv4{100 + i}, mac_of(i));
    lan.now += 29s;
    for (uint32_t i = 0; i < 8; ++i) {
        if (i != 5) {
            EXPECT_NE(lan.lookup(Ipv4{100 + i}), nullptr);
        }
        lan.say(Ipv4{100 + i}, mac_of(i), false);
    }
    lan.poll();
    lan.say(Ipv4{200}, mac_of(200), true);
    EXPECT_EQ(lan.cache.counters().table_full, 1u) << "nobody has been idle for long enough to a stranger";
    EXPECT_EQ(lan.lookup(Ipv4{201}), nullptr) << "our own question evicts the one idle longest";
    EXPECT_EQ(lan.poll(), (Requests{{Ipv4{201}, std::nullopt}}));
    EXPECT_EQ(lan.cache.counters().evicted, 1u);
    for (uint32_t i = 0; i < 8; ++i) {
        EXPECT_EQ(lan.cache.lookup(Ipv4{100 + i}, lan.now) != nullptr, i != 5) << i;
    }

    Lan asking({.capacity = 4});
    int packets[4];
    for (uint32_t i = 0; i < 4; ++i) {
        asking.lookup(Ipv4{100 + i});
        EXPECT_TRUE(asking.hold(Ipv4{100 + i}, packets[i]));
    }
    EXPECT_EQ(asking.lookup(Ipv4{200}), nullptr);
    EXPECT_FALSE(asking.hold(Ipv4{200}, packets[0]));
    EXPECT_EQ(asking.cache.counters().table_full, 1u);
    EXPECT_EQ(asking.cache.held(), 4u);
}

TEST(Neighbours, AFloodOfStrangersDoesNotPushOutTheGateway) {
    Lan lan({.capacity = 16});
    lan.know(kGateway, mac_of(1));
    for (uint32_t i = 0; i < 100'000; ++i) {
        lan.now += 1ms;
        ASSERT_NE(lan.lookup(kGateway), nullptr);
        lan.poll();
        if (i % 1000 == 0) lan.say(kGateway, mac_of(1));
        lan.say(Ipv4{0x0b000000 + i}, mac_of(i), true);
    }
    EXPECT_EQ(lan.cache.size(), 16u);
}

/// SYNs from unused on-link addresses: each answer needs an ARP request.
TEST(Neighbours, AFloodOfQuestionsDoesNotPushOutTheGateway) {
    Lan lan({.capacity = 16});
    lan.know(kGateway, mac_of(1));
    for (uint32_t i = 0; i < 20'000; ++i) {
        lan.now += 1ms;
        ASSERT_NE(lan.lookup(kGateway), nullptr) << i;
        for (const Request& asked : lan.poll())
            if (asked.target == kGateway) lan.answer(kGateway, mac_of(1));
        lan.lookup(Ipv4{0x0b000000 + i});
    }
    EXPECT_GT(lan.cache.counters().evicted, 0u) << "of those who did not answer";
}

/// All entries are in use, and all hosts answer: each is asked for again, none is refused.
TEST(Neighbours, MoreNeighboursThanEntriesTakeTurns) {
    Lan lan({.capacity = 16});
    for (uint32_t i = 0; i < 2000; ++i) {
        lan.now += 200ms;  // five are asked for in a second, in which they may not give way
        const Ipv4 addr{0x0a000100 + i % 40};
        if (lan.lookup(addr) != nullptr) continue;
        for (const Request& asked : lan.poll()) lan.answer(asked.target, mac_of(1));
        ASSERT_NE(lan.lookup(addr), nullptr) << i;
    }
    EXPECT_EQ(lan.cache.counters().table_full, 0u);
}

TEST(Neighbours, ShutdownGivesUpEveryPacket) {
    Lan lan;
    int packets[3];
    lan.lookup(kGateway);
    lan.lookup(kOther);
    lan.hold(kGateway, packets[0]);
    lan.hold(kGateway, packets[1]);
    lan.hold(kOther, packets[2]);
    lan.answer(kOther, mac_of(2));  // answered, not yet polled
    std::set<void*> got;
    lan.cache.for_each_held([&](void* packet) { got.insert(packet); });
    EXPECT_EQ(got, (std::set<void*>{&packets[0], &packets[1], &packets[2]}));
    EXPECT_EQ(lan.cache.held(), 0u);
    lan.poll();
    EXPECT_TRUE(lan.ready.empty());
}

TEST(Neighbours, TheEngineMayUseTheCacheFromWithinPoll) {
    Neighbours cache({.capacity = 32, .max_attempts = 1});
    Instant now = Instant::from_ns(1'000'000'000);
    int packets[16];
    for (uint32_t i = 0; i < 16; ++i) {
        cache.lookup(Ipv4{100 + i}, now);
        ASSERT_TRUE(cache.hold(Ipv4{100 + i}, &packets[i]));
    }
    std::set<uint32_t> asked;
    auto request = [&](Ipv4 target, std::optional<Mac>) {
        asked.insert(target.value);
        if (target.value < 116) cache.lookup(Ipv4{target.value + 100}, now);  // another question at once
        if (target.value == 100) cache.learn(Ipv4{110}, mac_of(110), now, true, true);  // an answer meanwhile
    };
    std::vector<void*> ready, failed;
    auto on_ready = [&](void* packet, Mac) { ready.push_back(packet); };
    auto on_failed = [&](Ipv4 addr, void* packet) {
        if (packet != nullptr) failed.push_back(packet);
        EXPECT_EQ(cache.lookup(addr, now), nullptr);
        EXPECT_FALSE(cache.hold(addr, packet));
    };
    cache.poll(now, always, request, on_ready, on_failed);
    EXPECT_EQ(ready, std::vector<void*>{&packets[10]});
    EXPECT_EQ(asked.size(), 30u) << "all but the one that answered, and each one's follower";
    now += 1s;
    cache.poll(now, always, request, on_ready, on_failed);
    EXPECT_EQ(failed.size(), 15u);
    EXPECT_EQ(cache.next_deadline(), std::nullopt);
    EXPECT_EQ(cache.held(), 0u);
}

TEST(Neighbours, NothingDueIsMissedWhenAnAnswerReordersTheList) {
    Lan lan;
    for (uint32_t i = 1; i <= 3; ++i) lan.lookup(Ipv4{i});
    std::vector<uint32_t> asked;
    lan.cache.poll(
        lan.now, always,
        [&](Ipv4 target, std::optional<Mac>) {
            asked.push_back(target.value);
            if (target.value == 2) lan.answer(Ipv4{1}, mac_of(1));
        },
        [](void*, Mac) {}, [](Ipv4, void*) {});
    EXPECT_EQ(asked, (std::vector<uint32_t>{1, 2, 3}));
    EXPECT_EQ(lan.cache.next_deadline(), lan.now + 1s);
}

TEST(Neighbours, AnEntryThatServesAnotherAddressNowDoesNotAnswerForTheFormer) {
    Lan lan({.capacity = 1});
    lan.know(kGateway, mac_of(1));
    lan.now += 2s;  // it may be asked again, and give way
    EXPECT_NE(lan.lookup(kGateway), nullptr);
    EXPECT_EQ(lan.lookup(kOther), nullptr);
    lan.answer(kOther, mac_of(2));
    EXPECT_EQ(*lan.lookup(kOther), mac_of(2));
    EXPECT_EQ(lan.lookup(kGateway), nullptr);
}

/// Random traffic with hosts that answer or not: every packet comes back exactly once, requests for one host
/// keep their minimum interval, and lookup() returns only MAC addresses that the host has claimed.
TEST(Neighbours, KeepsItsPromisesUnderRandomTraffic) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        Random random(seed);
        const NeighbourConfig config{.capacity = 24, .key = {seed, ~seed}};
        Neighbours cache(config);
        Instant now = Instant::from_ns(1'000'000'000);
        std::set<std::pair<uint32_t, uint32_t>> said;  // host, and the last bytes of the MACs that it claimed
        std::map<std::pair<uint32_t, bool>, Instant> asked;  // last broadcast (false), last probe (true)
        std::set<uintptr_t> out;                             // packets that the cache holds
        std::vector<uint32_t> questions;
        uintptr_t serial = 0;
        const auto number = [](Mac mac) { return uint32_t{mac.octets[4]} << 8 | mac.octets[5]; };
        auto poll = [&] {
            cache.poll(
                now, always,
                [&](Ipv4 target, std::optional<Mac> to) {
                    const std::pair key(target.value, to.has_value());
                    if (asked.contains(key)) {
                        ASSERT_GE(now - asked[key], 1s) << seed;
                    }
                    asked[key] = now;
                    if (to) {
                        ASSERT_TRUE(said.contains({target.value, number(*to)}));
                    }
                    questions.push_back(target.value);
                },
                [&](void* packet, Mac) { ASSERT_EQ(out.erase(reinterpret_cast<uintptr_t>(packet)), 1u); },
                [&](Ipv4, void* packet) {
                    if (packet != nullptr) {
                        ASSERT_EQ(out.erase(reinterpret_cast<uintptr_t>(packet)), 1u);
                    }
                });
            const auto due = cache.next_deadline();
            ASSERT_TRUE(!due || now < *due);
        };
        for (int op = 0; op < 5000; ++op) {
            const uint32_t host = 1000 + random.below(40);
            switch (random.below(8)) {
                default: {
                    const Mac* mac = cache.lookup(Ipv4{host}, now);
                    if (mac != nullptr) {
                        ASSERT_TRUE(said.contains({host, number(*mac)})) << seed << ' ' << op;
                    } else if (void* packet = reinterpret_cast<void*>(++serial);
                               cache.hold(Ipv4{host}, packet)) {
                        out.insert(serial);
                    }
                    break;
                }
                case 0: now += Duration(random.below(1'200'000'000)); break;
                case 1: {
                    const Mac mac = mac_of(host * 16 + random.below(2));
                    said.insert({host, number(mac)});
                    cache.learn(Ipv4{host}, mac, now, random.below(4) == 0, random.below(2) == 0);
                    break;
                }
                case 2:  // answers arrive
                    for (const uint32_t target : questions)
                        if (target % 3 != 0) {
                            said.insert({target, number(mac_of(target))});
                            cache.learn(Ipv4{target}, mac_of(target), now, true, true);
                        }
                    questions.clear();
                    break;
            }
            if (random.below(2)) poll();
            ASSERT_EQ(cache.held(), out.size()) << seed << ' ' << op;
        }
        for (int i = 0; i < 10; ++i) {
            now += 1s;
            poll();
        }
        EXPECT_TRUE(out.empty());
        EXPECT_EQ(cache.next_deadline(), std::nullopt);
        EXPECT_GT(cache.counters().evicted, 0u);
        EXPECT_GT(cache.counters().failed, 0u);
    }
}

}  // namespace
}  // namespace synfin::net
