/// Ten thousand connections over a wire that loses, repeats and reorders one packet in a hundred each, and
/// worse wires. SYNFIN_SEED=n runs only that one, with SYNFIN_LOSS parts per million (default 10000) and
/// SYNFIN_FAMILY=6 with IPv6, and prints it.
#include <gtest/gtest.h>

#include <cstdlib>

#include "life.hh"

namespace synfin::simulation {
namespace {

constexpr Faults kOnePercent{.loss = 10'000, .duplicate = 10'000, .reorder = 10'000, .corrupt = 1'000};

struct Batch {
    const char* name;
    uint64_t first;
    uint64_t count;
    Faults faults;
    fakes::Family family = fakes::Family::v4;
};

class Lives : public testing::TestWithParam<Batch> {};

TEST_P(Lives, EndAsPromised) {
    testing::Test::RecordProperty("row", 76);
    testing::Test::RecordProperty("clause", "9293-3.3.2, 3.6");
    testing::Test::RecordProperty("function", "stack::Engine");
    testing::Test::RecordProperty("family", GetParam().family == fakes::Family::v6 ? "6" : "4");
    if (std::getenv("SYNFIN_SEED") != nullptr) GTEST_SKIP() << "one life is asked for";
    const Batch& batch = GetParam();
    unsigned failures = 0;
    for (uint64_t seed = batch.first; seed < batch.first + batch.count && failures < 3; ++seed) {
        const auto result = live(seed, batch.faults, batch.family);
        if (result.failure.empty()) continue;
        ++failures;
        ADD_FAILURE() << result.failure;
    }
}

std::vector<Batch> batches() {
    std::vector<Batch> out;
    for (uint64_t i = 0; i < 40; ++i) out.push_back({"OnePercent", 1 + i * 250, 250, kOnePercent});
    for (uint64_t i = 0; i < 4; ++i) {
        out.push_back({"FivePercent",
                       5'000'000 + i * 250,
                       250,
                       {.loss = 50'000, .duplicate = 10'000, .reorder = 50'000}});
        out.push_back({"TwentyPercent", 6'000'000 + i * 100, 100, {.loss = 200'000, .reorder = 100'000}});
        out.push_back({"NoLoss", 1'000'000 + i * 250, 250, {}});
        out.push_back({"Reordering", 2'000'000 + i * 250, 250, {.reorder = 300'000}});
        out.push_back({"Duplication", 3'000'000 + i * 250, 250, {.duplicate = 300'000}});
        out.push_back({"Corruption", 4'000'000 + i * 250, 250, {.corrupt = 50'000}});
    }
    // A tenth of them, and one of each kind of wire, with IPv6 in stacks of both families.
    std::vector<Batch> six;
    for (size_t i = 0; i < out.size(); ++i)
        if (i < 40 ? i % 10 == 0 : i < 46) six.push_back(out[i]);
    for (Batch& batch : six) batch.family = fakes::Family::v6;
    out.insert(out.end(), six.begin(), six.end());
    return out;
}

INSTANTIATE_TEST_SUITE_P(, Lives, testing::ValuesIn(batches()), [](const auto& param) {
    return (param.param.family == fakes::Family::v6 ? "Ipv6" : "") + std::string(param.param.name) +
           std::to_string(param.param.first);
});

TEST(OneLife, OfTheSeedThatIsAskedFor) {
    const char* seed = std::getenv("SYNFIN_SEED");
    if (seed == nullptr) GTEST_SKIP() << "SYNFIN_SEED is not set";
    Faults faults = kOnePercent;
    if (const char* loss = std::getenv("SYNFIN_LOSS"))
        faults.loss = static_cast<uint32_t>(std::strtoul(loss, nullptr, 0));
    const auto result = live(std::strtoull(seed, nullptr, 0), faults, fakes::family());
    EXPECT_EQ(result.failure, "");
    std::printf("%s: %lld µs, %llu packets, %llu retransmitted\n", name(result.kind),
                static_cast<long long>(result.duration / 1us),
                static_cast<unsigned long long>(result.packets),
                static_cast<unsigned long long>(result.retransmitted));
}

TEST(Life, FollowsFromItsSeed) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        const auto a = live(seed, kOnePercent), b = live(seed, kOnePercent);
        EXPECT_EQ(a.duration, b.duration);
        EXPECT_EQ(a.packets, b.packets);
        EXPECT_EQ(a.retransmitted, b.retransmitted);
    }
}

}  // namespace
}  // namespace synfin::simulation
