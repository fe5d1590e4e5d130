/// Row 37 of the conformance list: the source port that an active open takes brings the answers back to the
/// queue of the engine that sent, for every RSS key, redirection table and queue.
#include <gtest/gtest.h>

#include "base/random.hh"
#include "buf/memory_port.hh"
#include "port/toeplitz.hh"
#include "rss.hh"
#include "stack/queue_engine.hh"

namespace synfin::port {
namespace {

/// Plain memory behind a NIC's RSS: this queue gets what key and table send to it.
struct RssPort : buf::MemoryPort {
    RssPort(const buf::QueueCaps& caps, Bytes key, const std::vector<uint16_t>& reta, uint16_t queue)
        : MemoryPort(caps, 64),
          prediction(key, reta),
          prediction6(key, reta),
          patterns(prediction.patterns(queue)),
          patterns6(prediction6.patterns(queue)) {}
    uint64_t owned_ports(Ipv4 local, uint16_t first, Ipv4 remote, uint16_t remote_port) const noexcept {
        return prediction.owned_ports(patterns, {remote.value, local.value, remote_port, first});
    }
    uint64_t owned_ports(const Ipv6& local, uint16_t first, const Ipv6& remote,
                         uint16_t remote_port) const noexcept {
        return prediction6.owned_ports(patterns6, {remote, local, remote_port, first});
    }
    RssPrediction prediction;
    RssPrediction6 prediction6;
    std::vector<uint64_t> patterns, patterns6;
};

buf::QueueCaps ip_caps() {
    buf::QueueCaps caps;
    caps.ethernet = false;
    return caps;
}

stack::StackConfig small_config(uint64_t seed) {
    stack::StackConfig config;
    config.addresses = {{Ipv4{0x0a000001}, 8}, {*Ipv6::parse("2001:db8::1"), 64}};
    config.max_connections = 64;
    config.max_half_open = 16;
    config.max_time_wait = 16;
    config.seed = seed;
    return config;
}

Endpoint random_peer(Random& random, bool is_v6) {
    const auto port = static_cast<uint16_t>(1 + random.below(65535));
    const uint32_t host = 0x0a000100u + random.below(1u << 16);
    if (!is_v6) return {Ipv4{host}, port};
    Ipv6 peer = *Ipv6::parse("2001:db8::");
    for (size_t i = 8; i < 16; ++i) peer.octets[i] = static_cast<uint8_t>(random.next());
    return {peer, port};
}

/// What RSS hashes of the answer to a SYN: addresses and ports, the other way round.
std::vector<uint8_t> answer_to(const std::vector<uint8_t>& syn) {
    const bool is_v6 = syn[0] >> 4 == 6;
    const auto source = syn.begin() + (is_v6 ? 8 : 12), ports = syn.begin() + (is_v6 ? 40 : 20);
    const ptrdiff_t bytes = is_v6 ? 16 : 4;
    std::vector<uint8_t> answer(source + bytes, source + 2 * bytes);
    answer.insert(answer.end(), source, source + bytes);
    answer.insert(answer.end(), ports + 2, ports + 4);
    answer.insert(answer.end(), ports, ports + 2);
    return answer;
}

TEST(ReturnPath, TheAnswerComesToTheQueueThatAsked) {
    RecordProperty("row", 37);
    RecordProperty("clause", "project choice: steering by RSS; Microsoft RSS, Toeplitz");
    RecordProperty("function", "port::RssPrediction");
    RecordProperty("family", "46");
    Random random(37);
    for (int round = 0; round < 60; ++round) {
        const auto queues = static_cast<uint16_t>(round < 30 ? 2 + random.below(7) : 2 + random.below(63));
        const size_t key_bytes = round % 2 == 0 ? 40 : 52;
        // A sparse key spreads the ports of one family only.
        const bool is_sparse = round % 5 == 0, is_sparse6 = round % 10 == 0;
        const test::Rss rss{!is_sparse   ? test::random_key(random, key_bytes)
                            : is_sparse6 ? test::sparse_key<FlowTuple6>(key_bytes)
                                         : test::sparse_key(key_bytes),
                            test::redirection_table(random, size_t{64} << round % 4, queues, round % 3 == 0),
                            queues};
        for (uint16_t queue = 0; queue < queues; ++queue) {
            RssPort port(ip_caps(), rss.key, rss.reta, queue);
            stack::QueueEngine<RssPort> engine(small_config(static_cast<uint64_t>(round) + 1), port,
                                               HashKey{random.next(), random.next()});
            for (int i = 0; i < 32; ++i) {
                const Endpoint peer = random_peer(random, is_sparse ? is_sparse6 : i % 2 == 1);
                engine.begin(Instant::from_ns(1'000'000'000));
                const auto opened = engine.connections().connect(peer, {});
                ASSERT_TRUE(opened) << peer.text() << ": " << describe(opened.error());
                while (engine.connections().next_event() != nullptr) {
                }
                engine.end();
                const auto syn = port.take();
                ASSERT_TRUE(syn.has_value());
                ASSERT_EQ(rss.reta[test::bit_serial(rss.key, answer_to(*syn)) % rss.reta.size()], queue);
            }
        }
    }
}

/// As many connections to one peer as the queue has ports towards it, then no_port.
TEST(ReturnPath, ConnectsOnEveryPortOfTheShareAndThenRefuses) {
    Random random(38);
    for (const int n : {1, 2, 3, 8, 17, 64}) {
        const auto queues = static_cast<uint16_t>(n);
        const test::Rss rss{test::random_key(random, 40), test::redirection_table(random, 128, queues, true),
                            queues};
        const auto queue = static_cast<uint16_t>(random.below(queues));
        RssPort port(ip_caps(), rss.key, rss.reta, queue);
        stack::StackConfig config = small_config(queues);
        config.port_low = 40'000;
        config.port_high = 41'999;
        config.max_connections = 4'096;
        stack::QueueEngine<RssPort> engine(config, port, HashKey{random.next(), random.next()});
        constexpr Ipv4 kUs{0x0a000001}, kPeer{0x0a000100};
        const Endpoint peer{kPeer, 80};
        uint32_t want = 0;
        for (uint32_t local = config.port_low; local <= config.port_high; ++local)
            want += rss.queue_of({kPeer.value, kUs.value, peer.port, static_cast<uint16_t>(local)}) == queue;
        uint32_t opened = 0;
        Error refusal{};
        for (bool more = true; more; opened += more) {
            engine.begin(Instant::from_ns(1'000'000'000));
            const auto c = engine.connections().connect(peer, {});
            more = static_cast<bool>(c);
            if (!more) refusal = c.error();
            engine.end();
            while (port.take()) {
            }
        }
        EXPECT_EQ(opened, want) << queues << " queues";
        EXPECT_EQ(refusal, Error::no_port);
    }
}

}  // namespace
}  // namespace synfin::port
