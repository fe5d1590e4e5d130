// Classes of traffic: what each inherits and gets of the load's amounts, and what is said when one is wrong.
#include <gtest/gtest.h>

#include "config/class_texts.hh"
#include "config/fields.hh"
#include "config/user_error.hh"
#include "config/yaml_config.hh"

using namespace synfin;
using namespace synfin::app;

namespace {

Config read(const std::string& load) {
    Config config;
    read_yaml(config, "load:\n" + load, "f.yaml");
    return config;
}

std::string refusal(const std::string& load) {
    try {
        Config config = read("  target: tcp://10.0.0.2:7\n" + load);
        config.device = "tap:x";
        config.addresses = {*Cidr::parse("10.0.0.1/24")};
        validate_load(config);
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        return error.what();
    }
    return {};
}

TEST(Classes, AClassHasTheLoadsValuesForWhatItDoesNotSet) {
    const Config config = read(R"(
  target: http://10.0.0.2/a
  headers: {X-All: "1"}
  method: PUT
  rate: 5k
  classes:
    - {name: web, rate: 20k, method: POST, body: "a=1", headers: {X-Test: "yes"}, requests: 1-8}
    - {name: held, target: "tcp://10.0.0.2:7", connections: 1M, requests: unlimited}
    - {share: 100%}
)");
    ASSERT_EQ(config.load.classes.size(), 3u);
    const TrafficConfig &web = config.load.classes[0], &held = config.load.classes[1],
                        &rest = config.load.classes[2];
    EXPECT_EQ(web.name, "web");
    EXPECT_EQ(web.rate, 20'000u);
    EXPECT_EQ(web.method, "POST");
    EXPECT_EQ(web.body, "a=1");
    EXPECT_EQ(web.headers, (std::vector<std::string>{"X-Test: yes"})) << "its list replaces the load's";
    EXPECT_EQ(web.requests_per_connection, (CountRange{1, 8}));
    EXPECT_EQ(web.targets.at(0).path, "/a") << "inherited";
    EXPECT_EQ(held.targets.at(0).text(), "tcp://10.0.0.2:7");
    EXPECT_EQ(held.connections, 1'000'000u);
    EXPECT_EQ(held.rate, 0u) << "amounts are not inherited";
    EXPECT_EQ(held.requests_per_connection, (CountRange{0, 0}));
    EXPECT_EQ(rest.name, "class3");
    EXPECT_EQ(rest.rate, 5'000u) << "its share of the load's";
    EXPECT_EQ(rest.method, "PUT");
    EXPECT_EQ(config.load.traffic().size(), 3u);
    EXPECT_EQ(read("  rate: 7\n").load.traffic().size(), 1u) << "the load itself";
}

TEST(Classes, SharesDivideTheLoadExactly) {
    const Config config = read(R"(
  connections: 10
  count: 1001
  classes: [{name: a, share: 33.3%}, {name: b}, {name: c}]
)");
    const auto& all = config.load.classes;
    EXPECT_EQ(*all[0].connections + *all[1].connections + *all[2].connections, 10u);
    EXPECT_EQ(all[0].count + all[1].count + all[2].count, 1001u);
    EXPECT_EQ(*all[0].connections, 3u);
    EXPECT_EQ(all[0].count, 333u);
    EXPECT_EQ(read("  classes: [{name: a}, {name: b}]\n").load.classes[0].connections, 32u)
        << "64 is the default";
}

TEST(Classes, TheSetOptionReachesAClass) {
    Config config = read("  target: tcp://10.0.0.2:7\n  classes: [{name: a, rate: 5}, {name: b, rate: 6}]\n");
    apply_set(config, "load.classes.b.rate=9");
    apply_set(config, "load.classes.b.timeout=3s");
    fill_classes(config);
    EXPECT_EQ(config.load.classes[0].rate, 5u);
    EXPECT_EQ(config.load.classes[1].rate, 9u);
    EXPECT_EQ(config.load.classes[1].timeout, 3s);
    EXPECT_THROW(apply_set(config, "load.classes.c.rate=9"), UserError);
    EXPECT_THROW(apply_set(config, "load.classes.b.duration=9"), UserError) << "a key of the load only";
    EXPECT_THROW(apply_set(config, "load.classes=9"), UserError);
}

TEST(Classes, ErrorsSayWhereAndWhat) {
    EXPECT_EQ(refusal("  classes: [{name: a, rat: 5}]\n"),
              "f.yaml:3:23: unknown key 'rat' of a class; did you mean 'rate'?");
    EXPECT_EQ(refusal("  classes: [{name: a, source-ports: 1-2}]\n").substr(0, 52),
              "f.yaml:3:23: unknown key 'source-ports' of a class; ")
        << "engines have one range of ports";
    EXPECT_EQ(refusal("  classes: [{name: a, rate: 5q}]\n"),
              "f.yaml:3:29: load.classes: rate: expected a count such as 1000, 64k or 1M, found '5q'");
    EXPECT_EQ(refusal("  classes: [{name: connect}]\n").substr(0, 12), "f.yaml:3:20:");
    EXPECT_EQ(refusal("  classes: [{name: a, rate: 1}, {name: a, rate: 2}]\n"),
              "load.classes: two classes have the name 'a'");
    EXPECT_EQ(refusal("  classes: {name: a}\n").substr(0, 12), "f.yaml:3:12:");
    EXPECT_EQ(refusal("  classes: [{name: a, rate: 1, rate: 2}]\n"), "f.yaml:3:32: key 'rate' occurs twice");
    EXPECT_EQ(refusal("  classes: [{name: a, share: 60%}, {name: b, share: 50%}]\n"),
              "load.classes: the shares sum up to 110%");
    EXPECT_EQ(refusal("  classes: [{name: a, share: 100%}, {name: b}]\n").substr(0, 41),
              "load.classes: the shares sum up to 100%, ");
    EXPECT_EQ(refusal("  classes: [{name: a, share: 10%, rate: 5}]\n"),
              "load.classes: class 'a': share, and an amount of its own");
    EXPECT_EQ(refusal("  rate: 5\n  classes: [{name: a, rate: 5}]\n"),
              "load: a rate or connections, and every class has its own");
    EXPECT_EQ(refusal("  classes: [{name: a, rate: 5, method: POST}]\n"),
              "class 'a': load.method applies only to http:// targets");
    EXPECT_EQ(refusal("  method: POST\n  classes: [{name: a, rate: 5}]\n"), "")
        << "meant for the http classes";
    EXPECT_EQ(refusal("  classes: [{name: web, rate: 5}]\n  criteria: ['wob.cps>1']\n"),
              "criterion wob.cps>1: there is no class 'wob'; did you mean 'web'?");
    EXPECT_EQ(refusal("  classes: [{name: web, rate: 5}]\n  criteria: ['web.connect.p99<5ms', 'cps>1']\n"),
              "");
    std::string many = "  classes: [";
    for (int i = 0; i < 65; ++i) many += "{rate: 1},";
    EXPECT_EQ(refusal(many + "]\n"), "load.classes: 65 classes");
}

TEST(Classes, NamesAreWordsThatCriteriaCanTell) {
    EXPECT_TRUE(is_class_name("web-2_x"));
    for (const std::string_view wrong : {"", "a b", "a.b", "failed", "connect", "cps", "<script>"})
        EXPECT_FALSE(is_class_name(wrong)) << wrong;
    EXPECT_FALSE(is_class_name(std::string(33, 'a')));
}

TEST(Classes, TimesOfRequests) {
    const Config config = read(R"(
  target: tcp://10.0.0.2:7
  seed: 9
  classes:
    - {name: even, request-rate: 20k, arrivals: poisson}
    - {name: once, request-rate: 5, requests: 1}
    - {name: user, connections: 5, requests: 3, think: 50ms-2s}
    - {name: held, connections: 1M, hold: true, heartbeat: 1s}
    - {name: stairs, rate: 20k, arrivals: 'steps(10k@5s, 20k@5s)'}
)");
    const auto& all = config.load.classes;
    EXPECT_EQ(all[0].request_rate, 20'000u);
    EXPECT_EQ(all[0].arrivals.kind, ArrivalPattern::Kind::poisson);
    EXPECT_EQ(all[0].requests_per_connection, (CountRange{0, 0})) << "unlimited, if not given";
    EXPECT_EQ(all[1].requests_per_connection, (CountRange{1, 1}));
    EXPECT_EQ(all[2].think->text, "50ms-2s");
    EXPECT_TRUE(all[3].hold);
    EXPECT_EQ(all[3].heartbeat, 1s);
    EXPECT_EQ(all[3].requests_per_connection, (CountRange{0, 0}));
    EXPECT_EQ(all[4].arrivals.steps.size(), 2u);
    EXPECT_EQ(config.load.seed, 9u);
    EXPECT_EQ(read("  request-rate: 5\n").load.requests_per_connection, (CountRange{0, 0}));
}

TEST(Classes, TimesThatContradictEachOther) {
    const auto starts = [](const std::string& load, const std::string& expected) {
        const std::string why = refusal(load);
        EXPECT_EQ(why.substr(0, expected.size()), expected) << why;
    };
    starts("  rate: 5\n  request-rate: 5\n", "rate and request-rate");
    starts("  request-rate: 5\n  count: 5\n", "--count is a number of connections");
    starts("  request-rate: 5\n  connect-only: true\n", "--connect-only sends no requests");
    starts("  arrivals: poisson\n", "arrivals: a closed loop has none");
    starts("  rate: 5k\n  arrivals: steps(1k@1s,9k@1s)\n",
           "arrivals: steps(1k@1s,9k@1s) goes above the rate");
    starts("  rate: 9k\n  ramp: 1s\n  arrivals: steps(1k@1s,9k@1s)\n",
           "arrivals: steps(1k@1s,9k@1s) and --ramp");
    starts("  think: 5s\n", "--think is the time between the requests");
    starts("  think: 5s\n  request-rate: 5\n", "--think and --request-rate");
    starts("  heartbeat: 5s\n", "--heartbeat applies only to held");
    starts("  hold: true\n  requests-per-connection: 5\n", "--hold and --requests-per-connection");
    starts("  hold: true\n  count: 5\n", "--hold and --count");
    starts("  hold: true\n  rate: 5\n", "--hold and --rate: the number");
    starts("  classes: [{name: a, arrivals: poison, rate: 5}]\n",
           "f.yaml:3:33: load.classes: arrivals: expected");
    EXPECT_EQ(refusal("  hold: true\n  rate: 5\n  connections: 10\n  heartbeat: 1s\n"), "");
}

}  // namespace
