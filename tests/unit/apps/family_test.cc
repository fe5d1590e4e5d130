/// Both families in one configuration: which addresses a target is reached from, what is refused, and what a
/// run has.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "config/config.hh"
#include "config/fields.hh"
#include "config/user_error.hh"
#include "traffic/load_plan.hh"
#include "traffic/name_lookup.hh"
#include "traffic/source_sets.hh"

namespace synfin::app {
namespace {

using Family = IpAddress::Family;

Config with(const std::vector<std::string>& addresses, const std::vector<std::string>& targets = {},
            const std::vector<std::string>& gateways = {}) {
    Config config;
    config.device = "af_packet:eth1";
    const auto give = [&](std::string_view key, const std::vector<std::string>& values) {
        bool first = true;
        for (const std::string& value : values) {
            EXPECT_EQ(find_field(key)->set(config, value, first), "") << value;
            first = false;
        }
    };
    give("address", addresses);
    give("load.target", targets);
    give("gateway", gateways);
    return config;
}

std::string refusal(const Config& config) {
    try {
        validate_network(config);
        if (!config.load.targets.empty()) validate_load(config);
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        EXPECT_FALSE(error.mend().empty()) << error.what();
        return error.what();
    }
    return {};
}

TEST(Families, Ipv6Addresses) {
    EXPECT_EQ(refusal(with({"2001:db8::1/64"})), "");
    EXPECT_EQ(refusal(with({"fe80::1/64", "2001:db8::1/64", "10.0.0.1/24"})), "");
    for (const char* bad : {"ff02::1/64", "::/64", "::1/128"})
        EXPECT_EQ(refusal(with({bad})), std::string("address ") + bad + " can't be a host address");
    EXPECT_EQ(refusal(with({"2001:db8::/64"})),
              "address 2001:db8::/64 is the anycast address of the network's routers (RFC 4291 2.6.1), not a "
              "host address");
    EXPECT_EQ(refusal(with({"2001:db8::/127"})), "") << "both addresses of a /127 are hosts'";
    EXPECT_EQ(refusal(with({"2001:db8::/128"})), "");
    EXPECT_EQ(refusal(with({"2001:db8::1/64", "2001:db8::1/48"})), "address 2001:db8::1 is given twice");
    EXPECT_EQ(refusal(with({"2001:db8::1-2001:db8::9/64", "2001:db8::5/64"})),
              "address 2001:db8::5 is given twice");
    EXPECT_EQ(refusal(with({"10.0.0.1-10.0.0.255/24"})),
              "address 10.0.0.1-10.0.0.255/24 has the network's broadcast address, not a host address");
    EXPECT_EQ(refusal(with({"10.0.0.0-10.15.255.255/4", "2001:db8::1/64"})),
              "--address gives 1048577 addresses, over the limit of 1048576");
    Config small = with({"2001:db8::1/64"});
    small.mtu = 1279;
    EXPECT_EQ(refusal(small), "--mtu 1279: IPv6 needs at least 1280 (RFC 8200 5)");
    small.mtu = 1280;
    EXPECT_EQ(refusal(small), "");
}

TEST(Families, AGatewayForEach) {
    const Config both =
        with({"10.0.0.1/24", "2001:db8::1/64"}, {}, {"10.0.0.254", "2001:db8::ff@02:00:00:00:00:01"});
    EXPECT_EQ(refusal(both), "");
    const stack::StackConfig stack = stack_config(both);
    EXPECT_EQ(stack.gateway, Ipv4::parse("10.0.0.254"));
    EXPECT_FALSE(stack.gateway_mac);
    EXPECT_EQ(stack.gateway6, Ipv6::parse("2001:db8::ff"));
    EXPECT_EQ(stack.gateway6_mac, Mac::parse("02:00:00:00:00:01"));
    EXPECT_FALSE(stack.gateway_auto);
    EXPECT_EQ(effective(both, Command::load)["gateway"].dump(),
              R"(["10.0.0.254","2001:db8::ff@02:00:00:00:00:01"])");
    const Config one = with({"10.0.0.1/24"}, {}, {"10.0.0.254"});
    EXPECT_EQ(effective(one, Command::load)["gateway"].dump(), R"("10.0.0.254")") << "as before IPv6";
    EXPECT_TRUE(effective(with({"10.0.0.1/24"}), Command::load)["gateway"].is_null());

    Config twice;
    EXPECT_EQ(find_field("gateway")->set(twice, "10.0.0.1", true), "");
    EXPECT_EQ(find_field("gateway")->set(twice, "10.0.0.2", false),
              "expected at most one IPv4 gateway (10.0.0.1 is given), found '10.0.0.2'");
    EXPECT_EQ(refusal(with({"10.0.0.1/24"}, {}, {"2001:db8::ff"})),
              "gateway 2001:db8::ff: there is no IPv6 --address");
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {}, {"2001:db8:1::ff"})),
              "gateway 2001:db8:1::ff is on the network of no --address");
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {}, {"2001:db8::1"})),
              "gateway 2001:db8::1 is one of synfin's own addresses");
}

