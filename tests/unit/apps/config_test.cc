/// The YAML file and --set: every refusal says where, what was expected and what was found.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "config/config.hh"
#include "config/fields.hh"
#include "config/user_error.hh"
#include "config/yaml_config.hh"

namespace synfin::app {
namespace {

/// The message with which the text is refused; empty when it is taken.
std::string refusal(const std::string& yaml) {
    Config config;
    try {
        read_yaml(config, yaml, "f.yaml");
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        return error.what();
    }
    return {};
}

TEST(Yaml, AGatewayMayHaveItsMacAddressPinned) {
    Config config;
    read_yaml(config, "gateway: 10.0.0.254@02:00:00:00:00:FE", "f.yaml");
    EXPECT_EQ(config.gateways.at(0).text(), "10.0.0.254@02:00:00:00:00:fe");
    EXPECT_EQ(stack_config(config).gateway_mac, Mac::parse("02:00:00:00:00:fe"));
    for (const std::string bad : {"10.0.0.254@", "10.0.0.254@2:0:0:0:0:fe", "10.0.0.254@01:00:5e:00:00:01",
                                  "10.0.0.254@ff:ff:ff:ff:ff:ff", "10.0.0.254@00:00:00:00:00:00"}) {
        EXPECT_NE(refusal("gateway: \"" + bad + "\"").find("a host's MAC address after '@'"),
                  std::string::npos)
            << bad;
    }
    EXPECT_NE(refusal("gateway: \"@02:00:00:00:00:fe\"").find("an address such as 10.0.0.1"),
              std::string::npos);
}

TEST(Yaml, FillsTheConfiguration) {
    Config config;
    read_yaml(config, R"(
device: tap:syn0
address: [10.0.0.1/24, 10.0.0.2/24]
gateway: 10.0.0.254
vlan: 42
outer-vlan: 100
cores: 0-1
no-huge: true
serve:
  app: echo
  listen: 7000-7009
  backlog: 16k
load:
  target: http://10.0.0.9/x
  rate: 1M
  ramp: 2s
  connect-only: True
tcp:
  msl: 1s
  receive-buffer: 64KiB
  nagle: false
)",
              "f.yaml");
    EXPECT_EQ(config.device, "tap:syn0");
    ASSERT_EQ(config.addresses.size(), 2u);
    EXPECT_EQ(config.addresses[1].text(), "10.0.0.2/24");
    EXPECT_EQ(config.gateways.at(0).text(), "10.0.0.254");
    EXPECT_EQ(config.vlan, 42u);
    EXPECT_EQ(config.outer_vlan, 100u);
    EXPECT_EQ(config.cores, (std::vector<unsigned>{0, 1}));
    EXPECT_TRUE(config.no_huge);
    EXPECT_EQ(config.serve.app, ServeConfig::App::echo);
    ASSERT_EQ(config.serve.listen.size(), 1u);
    EXPECT_EQ(config.serve.listen[0].ports, (PortRange{7000, 7009}));
    EXPECT_EQ(config.serve.listeners()[0].app, ServeConfig::App::echo);
    EXPECT_EQ(config.serve.backlog, 16'000u);
    ASSERT_EQ(config.load.targets.size(), 1u);
    EXPECT_EQ(config.load.targets[0].path, "/x");
    EXPECT_EQ(config.load.rate, 1'000'000u);
    EXPECT_EQ(config.load.ramp, 2s);
    EXPECT_TRUE(config.load.connect_only);
    EXPECT_EQ(config.tcp.msl, 1s);
    EXPECT_EQ(config.tcp.receive_buffer_bytes, 65'536u);
    EXPECT_FALSE(config.tcp.nagle);
    EXPECT_TRUE(config.was_given("load.rate"));
    EXPECT_FALSE(config.was_given("load.count"));
}

TEST(Yaml, BracketsNeedQuotesWhereYamlReadsThemAsAList) {
    const std::string advice = "; put quotes around a value with brackets, as in \"http://[2001:db8::1]/\"";
    EXPECT_TRUE(refusal("load: {target: http://[2001:db8::2]/}\n").ends_with(advice));
    EXPECT_TRUE(refusal("load:\n  target: [2001:db8::2]:80\n").ends_with(advice));
    EXPECT_EQ(refusal("load: {target: a\n").find(advice), std::string::npos);
    EXPECT_EQ(refusal("load: {target: \"http://[2001:db8::2]/\"}\n"), "");
    EXPECT_EQ(refusal("load:\n  target: http://[2001:db8::2]/\n"), "");
}

TEST(Yaml, CriteriaAndLimitsOfValidity) {
    Config config;
    read_yaml(config, R"(
load:
  target: http://10.0.0.9/
  criteria: ['failed<0.1%, cps>=100k', 'connect.p99<5ms']
validity: {slip: 20ms, lost: 100%}
)",
              "f.yaml");
    ASSERT_EQ(config.load.criteria.size(), 3u);
    EXPECT_EQ(config.load.criteria[1].text(), "cps>=100k");
    EXPECT_EQ(config.load.criteria[2].text(), "connect.p99<5ms");
    EXPECT_EQ(config.validity.slip, 20ms);
    EXPECT_EQ(config.validity.lost, 1'000'000u);
    EXPECT_EQ(effective(config, Command::load)["load"]["criteria"].dump(),
              R"(["failed<0.1%","cps>=100k","connect.p99<5ms"])");
    EXPECT_EQ(
        deviations(config, Command::load),
        (std::vector<std::string>{"validity.slip 20ms (default 10ms)", "validity.lost 100% (default 5%)"}));
    apply_set(config, "load.criteria=failed=0,cps>5");
    EXPECT_EQ(config.load.criteria.size(), 2u) << "another source replaces them";
    EXPECT_EQ(refusal("load:\n  criteria: ['failed<1%', 'cpss>5']\n").substr(0, 34),
              "f.yaml:2:27: load.criteria: column");
}

TEST(Yaml, EmptyFilesAndSectionsAreFine) {
    EXPECT_EQ(refusal(""), "");
    EXPECT_EQ(refusal("# nothing\n"), "");
    EXPECT_EQ(refusal("serve:\n"), "");
}

TEST(Yaml, UnknownKeysNameTheNearest) {
    EXPECT_EQ(refusal("device: ring\nserve:\n  listn: 7\n"),
              "f.yaml:3:3: unknown key 'serve.listn'; did you mean 'listen'?");
    EXPECT_EQ(refusal("adress: 10.0.0.1/24\n"), "f.yaml:1:1: unknown key 'adress'; did you mean 'address'?");
    EXPECT_EQ(refusal("msl: 1s\n"), "f.yaml:1:1: unknown key 'msl'; did you mean 'tcp.msl'?");
    EXPECT_EQ(refusal("load:\n  pass: failed<1%\n"),
              "f.yaml:2:3: unknown key 'load.pass'; did you mean 'criteria'?")
        << "the option's name";
    EXPECT_EQ(refusal("sreve:\n  app: http\n"), "f.yaml:1:1: unknown key 'sreve'; did you mean 'serve'?");
    EXPECT_NE(
        refusal("tcp:\n  q: 1\n").find("f.yaml:2:3: unknown key 'tcp.q'; known here: congestion-control,"),
        std::string::npos)
        << refusal("tcp:\n  q: 1\n");
}

TEST(Yaml, WhatHttpRequestsAreMadeOf) {
    Config config;
    read_yaml(config,
              "load:\n  target: http://10.0.0.9/\n  method: POST\n  headers: {X-Test: \"yes\", Accept: a/b}\n"
              "  body: a=1\n  requests-per-connection: 1-8\n  expect-status: [200, 5xx]\n  timeout: 3\n"
              "  close-by: server\n",
              "f.yaml");
    EXPECT_EQ(config.load.method, "POST");
    EXPECT_EQ(config.load.headers, (std::vector<std::string>{"X-Test: yes", "Accept: a/b"}));
    EXPECT_EQ(config.load.body, "a=1");
    EXPECT_EQ(config.load.requests_per_connection, (CountRange{1, 8}));
    EXPECT_EQ(config.load.expect_status, (std::vector<std::string>{"200", "5xx"}));
    EXPECT_EQ(config.load.timeout, 3s);
    EXPECT_EQ(config.load.close_by, CloseBy::server);
    EXPECT_EQ(refusal("load:\n  headers: [no colon]\n"),
              "f.yaml:2:13: load.headers: expected a header such as 'Accept: text/html', found 'no colon'");
    EXPECT_EQ(refusal("load:\n  method: G T\n"),
              "f.yaml:2:11: load.method: expected an HTTP method such as GET or POST, found 'G T'");
    EXPECT_EQ(refusal("load:\n  expect-status: 2xy\n"),
              "f.yaml:2:18: load.expect-status: expected HTTP statuses such as 200,404,5xx or 200-299, found "
              "'2xy'");
}

TEST(Yaml, WrongTypesAndUnits) {
    EXPECT_EQ(refusal("load:\n  connections: 64q\n"),
              "f.yaml:2:16: load.connections: expected a count such as 1000, 64k or 1M, found '64q'");
    EXPECT_EQ(refusal("tcp:\n  msl: 10q\n"),
              "f.yaml:2:8: tcp.msl: expected a duration such as 10 (seconds), 250ms or 2m, found '10q'");
    EXPECT_EQ(refusal("tcp:\n  msl: [1, 2]\n"), "f.yaml:2:8: tcp.msl: expected a single value, found a list");
    EXPECT_EQ(refusal("device:\n  a: b\n"),
              "f.yaml:2:3: device: expected a single value, found keys and values");
    EXPECT_EQ(refusal("serve: http\n"), "f.yaml:1:8: serve: expected keys and values, found 'http'");
    EXPECT_EQ(refusal("- a\n"), "f.yaml:1:1: expected keys and values such as 'device: tap:synfin0'");
    EXPECT_EQ(refusal("vlan: 5000\n"), "f.yaml:1:7: vlan: expected a number from 1 to 4094, found '5000'");
    EXPECT_EQ(
        refusal("serve:\n  app: ecko\n"),
        "f.yaml:2:8: serve.app: expected echo|discard|chargen|http, found 'ecko'; did you mean 'echo'?");
    EXPECT_EQ(
        refusal("address: [10.0.0.1/24, 10.0.0.2]\n"),
        "f.yaml:1:24: address: expected an address with its prefix such as 10.0.0.1/24, found '10.0.0.2'");
    EXPECT_EQ(refusal("mtu: 1500\nmtu: 1400\n"), "f.yaml:2:1: key 'mtu' occurs twice");
}

TEST(Yaml, BooleansAreTheCoreSchemas) {
    for (const char* word : {"true", "True", "TRUE", "false", "False", "FALSE"})
        EXPECT_EQ(refusal(std::string("no-huge: ") + word + "\n"), "");
    EXPECT_EQ(refusal("no-huge: yes\n"),
              "f.yaml:1:10: no-huge: expected true or false, found 'yes'; write true");
    EXPECT_EQ(refusal("tcp:\n  nagle: Off\n"),
              "f.yaml:2:10: tcp.nagle: expected true or false, found 'Off'; write false");
    EXPECT_EQ(refusal("no-huge: tRUE\n"), "f.yaml:1:10: no-huge: expected true or false, found 'tRUE'");
}

TEST(Yaml, AFileWithoutAnEndIsRefused) {
    const auto why = [](const std::string& path) -> std::string {
        Config config;
        try {
            read_yaml_file(config, path);
        } catch (const UserError& error) {
            EXPECT_EQ(error.exit(), Exit::usage);
            return error.what();
        }
        return {};
    };
    EXPECT_EQ(why("/dev/zero"), "/dev/zero: is a device, not a file");
    EXPECT_EQ(why("/dev/null"), "");
    EXPECT_EQ(why("/"), "/: can't be read: Is a directory");
    EXPECT_EQ(why("/no/such/file"), "/no/such/file: can't be read: No such file or directory");
    const std::string path = testing::TempDir() + "config_test_long.yaml";
    std::ofstream(path) << std::string(17u << 20, '#');
    EXPECT_EQ(why(path), path + ": is longer than 16 MiB");
    std::remove(path.c_str());
}

TEST(Yaml, WhatIsNoYamlIsRefusedWithItsPlace) {
    EXPECT_EQ(refusal("a: [1, 2\nb: 3\n").substr(0, 9), "f.yaml:2:");
    EXPECT_EQ(refusal("a: \"x\n").substr(0, 7), "f.yaml:");
    EXPECT_EQ(refusal("\tdevice: x\n").substr(0, 9), "f.yaml:1:");
}

TEST(Yaml, ASecondDocumentIsNotLost) {
    EXPECT_EQ(refusal("---\nmtu: 1400\n---\n"), "");
    EXPECT_EQ(refusal("mtu: 1400\n---\nmsl: 1s\n"),
              "f.yaml:3:1: found a second document; expected one per file");
}

TEST(Set, OverridesOneKey) {
    Config config;
    read_yaml(config, "address: [10.0.0.1/24, 10.0.0.2/24]\ntcp:\n  msl: 5s\n", "f.yaml");
    apply_set(config, "tcp.msl=1s");
    apply_set(config, "load.target=tcp://10.0.0.9:7");
    EXPECT_EQ(config.tcp.msl, 1s);
    EXPECT_EQ(config.load.targets[0].text(), "tcp://10.0.0.9:7");
    apply_set(config, "address=10.0.0.3/24,10.0.0.4/24");
    ASSERT_EQ(config.addresses.size(), 2u);
    EXPECT_EQ(config.addresses[1].text(), "10.0.0.4/24");
    const auto refused = [&](const char* assignment) -> std::string {
        try {
            apply_set(config, assignment);
        } catch (const UserError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_EQ(refused("tcp.msll=1s"), "--set tcp.msll=1s: unknown key 'tcp.msll'; did you mean 'msl'?");
    EXPECT_EQ(refused("tcp.msl=1q"),
              "--set tcp.msl: expected a duration such as 10 (seconds), 250ms or 2m, found '1q'");
    EXPECT_EQ(refused("tcp"), "--set: expected path.to.key=value, found 'tcp'");
}

TEST(Validate, ABufferStartsAtMostAtItsMaximum) {
    for (const std::string buffer : {"tcp.receive-buffer", "tcp.send-buffer"}) {
        SCOPED_TRACE(buffer);
        Config config;
        apply_set(config, buffer + "=64KiB");
        EXPECT_NO_THROW(stack_config(config)) << "the default start is larger, and nobody asked for it";
        apply_set(config, buffer + "-start=64KiB");
        EXPECT_NO_THROW(stack_config(config));
        apply_set(config, buffer + "-start=65KiB");
        try {
            stack_config(config);
            ADD_FAILURE() << "taken";
        } catch (const UserError& error) {
            EXPECT_EQ(error.what(), buffer + "-start is 65KiB, more than " + buffer + ", which is 64KiB");
        }
    }
}

TEST(Effective, ReadsBackAsTheSame) {
    Config config;
    read_yaml(config, "tcp:\n  msl: 90s\nserve:\n  response-size: 64KiB\n", "f.yaml");
    const auto shown = effective(config, Command::serve);
    EXPECT_EQ(shown["tcp"]["msl"], "90s");
    EXPECT_EQ(shown["serve"]["response-size"], 65'536);
    EXPECT_FALSE(shown.contains("load"));
    // Every value that is shown is taken back by its own field.
    for (const Field& field : fields()) {
        const auto value = field.get(config);
        if (value.is_null() || value.is_array()) continue;
        Config again;
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        if (text.empty()) continue;
        EXPECT_EQ(field.set(again, text, true), "") << field.key;
        EXPECT_EQ(field.get(again), value) << field.key;
    }
}

TEST(Deviations, AreWhatTheUserAskedFor) {
    Config config;
    EXPECT_TRUE(deviations(config, Command::load).empty());
    config.tcp.msl = 1s;
    config.load.close = LoadConfig::Close::rst;
    config.load.connect_only = true;
    const auto list = deviations(config, Command::load);
    ASSERT_EQ(list.size(), 3u);
    EXPECT_EQ(list[0], "tcp.msl 1s (default 30s)");
    EXPECT_NE(list[1].find("rst"), std::string::npos);
    EXPECT_EQ(deviations(config, Command::serve).size(), 1u);
}

TEST(Deviations, ALossyWireIsNeverMistakenForAGoodOne) {
    Config config;
    read_yaml(config,
              "bench:\n  loss: 0.5%\n  loss-seed: 9\n  beside: 10M\n  hold: 2s\n  await-time-wait: true\n",
              "f.yaml");
    EXPECT_EQ(config.bench.loss_ppm, 5'000u);
    EXPECT_EQ(config.bench.beside, 10'000'000u);
    EXPECT_EQ(config.bench.hold, Duration(2s));
    EXPECT_TRUE(config.bench.await_time_wait);
    const auto list = deviations(config, Command::bench);
    ASSERT_EQ(list.size(), 1u) << "the others depart from nothing";
    EXPECT_EQ(list[0], "bench.loss 0.5% (seed 9): the wire loses frames on purpose");
    EXPECT_EQ(effective(config, Command::bench)["bench"]["loss"], "0.5%");
    EXPECT_TRUE(deviations(config, Command::load).empty()) << "it has no such wire";
    EXPECT_NE(refusal("bench:\n  loss: 1\n").find("a percentage"), std::string::npos);
}

TEST(Validate, NamesWhatIsMissing) {
    const auto why = [](const Config& config) -> std::string {
        try {
            validate_network(config);
            validate_load(config);
        } catch (const UserError& error) {
            return error.what();
        }
        return {};
    };
    Config config;
    EXPECT_EQ(why(config), "no device given");
    config.device = "tap:x";
    EXPECT_EQ(why(config), "no address given");
    config.addresses = {*Cidr::parse("10.0.0.255/24")};
    EXPECT_EQ(why(config), "address 10.0.0.255/24 is the network's broadcast address, not a host address");
    config.addresses = {*Cidr::parse("10.0.0.0/24")};
    EXPECT_EQ(why(config), "address 10.0.0.0/24 is the network's own address, not a host address");
    config.addresses = {*Cidr::parse("127.0.0.1/8")};
    EXPECT_EQ(why(config), "address 127.0.0.1/8 can't be a host address");
    config.addresses = {*Cidr::parse("10.0.0.0/31")};
    EXPECT_EQ(why(config), "no target given") << "both addresses of a /31 are hosts'";
    config.addresses = {*Cidr::parse("10.0.0.1/24"), *Cidr::parse("10.0.0.1/16")};
    EXPECT_EQ(why(config), "address 10.0.0.1 is given twice");
    config.addresses = {*Cidr::parse("10.0.0.1/24")};
    EXPECT_EQ(why(config), "no target given");
    config.load.targets = {*Target::parse("tcp://10.0.0.2:7").value};
    EXPECT_EQ(why(config), "");
    config.load.targets = {*Target::parse("tcp://10.0.0.1:7").value};
    EXPECT_EQ(why(config), "target tcp://10.0.0.1:7 is one of synfin's own addresses");
    config.load.targets = {*Target::parse("tcp://192.0.2.1:7").value};
    EXPECT_EQ(why(config), "target 192.0.2.1 is on the network of no --address, and there is no --gateway");
    config.gateways = {*Gateway::parse("10.0.1.1").value};
    EXPECT_EQ(why(config), "gateway 10.0.1.1 is on the network of no --address");
    config.gateways = {*Gateway::parse("10.0.0.1").value};
    EXPECT_EQ(why(config), "gateway 10.0.0.1 is one of synfin's own addresses");
    config.gateways = {*Gateway::parse("10.0.0.254").value};
    EXPECT_EQ(why(config), "");
    config.load.ramp = 11s;
    EXPECT_EQ(why(config), "--ramp is longer than --duration (10s)") << "which is so by default";
    config.load.count = 1;
    EXPECT_EQ(why(config), "") << "then it takes as long as it takes";
}

TEST(Validate, ConnectionCloseIsForOneRequest) {
    Config config;
    config.device = "tap:x";
    config.addresses = {*Cidr::parse("10.0.0.1/24")};
    config.load.targets = {*Target::parse("http://10.0.0.2/").value};
    const auto is_refused = [&](CountRange requests, std::vector<std::string> headers) {
        config.load.requests_per_connection = requests;
        config.load.headers = std::move(headers);
        try {
            validate_load(config);
        } catch (const UserError& error) {
            EXPECT_EQ(error.exit(), Exit::usage);
            return true;
        }
        return false;
    };
    EXPECT_FALSE(is_refused({1, 1}, {"Connection: close"}));
    EXPECT_TRUE(is_refused({2, 2}, {"Connection: close"}));
    EXPECT_TRUE(is_refused({1, 8}, {"X-Test: 1", "connection:  Upgrade , CLOSE"}));
    EXPECT_TRUE(is_refused({0, 0}, {"Connection: close"})) << "unlimited";
    EXPECT_FALSE(is_refused({2, 2}, {"Connection: keep-alive", "X-Connection: close"}));
}

TEST(Validate, OneTableHoldsAllRecords) {
    const auto why = [](const stack::StackConfig& stack, Command command) -> std::string {
        try {
            validate_limits(stack, command);
        } catch (const UserError& error) {
            EXPECT_EQ(error.exit(), Exit::usage);
            return std::string(error.what()) + "; " + error.mend();
        }
        return {};
    };
    stack::StackConfig stack;
    stack.max_connections = stack.max_half_open = 1u << 29;
    stack.max_time_wait = 0;
    EXPECT_EQ(why(stack, Command::serve), "");
    stack.max_time_wait = 1;
    EXPECT_EQ(why(stack, Command::serve),
              "536870912 open, 536870912 half-open and 1 TIME-WAIT records are 1073741825 on one core, over "
              "the limit of 1073741824; lower --max-connections, --backlog or --max-time-wait, or give more "
              "--cores");
    stack.max_connections = stack.max_half_open = stack.max_time_wait = 0xffff'ffff;
    EXPECT_NE(why(stack, Command::load), "") << "the sum does not wrap";
}

}  // namespace
}  // namespace synfin::app
