/// One load over both families at once: a server's one listener answers both, and each target is called from
/// the sources of its family.
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "servers/echo_server.hh"
#include "servers/server_run.hh"
#include "traffic/client_run.hh"
#include "two_ends.hh"

namespace synfin::app {
namespace {

/// An echo server that notes its peers.
class NotingServer {
  public:
    void turn(Instant now) noexcept { echo_.turn(now); }
    void on_open(Connection c) {
        if (const auto peer = c.peer()) peers.insert(peer->addr);
        if (const auto local = c.local()) locals.insert(local->addr);
        echo_.on_open(c);
    }
    void on_data(Connection c, RxView& view) noexcept { echo_.on_data(c, view); }
    void on_writable(Connection c) noexcept { echo_.on_writable(c); }
    void on_peer_fin(Connection c) noexcept { echo_.on_peer_fin(c); }
    void on_close(Connection c, const CloseInfo& why) noexcept { echo_.on_close(c, why); }
    ServerTally tally() const noexcept { return echo_.tally(); }

    std::set<IpAddress> peers, locals;

  private:
    EchoServer echo_;
};

stack::StackConfig with(const std::vector<const char*>& addresses) {
    stack::StackConfig config;
    for (const char* text : addresses) config.addresses.push_back(*Cidr::parse(text));
    return config;
}

/// A load and an echo server on port 7, until the load is over.
struct FullRun {
    FullRun(fakes::TwoEnds& ends, GeneratorPlan plan) : client(std::move(plan), Duration::zero(), stop) {
        EXPECT_TRUE(server.listen(ends.server()));
        client.start(ends.now());
        EXPECT_TRUE(ends.run(
            60s, [this](Stack& stack, Instant now) { client.turn(stack, now); },
            [this](Stack& stack, Instant now) { server.turn(stack, now); },
            [this] { return client.over(); }));
    }
    std::atomic<bool> stop = false;
    ClientRun client;
    ServerRun<NotingServer> server{PortRange{7, 7}};
};

TEST(DualStackRun, BothFamiliesAtOnce) {
    const std::vector<const char*> of_client = {"10.99.0.1/8", "10.99.0.2/8", "2001:db8:99::1/64",
                                                "2001:db8:99::2/64"};
    const std::vector<const char*> of_server = {"10.99.0.9/8", "2001:db8:99::9/64"};
    fakes::TwoEnds ends(50us, with(of_client), with(of_server));
    GeneratorPlan plan;
    std::set<IpAddress> sources, targets;
    for (const char* text : of_client) {
        plan.sources.push_back(Cidr::parse(text)->addr);
        sources.insert(plan.sources.back());
    }
    for (const char* text : of_server) {
        const IpAddress addr = Cidr::parse(text)->addr;
        targets.insert(addr);
        plan.calls.push_back({{addr, 7}, pattern_request(100), {}});
    }
    plan.connections = 4;
    plan.limit = 100;
    plan.response_size = 100;
    FullRun run(ends, std::move(plan));
    EXPECT_EQ(run.client.generator().tally().completed, 100u);
    EXPECT_EQ(run.client.generator().tally().skipped(), 0u);
    EXPECT_EQ(run.server.server().peers, sources) << "each source met a target of its family";
    EXPECT_EQ(run.server.server().locals, targets);
}

/// A target without a source of its family is skipped and counted, and the other one is served.
TEST(DualStackRun, AFamilyWithoutASource) {
    fakes::TwoEnds ends(50us, with({"10.99.0.1/8", "2001:db8:99::1/64"}),
                        with({"10.99.0.9/8", "2001:db8:99::9/64"}));
    GeneratorPlan plan;
    plan.sources = {*Ipv4::parse("10.99.0.1")};
    plan.calls.push_back({*Endpoint::parse("10.99.0.9:7"), pattern_request(10), {}});
    plan.calls.push_back({*Endpoint::parse("[2001:db8:99::9]:7"), pattern_request(10), {}});
    plan.connections = 1;
    plan.limit = 10;
    plan.response_size = 10;
    FullRun run(ends, std::move(plan));
    EXPECT_EQ(run.client.generator().tally().completed, 5u);
    EXPECT_EQ(run.client.generator().tally().skipped_by[static_cast<size_t>(Skip::no_route)], 5u);
}

}  // namespace
}  // namespace synfin::app
