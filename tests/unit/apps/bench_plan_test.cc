/// What a bench's options come to: connections, tuples, sizes of pools.
#include "traffic/bench_plan.hh"

#include <gtest/gtest.h>

#include <set>

#include "config/user_error.hh"

namespace synfin::app {
namespace {

using Profile = BenchConfig::Profile;

Config with(Profile profile, std::optional<uint64_t> connections = {}) {
    Config config;
    config.bench.profile = profile;
    config.bench.connections = connections;
    return config;
}

std::string refusal(const Config& config) {
    try {
        validate_bench(config);
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        return error.what();
    }
    return {};
}

/// Those servers send a response in one call; HTTP's sends it in as many as it takes.
TEST(BenchPlan, AResponseFitsTheSendBuffer) {
    for (const Profile profile : {Profile::crr, Profile::rr}) {
        Config config = with(profile);
        config.bench.response_size = config.tcp.send_buffer_bytes;
        EXPECT_EQ(refusal(config), "");
        ++config.bench.response_size;
        EXPECT_EQ(refusal(config), "--response-size: 16777217 bytes are more than tcp.send-buffer, 16777216");
        config.tcp.send_buffer_bytes = 1u << 26;
        EXPECT_EQ(refusal(config), "");
        EXPECT_EQ(bench_stack(config, false).tcp.send_buffer_start_bytes, config.bench.response_size)
            << "the buffer takes it before cwnd has grown";
    }
    Config config = with(Profile::http);
    config.bench.response_size = 1u << 20;
    EXPECT_EQ(refusal(config), "");
}

TEST(BenchPlan, ALossyWireHasEnoughConnectionsToWaitForTimeouts) {
    Config config = with(Profile::crr);
    EXPECT_EQ(concurrency(config.bench), 256u);
    config.bench.loss_ppm = 10'000;
    EXPECT_EQ(concurrency(config.bench), 65'536u);
    EXPECT_GT(client_plan(config.bench).drain, ClientRun::kDrain) << "the last ones wait for timeouts too";
    config.bench.connections = 100;
    EXPECT_EQ(concurrency(config.bench), 100u) << "as asked";
    config = with(Profile::stream);
    config.bench.loss_ppm = 10'000;
    EXPECT_EQ(concurrency(config.bench), 4u) << "connections that stay are not waited for";
}

/// The generator takes sources and calls in turn, both at once.
TEST(BenchPlan, SourcesAndPortsMeetInEveryCombination) {
    for (const uint64_t connections : {256ull, 400'000ull, 1'000'000ull, 10'000'000ull}) {
        const GeneratorPlan plan = client_plan(with(Profile::idle, connections).bench).load.front();
        std::set<std::pair<uint32_t, uint16_t>> met;
        const size_t all = plan.sources.size() * plan.calls.size();
        for (size_t i = 0; i < all; ++i)
            met.insert({plan.sources[i % plan.sources.size()].v4.value,
                        plan.calls[i % plan.calls.size()].peer.port});
        EXPECT_EQ(met.size(), all) << connections;
        EXPECT_GE(all * 28'232, 2 * connections) << "tuples never run out";
        EXPECT_EQ(plan.calls.front().peer.port, 80);
        EXPECT_EQ(plan.calls.back().peer.port, bench_ports(with(Profile::idle, connections).bench).last);
    }
}

TEST(BenchPlan, Ipv6HasTheSameShape) {
    Config config = with(Profile::http);
    config.bench.family = IpAddress::Family::v6;
    const GeneratorPlan plan = client_plan(config.bench).load.front();
    ASSERT_EQ(plan.sources.size(), kBenchSources);
    EXPECT_EQ(plan.sources.front().text(), "2001:db8::100");
    EXPECT_EQ(plan.sources.back().text(), "2001:db8::11f");
    EXPECT_EQ(plan.calls.front().peer.text(), "[2001:db8::1]:80");
    const auto& request = plan.calls.front().request;
    EXPECT_NE(std::string(request.begin(), request.end()).find("\r\nHost: [2001:db8::1]\r\n"),
              std::string::npos);
    const auto client = bench_stack(config, true).addresses, server = bench_stack(config, false).addresses;
    ASSERT_EQ(client.size(), kBenchSources);
    EXPECT_EQ(client.front().text(), "2001:db8::100/64");
    ASSERT_EQ(server.size(), 1u);
    EXPECT_EQ(server.front().text(), "2001:db8::1/64");
    EXPECT_EQ(bench_stack(config, true).dad, Dad::off) << "it would cost a second";
    config.bench.beside = 10;
    EXPECT_TRUE(client_plan(config.bench).background->calls.front().peer.addr.is_v6());
    config.bench.family = IpAddress::Family::v4;
    EXPECT_EQ(bench_stack(config, false).addresses.front().text(), "10.0.0.1/8");
}

TEST(BenchPlan, ThoseBesideHavePortsOfTheirOwn) {
    Config config = with(Profile::crr);
    EXPECT_FALSE(client_plan(config.bench).background);
    EXPECT_EQ(bench_listens(config.bench), bench_ports(config.bench));
    config.bench.beside = 10'000'000;
    const ClientRun::Plan plan = client_plan(config.bench);
    ASSERT_TRUE(plan.background);
    EXPECT_EQ(plan.background->connections, 10'000'000u);
    EXPECT_EQ(plan.background->purpose, GeneratorPlan::Purpose::hold);
    EXPECT_EQ(plan.load.front().calls.size(), 1u) << "the profile is as without them";
    EXPECT_GT(plan.background->calls.front().peer.port, bench_ports(config.bench).last);
    EXPECT_EQ(plan.background->calls.back().peer.port, bench_listens(config.bench).last);
    for (const bool client : {true, false})
        EXPECT_GT(bench_stack(config, client).max_connections, 10'000'000u + 2 * 256u);
}

TEST(BenchPlan, PoolsAreAsLargeAsTheirEndNeeds) {
    const Config crr = with(Profile::crr);
    EXPECT_EQ(bench_stack(crr, false).max_time_wait, 32u * 28'232) << "one for each tuple";
    EXPECT_LT(bench_stack(crr, true).max_time_wait, 100'000u) << "the server closes first";
    const Config connect = with(Profile::connect);
    EXPECT_EQ(bench_stack(connect, true).max_time_wait, 32u * 28'232);
    const Config idle = with(Profile::idle, 100'000'000);
    for (const bool client : {true, false}) {
        const stack::StackConfig stack = bench_stack(idle, client);
        const uint64_t records = uint64_t{stack.max_connections} + stack.max_half_open + stack.max_time_wait;
        EXPECT_GE(stack.max_connections, 100'000'000u);
        EXPECT_LT(records, 100'500'000u) << "the table is as large as all of them";
    }
}

TEST(BenchPlan, EitherEndClosesFirst) {
    for (const Profile profile : {Profile::crr, Profile::http}) {
        Config config = with(profile);
        EXPECT_EQ(shape_of(config.bench).close_by, CloseBy::server) << "by default";
        GeneratorPlan plan = client_plan(config.bench).load.front();
        EXPECT_EQ(plan.ending, GeneratorPlan::Ending::fin_by_peer);
        EXPECT_EQ(plan.calls.front().last_request.empty(), profile != Profile::http);
        config.bench.close_by = CloseBy::client;
        EXPECT_EQ(refusal(config), "");
        plan = client_plan(config.bench).load.front();
        EXPECT_EQ(plan.ending, GeneratorPlan::Ending::fin);
        EXPECT_TRUE(plan.calls.front().last_request.empty()) << "no 'Connection: close'";
        EXPECT_GT(bench_stack(config, true).max_time_wait, 100'000u) << "TIME-WAIT is at the client";
        EXPECT_LT(bench_stack(config, false).max_time_wait, 100'000u);
    }
    Config config = with(Profile::rr);
    config.bench.close_by = CloseBy::server;
    EXPECT_EQ(refusal(config), "--close-by server: expected --profile crr or http");
}

TEST(BenchPlan, CombinationsThatMeanNothingAreRefused) {
    EXPECT_EQ(refusal(with(Profile::crr)), "");
    Config config = with(Profile::crr);
    config.bench.hold = 1s;
    EXPECT_NE(refusal(config).find("--hold"), std::string::npos);
    config.bench.profile = Profile::idle;
    EXPECT_EQ(refusal(config), "");
    config.bench.beside = 1;
    EXPECT_NE(refusal(config).find("--beside"), std::string::npos);
    config.bench.profile = Profile::http;
    config.bench.hold.reset();
    EXPECT_EQ(refusal(config), "");
    config.cores = {0, 1, 2};
    EXPECT_NE(refusal(config).find("--cores"), std::string::npos);
}

TEST(BenchPlan, AHeldRunTakesAsLongAsItTakes) {
    Config config = with(Profile::idle);
    EXPECT_EQ(opening_time(config.bench), 5s);
    config.bench.hold = 2s;
    EXPECT_EQ(opening_time(config.bench), 0s);
    config.bench.duration = 60s;
    EXPECT_EQ(opening_time(config.bench), 60s) << "at most so long";
}

}  // namespace
}  // namespace synfin::app