TEST(Families, ALinkLocalGatewayMayNameItsLink) {
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {}, {"fe80::1"})), "") << "on link everywhere";
    const Config zoned = with({"2001:db8::1/64"}, {}, {"fe80::1%eth1"});
    EXPECT_EQ(refusal(zoned), "");
    EXPECT_EQ(stack_config(zoned).gateway6, Ipv6::parse("fe80::1"));
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {}, {"fe80::1%eth2"})),
              "gateway fe80::1%eth2: the zone %eth2 is not the device (eth1)");
}

TEST(Families, TheRouterThatAdvertisesItself) {
    const Config config = with({"2001:db8::1/64"}, {"[2001:db8:9::1]"}, {"auto"});
    EXPECT_EQ(refusal(config), "") << "an off-link target has a next hop";
    EXPECT_TRUE(stack_config(config).gateway_auto);
    EXPECT_FALSE(stack_config(config).gateway6);
    EXPECT_EQ(refusal(with({"10.0.0.1/24"}, {}, {"auto"})), "gateway auto: there is no IPv6 --address");
}

TEST(Families, DuplicateAddressDetectionIsChosen) {
    Config config;
    EXPECT_EQ(stack_config(config).dad, stack::StackConfig{}.dad);
    apply_set(config, "dad=wait");
    EXPECT_EQ(stack_config(config).dad, Dad::wait);
    EXPECT_EQ(effective(config, Command::serve)["dad"], "wait");
    apply_set(config, "dad=off");
    EXPECT_EQ(stack_config(config).dad, Dad::off);
    EXPECT_NE(find_field("dad")->set(config, "on", true), "");
}

TEST(Families, ATargetNeedsAnAddressOfItsFamily) {
    EXPECT_EQ(refusal(with({"10.0.0.1/24"}, {"[2001:db8::2]"})),
              "target http://[2001:db8::2]:80/: there is no IPv6 --address to reach it from");
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {"10.0.0.2"})),
              "target http://10.0.0.2:80/: there is no IPv4 --address to reach it from");
    EXPECT_EQ(refusal(with({"2001:db8::1/64", "10.0.0.1/24"}, {"10.0.0.2", "[2001:db8::2]"})), "");
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {"[2001:db8::1]"})),
              "target http://[2001:db8::1]:80/ is one of synfin's own addresses");
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {"[2001:db8:1::2]"})),
              "target 2001:db8:1::2 is on the network of no --address, and there is no IPv6 --gateway");
    EXPECT_EQ(refusal(with({"2001:db8::1/64", "10.0.0.1/24"}, {"[2001:db8:1::2]"}, {"10.0.0.254"})),
              "target 2001:db8:1::2 is on the network of no --address, and there is no IPv6 --gateway");
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {"[fe80::2%eth1]"})), "");
    EXPECT_EQ(refusal(with({"2001:db8::1/64"}, {"[fe80::2%eth2]"})),
              "target http://[fe80::2%eth2]:80/: the zone %eth2 is not the device (eth1)");
    EXPECT_EQ(
        refusal(with({"fe80::1/64"}, {"[2001:db8::2]"}, {"fe80::9"})),
        "target http://[2001:db8::2]:80/: a link-local --address does not reach beyond its link (RFC 6724 "
        "5)");
    Config config = with({"2001:db8::1/64"}, {"[2001:db8::2]"});
    config.load.family = Family::v4;
    EXPECT_EQ(refusal(config), "target http://[2001:db8::2]:80/ is IPv6, but --family asks for IPv4");
}

TEST(Families, ANameIsReachedInAFamilyThatWeHave) {
    const std::vector<IpAddress> found = {*Ipv4::parse("10.0.0.9"), *Ipv6::parse("2001:db8::9"),
                                          *Ipv6::parse("2001:db8::a")};
    EXPECT_EQ(choose_address(found, std::nullopt, true, true), IpAddress(found[1])) << "RFC 6724: IPv6 first";
    EXPECT_EQ(choose_address(found, std::nullopt, true, false), IpAddress(found[0]));
    EXPECT_EQ(choose_address(found, Family::v4, true, true), IpAddress(found[0]));
    EXPECT_EQ(choose_address(found, Family::v6, true, true), IpAddress(found[1]));
    EXPECT_EQ(choose_address(found, Family::v6, true, false), std::nullopt);
    EXPECT_EQ(choose_address({found[0]}, std::nullopt, false, true), std::nullopt);
}

