/// The source port of an active open over IPv4 or IPv6, for any device: 1 to 64 queues, any key, any
/// redirection table. What is chosen comes back to the queue that chose; every port that does is found; none
/// that does not is.
#include <gtest/gtest.h>

#include <set>

#include "net/ephemeral_ports.hh"
#include "rss.hh"

namespace synfin::port {
namespace {

using test::Rss;

constexpr size_t kTableSizes[] = {64, 128, 256, 512};

/// For each number of queues a device with each size of table, keys of both usual lengths, random and
/// sparse.
template <typename Flow, typename Try>
void for_each_device(Random& random, Try&& attempt) {
    for (uint16_t queues = 1; queues <= 64; ++queues) {
        for (const size_t size : kTableSizes) {
            const size_t bytes = random.below(2) == 0 ? 40 : 52;
            const bool in_turn = random.below(2) == 0;
            SCOPED_TRACE(testing::Message() << queues << " queues, table of " << size);
            for (const bool sparse : {false, true}) {
                const Rss rss{sparse ? test::sparse_key<Flow>(bytes) : test::random_key(random, bytes),
                              test::redirection_table(random, size, queues, in_turn), queues};
                attempt(rss);
                if (testing::Test::HasFatalFailure()) return;
            }
        }
    }
}

template <typename Flow>
class PortChoice : public testing::Test {};
TYPED_TEST_SUITE(PortChoice, test::Families, test::FamilyName);

TYPED_TEST(PortChoice, PredictionIsTheDevicesOwnQueue) {
    Random random(64);
    for_each_device<TypeParam>(random, [&](const Rss& rss) {
        const BasicRssPrediction<TypeParam> prediction(rss.key, rss.reta);
        for (int i = 0; i < 50; ++i) {
            const auto tuple = test::random_tuple<TypeParam>(random);
            const uint32_t dpdk = test::softrss(rss.key, tuple);
            ASSERT_EQ(prediction.hash(tuple), dpdk);
            ASSERT_EQ(test::bit_serial(rss.key, test::wire_order(tuple)), dpdk);
            ASSERT_EQ(prediction.queue(tuple), rss.queue_of(tuple));
        }
    });
}

/// One queue's ports towards one peer, as its engine asks for them.
template <typename Flow>
class Chooser {
  public:
    Chooser(const BasicRssPrediction<Flow>& prediction, uint16_t queue, const Flow& answer, uint16_t low,
            uint16_t high)
        : prediction_(prediction),
          patterns_(prediction.patterns(queue)),
          answer_(answer),
          ports_(low, high, HashKey{1, queue}) {}

    uint16_t choose() {
        const auto own = [&](uint16_t first) {
            Flow back = answer_;
            back.destination_port = first;
            return prediction_.owned_ports(patterns_, back);
        };
        return ports_.choose(tuple(0), own, [&](uint16_t port) { return !used_.contains(port); });
    }
    void use(uint16_t port) { ASSERT_TRUE(used_.insert(port).second) << "port " << port << " twice"; }
    void release(uint16_t port) {
        used_.erase(port);
        ports_.note_release(tuple(port));
    }
    const std::set<uint16_t>& used() const { return used_; }

  private:
    /// The one peer's address, of either family, is number 1.
    Tuple tuple(uint16_t local_port) const { return {1, answer_.source_port, local_port, 0}; }

    const BasicRssPrediction<Flow>& prediction_;
    std::vector<uint64_t> patterns_;
    Flow answer_;
    net::EphemeralPorts ports_;
    std::set<uint16_t> used_;
};

/// The ports of a range whose answers the device brings to the queue.
template <typename Flow>
std::set<uint16_t> share(const Rss& rss, uint16_t queue, Flow answer, uint16_t low, uint16_t high) {
    std::set<uint16_t> ports;
    for (uint32_t port = low; port <= high; ++port) {
        answer.destination_port = static_cast<uint16_t>(port);
        if (rss.queue_of(answer) == queue) ports.insert(static_cast<uint16_t>(port));
    }
    return ports;
}

/// Takes ports until there is none, and looks that it were all, and no other.
template <typename Flow>
void exhaust(const Rss& rss, Random& random, uint16_t queue, uint16_t low, uint16_t high) {
    const BasicRssPrediction<Flow> prediction(rss.key, rss.reta);
    const auto answer = test::random_tuple<Flow>(random);
    const std::set<uint16_t> want = share(rss, queue, answer, low, high);
    Chooser chooser(prediction, queue, answer, low, high);
    for (uint16_t port; (port = chooser.choose()) != 0;) {
        chooser.use(port);
        ASSERT_LE(chooser.used().size(), want.size());
    }
    ASSERT_EQ(chooser.used(), want);
    ASSERT_EQ(chooser.choose(), 0) << "still none";
    if (want.empty()) return;
    // One that comes free is found, whichever it is, and then there is none again.
    for (int i = 0; i < 3; ++i) {
        const uint16_t freed = *std::next(want.begin(), random.below(static_cast<uint32_t>(want.size())));
        chooser.release(freed);
        ASSERT_EQ(chooser.choose(), freed);
        chooser.use(freed);
        ASSERT_EQ(chooser.choose(), 0);
    }
}

TYPED_TEST(PortChoice, EveryPortOfTheShareAndThenNone) {
    Random random(4096);
    for_each_device<TypeParam>(random, [&](const Rss& rss) {
        // Ranges of any place and size, also shorter than what the queues need to have a port each.
        const auto low = static_cast<uint16_t>(1 + random.below(60'000));
        const auto high = static_cast<uint16_t>(low + random.below(random.below(2) == 0 ? 64 : 1'500));
        exhaust<TypeParam>(rss, random, static_cast<uint16_t>(random.below(rss.queues)), low, high);
    });
}

/// Linux's whole range, and all queues of a device: each port belongs to one of them.
TYPED_TEST(PortChoice, TheQueuesDivideTheRange) {
    Random random(28'232);
    constexpr uint16_t kLow = 32'768, kHigh = 60'999;
    for (const uint16_t queues : {uint16_t{7}, uint16_t{64}}) {
        const Rss rss{test::random_key(random, 40), test::redirection_table(random, 512, queues, true),
                      queues};
        const BasicRssPrediction<TypeParam> prediction(rss.key, rss.reta);
        const auto answer = test::random_tuple<TypeParam>(random);
        std::set<uint16_t> all;
        for (uint16_t queue = 0; queue < queues; ++queue) {
            Chooser chooser(prediction, queue, answer, kLow, kHigh);
            for (uint16_t port; (port = chooser.choose()) != 0;) {
                chooser.use(port);
                TypeParam back = answer;
                back.destination_port = port;
                ASSERT_EQ(rss.queue_of(back), queue);
                ASSERT_TRUE(all.insert(port).second) << "two queues have port " << port;
            }
        }
        EXPECT_EQ(all.size(), kHigh - kLow + 1u) << queues << " queues";
    }
}

/// A key of zeros brings everything to one queue: the others have no port, and say so.
TYPED_TEST(PortChoice, AQueueWithoutPortsSaysSo) {
    Random random(1);
    const Rss rss{std::vector<uint8_t>(40), test::redirection_table(random, 128, 4, true), 4};
    for (uint16_t queue = 0; queue < 4; ++queue) exhaust<TypeParam>(rss, random, queue, 50'000, 51'000);
}

}  // namespace
}  // namespace synfin::port
