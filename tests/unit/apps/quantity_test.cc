#include "config/quantity.hh"

#include <gtest/gtest.h>

#include "config/target.hh"

namespace synfin::app {
namespace {

TEST(Units, DurationsHaveUnits) {
    EXPECT_EQ(*parse_duration("10s").value, 10s);
    EXPECT_EQ(*parse_duration("250ms").value, 250ms);
    EXPECT_EQ(*parse_duration("2m").value, 120s);
    EXPECT_EQ(*parse_duration("1h").value, 3600s);
    EXPECT_EQ(*parse_duration("7us").value, 7us);
    EXPECT_EQ(*parse_duration("0.1s").value, 100ms);
    EXPECT_EQ(*parse_duration("1.5ms").value, 1500us);
    EXPECT_EQ(*parse_duration("0").value, 0s);
    for (const char* bad : {"", "s", "-1s", "1 s", "1.s", ".5s", "1.2.3s", "0.5ns", "10 parsecs", "25000h",
                            "99999999999999999999s", "1e3s"})
        EXPECT_FALSE(parse_duration(bad)) << bad;
    EXPECT_EQ(*parse_duration("10").value, 10s) << "a bare number is seconds";
    EXPECT_EQ(*parse_duration("1.5").value, 1500ms);
    EXPECT_EQ(parse_duration("10x").error,
              "expected a duration such as 10 (seconds), 250ms or 2m, found '10x'");
    EXPECT_EQ(parse_duration("").error,
              "expected a duration such as 10 (seconds), 250ms or 2m, found nothing");
}

TEST(Units, RangesOfCounts) {
    EXPECT_EQ(*parse_count_range("7").value, (CountRange{7, 7}));
    EXPECT_EQ(*parse_count_range("1-8").value, (CountRange{1, 8}));
    EXPECT_EQ(*parse_count_range("1k").value, (CountRange{1000, 1000}));
    EXPECT_EQ(parse_count_range("unlimited").value->most, 0u);
    for (const char* bad : {"", "0", "0-3", "8-1", "1-", "-1", "many", "2G", "1.5"})
        EXPECT_FALSE(parse_count_range(bad)) << bad;
    for (const char* text : {"7", "1-8", "unlimited"})
        EXPECT_EQ(count_range_text(*parse_count_range(text).value), text);
}

TEST(Units, Counts) {
    EXPECT_EQ(*parse_count("64k").value, 64'000u);
    EXPECT_EQ(*parse_count("1M").value, 1'000'000u);
    EXPECT_EQ(*parse_count("2.5M").value, 2'500'000u);
    EXPECT_EQ(*parse_count("0").value, 0u);
    EXPECT_EQ(*parse_count("18446744073709551615").value, ~uint64_t{0});
    for (const char* bad : {"", "k", "1K", "1.5", "64q", "1kk", "18446744073709551616", "18446744073709552k"})
        EXPECT_FALSE(parse_count(bad)) << bad;
}

TEST(Units, Sizes) {
    EXPECT_EQ(*parse_bytes("64KiB").value, 65'536u);
    EXPECT_EQ(*parse_bytes("9000B").value, 9'000u);
    EXPECT_EQ(*parse_bytes("9000").value, 9'000u);
    EXPECT_EQ(*parse_bytes("1.5MiB").value, 1'572'864u);
    EXPECT_EQ(*parse_bytes("1MB").value, 1'000'000u);
    EXPECT_EQ(*parse_bytes("1GiB").value, 1u << 30);
    for (const char* bad : {"", "B", "1.3KiB", "1 KiB", "1kib"}) EXPECT_FALSE(parse_bytes(bad)) << bad;
}

TEST(Units, Percentages) {
    EXPECT_EQ(*parse_percent("1%").value, 10'000u);
    EXPECT_EQ(*parse_percent("0.0001%").value, 1u);
    EXPECT_EQ(*parse_percent("12.5%").value, 125'000u);
    EXPECT_EQ(*parse_percent("100%").value, 1'000'000u);
    EXPECT_EQ(*parse_percent("0").value, 0u);
    for (const char* wrong : {"", "1", "%", "101%", "100.0001%", "0.00001%", "-1%", "1 %", "1%%"})
        EXPECT_FALSE(parse_percent(wrong)) << wrong;
    EXPECT_NE(parse_percent("1").error.find("found '1'"), std::string::npos);
    for (const uint64_t ppm : {0ull, 1ull, 500ull, 10'000ull, 125'000ull, 1'000'000ull})
        EXPECT_EQ(*parse_percent(percent_text(ppm)).value, ppm) << percent_text(ppm);
    EXPECT_EQ(percent_text(500), "0.05%");
}

TEST(Units, PortsAndCores) {
    EXPECT_EQ(*parse_ports("80").value, (PortRange{80, 80}));
    EXPECT_EQ(*parse_ports("8000-8099").value, (PortRange{8000, 8099}));
    EXPECT_EQ(parse_ports("1-65535").value->size(), 65'535u);
    for (const char* bad : {"", "0", "65536", "9-8", "80-", "-80", "a", "80-90-100"})
        EXPECT_FALSE(parse_ports(bad)) << bad;
    EXPECT_EQ(*parse_cores("0-2,7").value, (std::vector<unsigned>{0, 1, 2, 7}));
    for (const char* bad : {"", "0,0", "1-0", "0-2,1", "a", "0,", "1024"})
        EXPECT_FALSE(parse_cores(bad)) << bad;
}

TEST(Units, TextsReadBack) {
    for (const Duration d :
         {Duration(0), Duration(30s), Duration(90s), Duration(250ms), Duration(7us), Duration(3ns)})
        EXPECT_EQ(*parse_duration(duration_text(d)).value, d) << duration_text(d);
    EXPECT_EQ(count_text(999), "999");
    EXPECT_EQ(count_text(12'345), "12.35k");
    EXPECT_EQ(count_text(1'234'567), "1.23M");
    EXPECT_EQ(bytes_text(640), "640 B");
    EXPECT_EQ(bytes_text(1.5 * (1 << 30)), "1.50 GiB");
}

TEST(Units, NearestWord) {
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    EXPECT_EQ(nearest("listn", {"app", "listen", "backlog"}), "listen");
    EXPECT_EQ(nearest("zzz", {"app", "listen"}), std::nullopt);
    EXPECT_EQ(nearest("x", {}), std::nullopt);
}

TEST(Targets, Forms) {
    const auto http = Target::parse("http://10.0.0.2/a?b=c");
    ASSERT_TRUE(http) << http.error;
    EXPECT_EQ(http.value->protocol, Target::Protocol::http);
    EXPECT_EQ(http.value->peer.text(), "10.0.0.2:80");
    EXPECT_EQ(http.value->path, "/a?b=c");
    EXPECT_EQ(http.value->text(), "http://10.0.0.2:80/a?b=c");
    EXPECT_EQ(Target::parse("http://10.0.0.2:8080").value->path, "/");
    EXPECT_EQ(Target::parse("tcp://10.0.0.2:7").value->text(), "tcp://10.0.0.2:7");
    EXPECT_TRUE(Target::parse("tcp://10.0.0.2:7/"));
    // As people type them.
    for (const auto& [text, full] : {std::pair{"10.0.0.2", "http://10.0.0.2:80/"},
                                     {"10.0.0.2:8080/x", "http://10.0.0.2:8080/x"},
                                     {"HTTP://10.0.0.2/", "http://10.0.0.2:80/"},
                                     {"TCP://10.0.0.2:7", "tcp://10.0.0.2:7"},
                                     {"http://10.0.0.2?a=b", "http://10.0.0.2:80/?a=b"},
                                     {"http://10.0.0.2/a#part", "http://10.0.0.2:80/a"},
                                     {"http://10.0.0.2#part", "http://10.0.0.2:80/"},
                                     {"www.Example.org", "http://www.Example.org:80/"},
                                     {"tcp://db_1.local:5432", "tcp://db_1.local:5432"},
                                     {"10.0.0.2/?to=http://x", "http://10.0.0.2:80/?to=http://x"}}) {
        const auto target = Target::parse(text);
        ASSERT_TRUE(target) << target.error;
        EXPECT_EQ(target.value->text(), full);
    }
    EXPECT_FALSE(Target::parse("http://example.org/").value->is_resolved());
    EXPECT_TRUE(http.value->is_resolved());
    for (const char* bad :
         {"", "10.0.0.300", "10.0.0", "user@host", "a..b", "-a", "ftp://10.0.0.2/", "https://10.0.0.2/",
          "http://10.0.0.2:0/", "http://10.0.0.2:70000/", "tcp://10.0.0.2", "tcp://10.0.0.2:7/x",
          "http://[::1]/", "http://224.0.0.1/", "http://255.255.255.255/", "http://0.0.0.0/",
          "http://10.0.0.2/a b", "http://10.0.0.2/\n", "http:///x"})
        EXPECT_FALSE(Target::parse(bad)) << bad;
}

TEST(Quantity, ExactTextsAreReadBackAsTheSame) {
    for (const uint64_t n : {0ull, 64ull, 999ull, 1'000ull, 1'500ull, 1'024ull, 262'144ull, 1'048'576ull,
                             64'000'000ull, 1'000'000'000ull, 1ull << 40}) {
        EXPECT_EQ(*parse_count(exact_count_text(n)).value, n);
        EXPECT_EQ(*parse_bytes(exact_bytes_text(n)).value, n);
    }
    EXPECT_EQ(exact_count_text(64'000'000), "64M");
    EXPECT_EQ(exact_count_text(16'384), "16384");
    EXPECT_EQ(exact_bytes_text(262'144), "256KiB");
    EXPECT_EQ(exact_bytes_text(1'500), "1500B");
}

}  // namespace
}  // namespace synfin::app