TEST(Families, NamesAreResolvedBeforeTheRun) {
    const auto both = [](const std::string&, std::string&) -> std::vector<IpAddress> {
        return {*Ipv4::parse("10.0.0.9"), *Ipv6::parse("2001:db8::9")};
    };
    Config config = with({"10.0.0.1/24", "2001:db8::1/64"}, {"www.example.org", "10.0.0.3"});
    EXPECT_EQ(refusal(config), "");
    EXPECT_EQ(resolved(config, both).load.targets[0].peer.text(), "[2001:db8::9]:80");
    EXPECT_EQ(resolved(config, both).load.targets[1].peer.text(), "10.0.0.3:80");
    const auto plan = load_plans(resolved(config, both), 0, 1).front();
    const auto& request = plan.calls[0].request;
    EXPECT_NE(std::string(request.begin(), request.end()).find("Host: www.example.org\r\n"),
              std::string::npos);

    const auto only4 = [](const std::string&, std::string&) -> std::vector<IpAddress> {
        return {*Ipv4::parse("10.0.0.9")};
    };
    const auto nobody = [](const std::string&, std::string& error) -> std::vector<IpAddress> {
        error = "unknown";
        return {};
    };
    config = with({"2001:db8::1/64"}, {"www.example.org"});
    for (const Lookup lookup : {static_cast<Lookup>(only4), static_cast<Lookup>(nobody)}) {
        try {
            static_cast<void>(resolved(config, lookup));
            FAIL();
        } catch (const UserError& error) {
            EXPECT_EQ(error.exit(), Exit::failed);
            EXPECT_NE(std::string(error.what()).find("www.example.org"), std::string::npos) << error.what();
        }
    }
}

TEST(Families, TheHostFieldHasBracketsAndNoZone) {
    const auto host_of = [](const std::string& target) {
        const auto plan = load_plans(with({"fe80::1/64"}, {target}), 0, 1).front();
        const auto& bytes = plan.calls[0].request;
        const std::string text(bytes.begin(), bytes.end());
        const size_t from = text.find("Host: ");
        return text.substr(from, text.find("\r\n", from) - from);
    };
    EXPECT_EQ(host_of("[fe80::2%eth1]:8080"), "Host: [fe80::2]:8080");
    EXPECT_EQ(host_of("[fe80::2]"), "Host: [fe80::2]");
}

TEST(Families, TuplesAreCountedForEach) {
    const Config config = with({"10.0.0.1-10.0.0.4/24", "2001:db8::1-2001:db8::2/64"},
                               {"10.0.0.9", "[2001:db8::9]", "[2001:db8::a]"});
    EXPECT_EQ(tuple_count(config, 1000), 4u * 1000 + 2u * 2 * 1000);
    EXPECT_EQ(stack_config(config).addresses.size(), 6u);
    Config name = with({"10.0.0.1-10.0.0.4/24", "2001:db8::1/64"}, {"www.example.org"});
    EXPECT_EQ(tuple_count(name, 1000), 1000u) << "IPv6, as it will be resolved";
    name.load.family = Family::v4;
    EXPECT_EQ(tuple_count(name, 1000), 4000u);
}

/// Each target meets each source of its family, and no other.
TEST(SourceSets, GoByFamilyAndScope) {
    const std::vector<IpAddress> sources = {*Ipv4::parse("10.0.0.1"), *Ipv6::parse("2001:db8::1"),
                                            *Ipv4::parse("10.0.0.2"), *Ipv6::parse("fe80::1"),
                                            *Ipv6::parse("2001:db8::2")};
    const std::vector<IpAddress> targets = {*Ipv4::parse("10.0.0.9"), *Ipv6::parse("2001:db8::9"),
                                            *Ipv6::parse("fe80::9")};
    SourceSets sets(sources, targets, 0, 1);
    std::map<uint32_t, std::set<IpAddress>> met;
    for (int i = 0; i < 8; ++i)
        for (uint32_t call = 0; call < 3; ++call) met[call].insert(sets.of(call).next());
    EXPECT_EQ(met[0], (std::set<IpAddress>{sources[0], sources[2]}));
    EXPECT_EQ(met[1], (std::set<IpAddress>{sources[1], sources[4]}));
    EXPECT_EQ(met[2], (std::set<IpAddress>{sources[3]}));
    SourceSets global({sources[1]}, {targets[2]}, 0, 1);
    EXPECT_EQ(global.of(0).next(), sources[1]) << "there is no link-local source";
    SourceSets none({sources[0]}, {targets[1]}, 0, 1);
    EXPECT_EQ(none.of(0).size(), 0u);
}

}  // namespace
}  // namespace synfin::app
