/// What `synfin serve` adds to a server: objects by size, closing after some responses, a limit of
/// connections.
#include <gtest/gtest.h>

#include <string>

#include "config/user_error.hh"
#include "config/yaml_config.hh"
#include "server_stage.hh"
#include "traffic/payload_pattern.hh"

namespace synfin::app {
namespace {

TEST(Http, AServerThatClosesSaysSoInEachResponse) {
    auto site = std::make_shared<HttpSite>(5);
    site->close_after(1);
    SiteStage stage(site);
    for (const std::string& text : {kGet, kGet, kGet + kGet}) {  // the second request is known
        EXPECT_EQ(count(stage.ask(text), "\r\nConnection: close\r\n"), 1u);
        EXPECT_TRUE(stage.talker.fin_heard);
        stage.close();
        stage.call();
    }
}

TEST(Http, AServerMayCloseAfterItsNthResponse) {
    auto site = std::make_shared<HttpSite>(5);
    site->close_after(3);
    SiteStage stage(site);
    for (const bool is_pipelined : {false, true}) {
        if (is_pipelined) {
            stage.ask(kGet + kGet + kGet + kGet);
        } else {
            stage.ask(kGet);
            stage.ask(kGet);
            EXPECT_FALSE(stage.talker.fin_heard);
            EXPECT_EQ(count(stage.talker.heard, "Connection: close\r\n"), 0u);
            stage.ask(kGet);
        }
        EXPECT_EQ(count(stage.talker.heard, "200 OK"), 3u);
        EXPECT_EQ(count(stage.talker.heard, "Connection: close\r\n"), 1u);
        EXPECT_TRUE(stage.talker.fin_heard);
        stage.close();
        stage.call();
    }
}

std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

TEST(Http, ObjectsBySizeAreThePatternOfTheirOffset) {
    for (const uint64_t size :
         {uint64_t{0}, uint64_t{1}, uint64_t{1'000}, uint64_t{65'537}, uint64_t{3'000'000}}) {
        Stage<HttpServer> stage(uint64_t{5}, 1'000u);
        stage.talker.read_at_most = 100;  // a head in two parts, and a full send buffer
        stage.ask(get("/size/" + std::to_string(size)), 50ms);
        stage.talker.read_at_most = ~size_t{0};
        ASSERT_TRUE(stage.talker.c.resume());
        const std::string& heard = stage.talker.heard;
        stage.run(50ms);
        const size_t body = heard.find("\r\n\r\n") + 4;
        for (int i = 0; i < 100 && heard.size() < body + size; ++i) stage.run(50ms);
        EXPECT_NE(heard.find("\r\nContent-Length: " + std::to_string(size) + "\r\n"), heard.npos);
        EXPECT_NE(heard.find("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), heard.npos);
        ASSERT_EQ(heard.size(), body + size);
        const Bytes bytes(reinterpret_cast<const uint8_t*>(heard.data()) + body, size);
        EXPECT_EQ(PayloadPattern::instance().first_difference(bytes, 0), std::nullopt);
        // The connection stays, and the next object begins at its own offset 0.
        stage.talker.heard.clear();
        stage.ask(get("/size/2k"));
        ASSERT_EQ(heard.substr(0, 15), "HTTP/1.1 200 OK");
        const size_t next = heard.find("\r\n\r\n") + 4;
        ASSERT_EQ(heard.size(), next + 2'000);
        EXPECT_EQ(static_cast<uint8_t>(heard[next + 1'999]), PayloadPattern::byte_at(1'999));
    }
}

TEST(Http, ObjectsBySizeYieldToTheSite) {
    auto site = std::make_shared<HttpSite>(5);
    site->add(*Route::parse("/size/7=410").value);
    SiteStage stage(site);
    const auto status = [&](const std::string& path) {
        stage.talker.heard.clear();
        return stage.ask(get(path)).substr(9, 3);
    };
    for (int i = 0; i < 2; ++i) {  // the second time the request is known
        EXPECT_EQ(status("/size/7"), "410");
        EXPECT_EQ(status("/size/7?x"), "410");
        EXPECT_EQ(status("/size/8?x"), "200");
        EXPECT_EQ(status("/size/8x"), "404");
        EXPECT_EQ(status("/size/"), "404");
        EXPECT_EQ(status("/size"), "200");
        EXPECT_EQ(stage.talker.heard.substr(stage.talker.heard.size() - 5), "abcde");
    }
    stage.talker.heard.clear();
    stage.ask("HEAD /size/1TB HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(stage.talker.heard.substr(9, 3), "404") << "sizes have no such unit";
    stage.talker.heard.clear();
    stage.ask("HEAD /size/1GiB HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_NE(stage.talker.heard.find("Content-Length: 1073741824\r\nConnection: close\r\n\r\n"),
              std::string::npos);
    EXPECT_TRUE(stage.talker.fin_heard);
}

TEST(SizedPath, ReadsTheUnitsOfSizes) {
    const auto size_of = [](std::string_view path) {
        SizedPath sized;
        for (const char c : path) sized.add(static_cast<uint8_t>(c));
        return sized.size();
    };
    EXPECT_EQ(size_of("/size/0"), 0u);
    EXPECT_EQ(size_of("/size/64KiB"), 65'536u);
    EXPECT_EQ(size_of("/size/64k"), 64'000u);
    EXPECT_EQ(size_of("/size/1024GiB"), SizedPath::kMost);
    for (const std::string_view wrong :
         {"/size/1025GiB", "/size/", "/size/k", "/size/1kk", "/size/1KiBx", "/size/1k1", "/size/1/2",
          "/size/-1", "/siz/1", "/Size/1", "/size", "/size/99999999999999999999999", "/x/size/1"})
        EXPECT_EQ(size_of(wrong), std::nullopt) << wrong;
}

TEST(ServeApps, MoreThanTheAcceptRateAreReset) {
    Stage<ServeApps> stage(std::vector<ServeConfig::Listen>{{{kPort, kPort}, ServeConfig::App::http}},
                           TimeOuts{}, std::make_shared<const HttpSite>(5), 1'000u, uint64_t{10});
    unsigned reset = 0;
    constexpr unsigned kCalls = 200;  // one each 10 ms
    for (unsigned i = 0; i < kCalls; ++i) {
        stage.run(4ms);
        reset += stage.talker.closed && stage.talker.why.reason == CloseReason::reset_by_peer ? 1 : 0;
        if (!stage.talker.closed)
            stage.close();
        else
            stage.run(5ms);
        stage.call();
    }
    EXPECT_NEAR(reset, kCalls * 9 / 10, 2);
    stage.run(5ms);
    const ServerTally tally = stage.server.tally();
    EXPECT_EQ(tally.established, kCalls + 1);
    EXPECT_LE(tally.over_rate - reset, 1u) << "the last one may be reset after the count";
    EXPECT_EQ(tally.ended_by[static_cast<size_t>(CloseReason::aborted)], tally.over_rate);
}

TEST(AcceptLimit, EnginesShareIt) {
    for (const unsigned engines : {1u, 3u, 4u}) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < engines; ++i) sum += AcceptLimit::share(1'001, i, engines);
        EXPECT_EQ(sum, 1'001u);
        EXPECT_EQ(AcceptLimit::share(1, 0, engines), 1u);
        EXPECT_EQ(AcceptLimit::share(0, 0, engines), 0u);
    }
}

TEST(ServeConfig, RefusesContradictions) {
    const auto refusal = [](const std::string& yaml) -> std::string {
        Config config;
        read_yaml(config, yaml, "f.yaml");
        try {
            validate_serve(config);
        } catch (const UserError& error) {
            return error.what();
        }
        return {};
    };
    EXPECT_EQ(refusal("serve: {keep-alive: 3, close-by: server}"), "");
    EXPECT_NE(refusal("serve: {keep-alive: 3, close-by: client}"), "");
    EXPECT_NE(refusal("serve: {app: echo, keep-alive: 3}"), "");
    EXPECT_NE(refusal("serve: {app: echo, close-by: server}"), "");
    EXPECT_EQ(refusal("serve: {app: echo, accept-rate: 3}"), "");
}

}  // namespace
}  // namespace synfin::app
