/// Row 37 of the conformance list: the source port that an active open takes brings the answers back to the
/// queue of the engine that sent, for every RSS key, redirection table and queue.
#include <gtest/gtest.h>

#include "base/random.hh"
#include "buf/memory_port.hh"
#include "port/toeplitz.hh"
#include "stack/engine.hh"

namespace synfin::port {
namespace {

/// Plain memory behind a NIC's RSS: this queue gets what key and table send to it.
struct RssPort : buf::MemoryPort {
    RssPort(const buf::PortCaps& caps, Bytes key, std::vector<uint16_t> reta, uint16_t queue)
        : MemoryPort(caps, 64), prediction(key, std::move(reta)), mine(queue) {}
    bool owns(Ipv4 local, uint16_t local_port, Ipv4 remote, uint16_t remote_port) const noexcept {
        return prediction.queue({remote.value, local.value, remote_port, local_port}) == mine;
    }
    RssPrediction prediction;
    uint16_t mine;
};

/// The hash as the specification words it, a bit at a time: for each bit of the input that is set, the 32
/// bits of the key that begin at that place.
uint32_t bit_serial(const std::vector<uint8_t>& key, const std::vector<uint8_t>& input) {
    uint32_t hash = 0;
    for (size_t bit = 0; bit < input.size() * 8; ++bit) {
        if ((input[bit / 8] >> (7 - bit % 8) & 1) == 0) continue;
        uint32_t window = 0;
        for (size_t i = bit; i < bit + 32; ++i) window = window << 1 | (key[i / 8] >> (7 - i % 8) & 1u);
        hash ^= window;
    }
    return hash;
}

TEST(ReturnPath, TheAnswerComesToTheQueueThatAsked) {
    RecordProperty("row", 37);
    RecordProperty("clause", "project choice: steering by RSS; Microsoft RSS, Toeplitz");
    RecordProperty("function", "port::RssPrediction");
    Random random(37);
    for (int round = 0; round < 60; ++round) {
        std::vector<uint8_t> key(round % 2 == 0 ? 40 : 52);
        for (auto& byte : key) byte = static_cast<uint8_t>(random.next());
        std::vector<uint16_t> reta(round % 3 == 0 ? 512 : 128);
        const uint16_t queues = static_cast<uint16_t>(2 + random.below(7));
        for (size_t i = 0; i < reta.size(); ++i)  // every queue has an entry, whatever chance gives
            reta[i] = static_cast<uint16_t>(i < queues ? i : random.below(queues));
        for (uint16_t queue = 0; queue < queues; ++queue) {
            buf::PortCaps caps;
            caps.ethernet = false;
            RssPort port(caps, key, reta, queue);
            stack::StackConfig config;
            config.addresses = {{Ipv4{0x0a000001}, 8}};
            config.max_connections = 64;
            config.max_half_open = 16;
            config.max_time_wait = 16;
            config.seed = static_cast<uint64_t>(round) + 1;
            stack::PortEngine<RssPort> engine(config, port, HashKey{random.next(), random.next()});
            for (int i = 0; i < 32; ++i) {
                const Endpoint peer{Ipv4{0x0a000100u + random.below(1u << 16)},
                                    static_cast<uint16_t>(1 + random.below(65535))};
                engine.begin(Instant::from_ns(1'000'000'000));
                ASSERT_TRUE(engine.connect(peer, {}));
                while (engine.next_event() != nullptr) {
                }
                engine.end();
                const auto syn = port.take();
                ASSERT_TRUE(syn.has_value());
                // The answer's tuple: the SYN's with its ends exchanged.
                std::vector<uint8_t> answer;  // addresses and ports, the other way round
                for (const size_t at : {16u, 17u, 18u, 19u, 12u, 13u, 14u, 15u, 22u, 23u, 20u, 21u})
                    answer.push_back((*syn)[at]);
                ASSERT_EQ(reta[bit_serial(key, answer) % reta.size()], queue);
            }
        }
    }
}

}  // namespace
}  // namespace synfin::port
