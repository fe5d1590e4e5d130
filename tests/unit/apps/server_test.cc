/// The servers as a peer sees them, byte by byte, on two engines in virtual time.
#include <gtest/gtest.h>

#include <string>

#include "server_stage.hh"
#include "servers/chargen_server.hh"
#include "servers/discard_server.hh"
#include "servers/echo_server.hh"
#include "servers/http_server.hh"
#include "servers/serve_apps.hh"

namespace synfin::app {
namespace {

TEST(Echo, ReturnsEveryByteAndClosesAfterThePeer) {
    Stage<EchoServer> stage;
    EXPECT_EQ(stage.ask("hello"), "hello");
    ASSERT_TRUE(stage.talker.c.shutdown());
    stage.run(5ms);
    EXPECT_TRUE(stage.talker.fin_heard);
    EXPECT_TRUE(stage.talker.closed);
    EXPECT_EQ(stage.talker.why.reason, CloseReason::fin);
    EXPECT_EQ(stage.server.tally().completed, 1u);
}

TEST(Echo, APeerThatDoesNotReadClosesItsOwnWindow) {
    Stage<EchoServer> stage;
    std::string text;
    for (int i = 0; i < 3'000'000; ++i) text += static_cast<char>('a' + i % 23);
    stage.talker.read_at_most = 0;
    stage.ask(text, 500ms);
    EXPECT_FALSE(stage.talker.to_say.empty()) << "the echo takes no more than it can return";
    stage.talker.read_at_most = ~size_t{0};
    ASSERT_TRUE(stage.talker.c.resume());
    for (int i = 0; i < 100 && stage.talker.heard.size() < text.size(); ++i) stage.run(100ms);
    EXPECT_EQ(stage.talker.heard.size(), text.size());
    EXPECT_TRUE(stage.talker.heard == text);
    ASSERT_TRUE(stage.talker.c.shutdown());
    stage.run(50ms);
    EXPECT_TRUE(stage.talker.fin_heard);
}

TEST(Discard, ReadsAndSaysNothing) {
    Stage<DiscardServer> stage;
    EXPECT_EQ(stage.ask("anything"), "");
    ASSERT_TRUE(stage.talker.c.shutdown());
    stage.run(5ms);
    EXPECT_TRUE(stage.talker.fin_heard);
}

TEST(Chargen, SendsThePatternUntilClosed) {
    Stage<ChargenServer> stage;
    stage.run(5ms);
    stage.close();
    EXPECT_TRUE(stage.talker.closed);
    const std::string& text = stage.talker.heard;
    ASSERT_GT(text.size(), 100'000u) << "more than one turn of the buffer";
    for (size_t i = 0; i < text.size(); ++i) {
        const size_t line = i / 74 % 95, column = i % 74;
        const char want = column == 72   ? '\r'
                          : column == 73 ? '\n'
                                         : static_cast<char>(' ' + (line + column) % 95);
        ASSERT_EQ(text[i], want) << i;
    }
}

TEST(Http, KeepAliveAndClose) {
    Stage<HttpServer> stage(uint64_t{5}, 1'000u);
    EXPECT_EQ(stage.ask(kGet),
              "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: synfin\r\nContent-Type: "
              "text/plain\r\n"
              "Content-Length: 5\r\n\r\nabcde");
    EXPECT_FALSE(stage.talker.fin_heard);
    stage.talker.heard.clear();
    EXPECT_EQ(stage.ask(kLast),
              "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: synfin\r\nContent-Type: "
              "text/plain\r\n"
              "Content-Length: 5\r\nConnection: close\r\n\r\nabcde");
    EXPECT_TRUE(stage.talker.fin_heard) << "the server closes first";
    stage.close();
    EXPECT_EQ(stage.talker.why.reason, CloseReason::fin);
    EXPECT_EQ(stage.server.tally().completed, 1u);
    EXPECT_EQ(stage.ends.server().occupancy().time_wait, 1u);
}

TEST(Http, HeadHasNoBodyAndHttp10Closes) {
    Stage<HttpServer> stage(uint64_t{5}, 1'000u);
    EXPECT_EQ(stage.ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: synfin\r\nContent-Type: "
              "text/plain\r\n"
              "Content-Length: 5\r\n\r\n");
    stage.ask("GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(stage.talker.fin_heard);
}

TEST(Http, PipelinedRequestsAreAnsweredInOrder) {
    Stage<HttpServer> stage(uint64_t{3}, 1'000u);
    stage.ask(kGet + kHead + "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody" +
              "DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody" + kGet + kLast + kGet);
    const std::string& heard = stage.talker.heard;
    EXPECT_EQ(count(heard, "HTTP/1.1 200 OK"), 5u) << heard;
    EXPECT_EQ(count(heard, "HTTP/1.1 405 Method Not Allowed\r\n"), 1u);
    EXPECT_EQ(count(heard, "Allow: GET, HEAD, POST, PUT\r\nContent-Length: 0\r\n\r\n"), 1u);
    EXPECT_EQ(count(heard, "abc"), 4u);
    EXPECT_LT(heard.find("405"), heard.rfind("200"));
    EXPECT_TRUE(stage.talker.fin_heard)
        << "what follows Connection: close is not answered, and resets nothing";
    stage.close();
    EXPECT_EQ(stage.talker.why.reason, CloseReason::fin);
}

TEST(Http, RequestsInPieces) {
    Stage<HttpServer> stage(uint64_t{2}, 1'000u);
    for (const char byte : kGet) stage.ask(std::string(1, byte), 200us);
    stage.run(100ms);
    EXPECT_EQ(count(stage.talker.heard, "200 OK"), 1u);
}

TEST(Http, RefusalsCloseWithoutReset) {
    for (const auto& [request, status] :
         {std::pair<std::string, std::string>{"nonsense\r\n\r\n", "400 Bad Request"},
          {"GET / HTTP/1.1\r\nX: " + std::string(9'000, 'x') + "\r\n\r\n",
           "431 Request Header Fields Too Large"},
          {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
           "501 Not Implemented"},
          {"DELETE / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
           "405 Method Not Allowed"},
          {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"}}) {
        Stage<HttpServer> stage(uint64_t{2}, 1'000u);
        stage.ask(request);
        EXPECT_EQ(stage.talker.heard.find("HTTP/1.1 " + status), 0u) << stage.talker.heard;
        EXPECT_NE(stage.talker.heard.find("Connection: close\r\n"), std::string::npos);
        EXPECT_TRUE(stage.talker.fin_heard);
        stage.ask("more that nobody reads");
        EXPECT_FALSE(stage.talker.closed) << "no RST that could overtake the answer";
        stage.close();
        EXPECT_EQ(stage.talker.why.reason, CloseReason::fin) << request.substr(0, 20);
        EXPECT_EQ(stage.server.tally().bad_requests, 1u);
    }
}

TEST(Http, APeerThatStaysIsNotWaitedForForever) {
    Stage<HttpServer> stage(uint64_t{2}, 1'000u);
    stage.ask("nonsense\r\n\r\n");
    EXPECT_TRUE(stage.talker.fin_heard);
    stage.run(ConnectionTimers::kLinger + 10ms);
    stage.ask("still there", 10ms);
    EXPECT_TRUE(stage.talker.closed) << "after the linger time data is answered by RST";
    EXPECT_EQ(stage.talker.why.reason, CloseReason::reset_by_peer);
}

TEST(Http, LargeBodiesWaitForAReader) {
    constexpr uint64_t kSize = 2'000'000;
    Stage<HttpServer> stage(kSize, 1'000u);
    stage.talker.read_at_most = 1'000;
    stage.ask(kGet + kLast, 100ms);
    EXPECT_EQ(stage.talker.heard.size(), 1'000u);
    stage.talker.read_at_most = ~size_t{0};
    ASSERT_TRUE(stage.talker.c.resume());
    for (int i = 0; i < 100 && !stage.talker.fin_heard; ++i) stage.run(100ms);
    EXPECT_TRUE(stage.talker.fin_heard);
    const std::string& heard = stage.talker.heard;
    const size_t body = heard.find("\r\n\r\n") + 4, second = heard.find("HTTP/1.1", body);
    ASSERT_EQ(second, body + kSize);
    for (uint64_t i = 0; i < kSize; ++i)
        ASSERT_EQ(heard[body + i], static_cast<char>('a' + i % 65'536 % 26)) << i;
    EXPECT_EQ(heard.size(), heard.find("\r\n\r\n", second) + 4 + kSize);
}

TEST(Http, PeerFinEndsAnIdleConnection) {
    Stage<HttpServer> stage(uint64_t{2}, 1'000u);
    for (const unsigned completed : {1u, 2u}) {  // the second one's request is known
        stage.ask(kGet);
        ASSERT_TRUE(stage.talker.c.shutdown());
        stage.run(5ms);
        EXPECT_TRUE(stage.talker.fin_heard);
        EXPECT_EQ(stage.server.tally().completed, completed);
        stage.call();
    }
    ASSERT_TRUE(stage.talker.c.shutdown());
    stage.run(5ms);
    EXPECT_TRUE(stage.talker.fin_heard) << "that never said anything";
    EXPECT_EQ(stage.server.tally().completed, 3u);
}

TEST(Http, AKnownRequestIsAnsweredWithoutARecord) {
    Stage<HttpServer> stage(uint64_t{5}, 1'000u);
    const std::string answer = stage.ask(kGet);
    const size_t one = stage.server.memory_bytes();
    EXPECT_GT(one, 0u);
    for (unsigned i = 2; i < 6; ++i) {  // beside the first, which stays open
        stage.call();
        EXPECT_EQ(stage.ask(kGet), answer);
        EXPECT_EQ(stage.ask(kGet), answer + answer);
        EXPECT_EQ(stage.server.memory_bytes(), one);
    }
    EXPECT_EQ(stage.server.tally().requests, 9u);
    EXPECT_EQ(stage.ask(kGet + kGet), answer + answer + answer + answer) << "two at once need a record";
    EXPECT_GT(stage.server.memory_bytes(), one);
}

TEST(Http, AKnownRequestIsLearnedAnew) {
    Stage<HttpServer> stage(uint64_t{5}, 1'000u);
    for (unsigned i = 0; i < 6; ++i) {
        stage.ask(kLast);
        EXPECT_EQ(count(stage.talker.heard, "abcde"), 1u);
        EXPECT_TRUE(stage.talker.fin_heard);
        stage.close();
        EXPECT_EQ(stage.talker.why.reason, CloseReason::fin);
        stage.call();
        if (i % 2 == 0) continue;
        stage.ask(kHead);
        EXPECT_EQ(count(stage.talker.heard, "200 OK"), 1u);
        EXPECT_EQ(count(stage.talker.heard, "abcde"), 0u);
        EXPECT_FALSE(stage.talker.fin_heard);
        stage.close();
        stage.call();
    }
    const std::string put = "DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";
    for (unsigned i = 0; i < 2; ++i) {  // known or not, a body follows
        stage.ask(put + "body");
        EXPECT_EQ(count(stage.talker.heard, "405 Method Not Allowed"), 1u);
        stage.call();
        stage.ask(put);
        stage.ask("body" + kGet);
        EXPECT_EQ(count(stage.talker.heard, "405 Method Not Allowed"), 1u);
        EXPECT_EQ(count(stage.talker.heard, "200 OK"), 1u);
        stage.call();
    }
    EXPECT_EQ(stage.server.tally().bad_requests, 4u);
}

TEST(Http, AKnownRequestWhoseAnswerDoesNotFit) {
    constexpr uint64_t kSize = 2'000'000;
    Stage<HttpServer> stage(kSize, 1'000u);
    for (unsigned i = 0; i < 3; ++i) {
        stage.talker.read_at_most = 1'000;
        stage.ask(kLast, 100ms);
        EXPECT_EQ(stage.talker.heard.size(), 1'000u);
        stage.talker.read_at_most = ~size_t{0};
        ASSERT_TRUE(stage.talker.c.resume());
        for (int turn = 0; turn < 100 && !stage.talker.fin_heard; ++turn) stage.run(100ms);
        EXPECT_TRUE(stage.talker.fin_heard);
        EXPECT_EQ(stage.talker.heard.size(), stage.talker.heard.find("\r\n\r\n") + 4 + kSize);
        stage.close();
        stage.call();
    }
    EXPECT_EQ(stage.server.tally().completed, 3u);
}

// -- bodies, versions, Date

const std::string kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

TEST(Http, BodiesOfRequestsAreReadBeforeTheAnswer) {
    Stage<HttpServer> stage(uint64_t{2}, 1'000u);
    const std::string sized = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";
    EXPECT_EQ(stage.ask(sized + "0123"), "");
    stage.ask("456789");
    EXPECT_EQ(count(stage.talker.heard, "200 OK"), 1u);
    const std::string chunked = "PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stage.ask(chunked + "5;a=b\r\nhel");
    EXPECT_EQ(count(stage.talker.heard, "200 OK"), 1u);
    stage.ask("lo\r\n0\r\nX: y\r\n\r\n" + kGet + sized + "0123456789" + chunked + "0\r\n\r\n" + kGet);
    EXPECT_EQ(count(stage.talker.heard, "200 OK"), 6u) << stage.talker.heard;
    EXPECT_FALSE(stage.talker.fin_heard);
    stage.ask(chunked + "5 5\r\n");
    EXPECT_EQ(count(stage.talker.heard, "400 Bad Request"), 1u);
    EXPECT_TRUE(stage.talker.fin_heard);
    EXPECT_EQ(stage.server.tally().requests, 7u);
}

TEST(Http, AnExpectationIsAnsweredOnlyByWhoWaits) {
    Stage<HttpServer> stage(uint64_t{2}, 1'000u);
    const std::string post =
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    for (int i = 1; i <= 2; ++i) {  // the second one's head is known
        EXPECT_EQ(stage.ask(post), kContinue);
        stage.ask("hello");
        EXPECT_EQ(count(stage.talker.heard, "200 OK"), 1u);
        stage.talker.heard.clear();
    }
    stage.ask(post + "hello");
    EXPECT_EQ(stage.talker.heard.find("HTTP/1.1 200 OK"), 0u) << "it did not wait";
    stage.talker.heard.clear();
    stage.ask("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(stage.talker.heard, "") << "HTTP/1.0 has no interim responses";
}

TEST(Http, KeepAliveOfHttp10) {
    Stage<HttpServer> stage(uint64_t{2}, 1'000u);
    const std::string get = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    for (unsigned i = 1; i <= 3; ++i) {
        stage.ask(get);
        EXPECT_EQ(count(stage.talker.heard, "Connection: keep-alive\r\n"), i);
    }
    EXPECT_FALSE(stage.talker.fin_heard);
    stage.ask("GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(count(stage.talker.heard, "Connection: close\r\n"), 1u);
    EXPECT_TRUE(stage.talker.fin_heard);
}

TEST(Http, DateIsThatOfTheSecond) {
    Stage<HttpServer> stage(uint64_t{2}, 1'000u);
    stage.ask(kGet);
    EXPECT_EQ(count(stage.talker.heard, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 1u);
    wall_seconds += 31;
    stage.run(1s);
    stage.ask(kGet + kGet);
    EXPECT_EQ(count(stage.talker.heard, "Date: Sun, 06 Nov 1994 08:50:08 GMT\r\n"), 2u);
    wall_seconds -= 31;
}

/// A head that leaves in parts, some seconds apart, is of one second.
TEST(Http, DateOfAHeadThatHasBegunStays) {
    Stage<HttpServer> stage(uint64_t{100}, 1'000u);
    std::string all;
    for (int i = 0; i < 6'000; ++i) all += kGet;
    stage.talker.read_at_most = 0;
    stage.ask(all, 200ms);
    for (int i = 0; i < 40 && stage.talker.heard.size() < 6'000 * 190; ++i) {
        ++wall_seconds;
        stage.talker.read_at_most += 33'333;
        static_cast<void>(stage.talker.c.resume());
        stage.run(1s);
    }
    const std::string& heard = stage.talker.heard;
    size_t responses = 0, at = 0;
    std::string last;
    for (; at + 400 < heard.size(); ++responses) {
        ASSERT_EQ(heard.compare(at, 21, "HTTP/1.1 200 OK\r\nDate"), 0) << responses;
        const std::string date = heard.substr(at + 23, 29);
        ASSERT_EQ(date.substr(0, 20) + date.substr(25), "Sun, 06 Nov 1994 08: GMT") << date;
        ASSERT_GE(date, last) << "of one second, whole";
        last = date;
        at = heard.find("\r\n\r\n", at) + 4 + 100;
    }
    EXPECT_GT(responses, 5'000u);
    wall_seconds = 784'111'777;
}

TEST(Http, AResetWhileNothingIsOwedIsNoFailure) {
    Stage<HttpServer> stage(uint64_t{2}, 1'000u);
    const auto failed = [&] {
        return stage.server.tally().ended_by[static_cast<size_t>(CloseReason::reset_by_peer)];
    };
    stage.ask(kGet);  // known from then on
    ASSERT_TRUE(stage.talker.c.abort());
    stage.run(1ms);
    stage.call();
    stage.ask(kGet);
    ASSERT_TRUE(stage.talker.c.abort());
    stage.run(1ms);
    EXPECT_EQ(stage.server.tally().completed, 2u);
    EXPECT_EQ(failed(), 0u);
    stage.call();
    stage.ask("GET / HT");
    ASSERT_TRUE(stage.talker.c.abort());
    stage.run(1ms);
    EXPECT_EQ(failed(), 1u) << "in the middle of a request";
    Stage<HttpServer> large(uint64_t{2'000'000}, 1'000u);
    large.talker.read_at_most = 1;
    large.ask(kGet);
    ASSERT_TRUE(large.talker.c.abort());
    large.run(1ms);
    EXPECT_EQ(large.server.tally().completed, 0u) << "in the middle of a response";
}

// -- `synfin serve`: routes, several applications, time-outs

using Listen = ServeConfig::Listen;
using App = ServeConfig::App;

std::shared_ptr<HttpSite> site_of(const std::vector<const char*>& routes = {}) {
    auto site = std::make_shared<HttpSite>(2);
    for (const char* route : routes) site->add(*Route::parse(route).value);
    return site;
}

struct Served : Stage<ServeApps> {
    explicit Served(const TimeOuts& time_outs, App app = App::http,
                    const std::shared_ptr<HttpSite>& site = site_of())
        : Stage<ServeApps>(std::vector<Listen>{{{kPort, kPort}, app}}, time_outs,
                           std::shared_ptr<const HttpSite>(site), 1'000u) {}
};

TEST(Routes, GiveWhatTheySay) {
    Served stage(
        {}, App::http,
        site_of({"/gone=410,5", "/none=204", "/slow=200,3,100ms", "/slower=503,300ms", "/large=200,100kB"}));
    EXPECT_EQ(stage.ask("GET /gone?x HTTP/1.1\r\nHost: x\r\n\r\n").find("HTTP/1.1 410 Gone\r\n"), 0u);
    EXPECT_EQ(stage.talker.heard.substr(stage.talker.heard.size() - 9), "\r\n\r\nabcde");
    stage.talker.heard.clear();
    stage.ask("GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(stage.talker.heard.find("HTTP/1.1 204 No Content\r\n"), 0u);
    EXPECT_EQ(stage.talker.heard.find("Content-Length"), std::string::npos);
    stage.talker.heard.clear();
    stage.ask("GET /large HTTP/1.1\r\nHost: x\r\n\r\n", 100ms);
    EXPECT_EQ(stage.talker.heard.size() - stage.talker.heard.find("\r\n\r\n") - 4, 100'000u);
    stage.talker.heard.clear();
    stage.ask("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(stage.talker.heard.find("HTTP/1.1 200 OK\r\n"), 0u) << "every other path, as ever";
}

TEST(Routes, ADelayHoldsOneConnectionOnly) {
    Served stage({}, App::http, site_of({"/slow=200,3,100ms", "/slower=503,300ms"}));
    for (int i = 0; i < 2; ++i) {  // the second time, the head is known
        const std::string slow = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
        EXPECT_EQ(stage.ask(slow, 98ms), "");
        stage.run(5ms);
        EXPECT_EQ(count(stage.talker.heard, "abc"), 1u);
        stage.talker.heard.clear();
    }
    stage.ask("GET /slower HTTP/1.1\r\nHost: x\r\n\r\n" + kGet, 295ms);
    EXPECT_EQ(stage.talker.heard, "") << "what is pipelined behind it waits";
    stage.call();
    stage.ask(kGet, 2ms);
    EXPECT_EQ(count(stage.talker.heard, "200 OK"), 1u) << "another connection does not";
    stage.run(10ms);
    EXPECT_EQ(count(stage.talker.heard, "503 Service Unavailable"), 1u);  // one talker hears for both
    EXPECT_EQ(count(stage.talker.heard, "200 OK"), 2u);
    stage.ask("GET /slower HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(stage.talker.c.abort());
    stage.run(400ms);
    EXPECT_EQ(stage.ends.server().records().open, 1u) << "gone before its time came";
}

TEST(Serve, EveryPortHasItsApplication) {
    Stage<ServeApps> stage(
        std::vector<Listen>{{{kPort, kPort}, App::http}, {{7, 8}, App::echo}, {{9, 9}, App::discard}},
        TimeOuts{}, std::shared_ptr<const HttpSite>(site_of()), 1'000u);
    EXPECT_TRUE(stage.ends.server().listen(7));
    EXPECT_TRUE(stage.ends.server().listen(8));
    EXPECT_TRUE(stage.ends.server().listen(9));
    EXPECT_EQ(count(stage.ask(kGet), "200 OK"), 1u);
    for (const uint16_t port : {uint16_t{7}, uint16_t{8}, uint16_t{9}, uint16_t{7}}) {
        stage.close();
        stage.call(port);
        EXPECT_EQ(stage.ask("hello"), port == 9 ? "" : "hello") << port;
    }
    EXPECT_EQ(stage.server.tally().established, 5u);
}

constexpr TimeOuts kShort{.idle = 600ms, .head = 100ms, .send = 600ms};

TEST(TimeOut, IdleConnectionsAreClosed) {
    for (const App app : {App::http, App::echo, App::discard}) {
        Served stage(kShort, app);
        stage.run(590ms);
        EXPECT_FALSE(stage.talker.fin_heard);
        stage.run(20ms);
        EXPECT_TRUE(stage.talker.fin_heard) << "that never said anything";
        stage.close();
        EXPECT_EQ(stage.talker.why.reason, CloseReason::fin);
        stage.call();
        for (int i = 0; i < 4; ++i) stage.ask(app == App::http ? kGet : "x", 500ms);
        EXPECT_FALSE(stage.talker.fin_heard) << "each byte begins it anew";
        stage.run(160ms);
        EXPECT_TRUE(stage.talker.fin_heard);
        EXPECT_EQ(stage.server.tally().timed_out_idle, 2u);
        stage.close();
        EXPECT_EQ(stage.server.tally().completed, 2u);
    }
}

TEST(TimeOut, ASlowHeadIsAnsweredWith408) {
    Served stage(kShort);
    for (int i = 0; i < 9; ++i) stage.ask(kGet.substr(i, 1), 10ms);
    EXPECT_EQ(stage.talker.heard, "");
    stage.ask(kGet.substr(9, 1), 15ms);
    EXPECT_EQ(stage.talker.heard.find("HTTP/1.1 408 Request Timeout\r\n"), 0u)
        << "however often a byte comes";
    EXPECT_TRUE(stage.talker.fin_heard);
    EXPECT_EQ(stage.server.tally().timed_out_head, 1u);
    stage.close();
    stage.call();
    stage.ask(kGet + "GET", 90ms);
    stage.ask(" / HTTP/1.1\r\nHost: x\r\n\r\n", 200ms);
    EXPECT_EQ(count(stage.talker.heard, "200 OK"), 2u) << "in time";
    EXPECT_FALSE(stage.talker.fin_heard);
}

TEST(TimeOut, ABodyThatStopsEndsAndOneThatComesSlowlyDoesNot) {
    Served stage(kShort);
    stage.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 8; ++i) stage.ask("x", 300ms);
    EXPECT_EQ(stage.talker.heard, "");
    stage.run(320ms);
    EXPECT_EQ(stage.talker.heard.find("HTTP/1.1 408 Request Timeout\r\n"), 0u);
    EXPECT_EQ(stage.server.tally().timed_out_idle, 1u);
}

TEST(TimeOut, AReaderThatStopsIsResetAndASlowOneIsNot) {
    for (const App app : {App::http, App::chargen, App::echo}) {
        Served stage(kShort, app, site_of({"/=200,1MB"}));
        stage.talker.read_at_most = stage.talker.heard.size() + 1'000;
        stage.ask(app == App::http ? kGet : std::string(700'000, 'x'), 500ms);
        for (int i = 0; i < 6; ++i) {
            stage.talker.read_at_most += 70'000;
            static_cast<void>(stage.talker.c.resume());
            stage.run(500ms);
        }
        EXPECT_FALSE(stage.talker.closed) << "it makes progress";
        stage.run(800ms);
        EXPECT_TRUE(stage.talker.closed);
        EXPECT_EQ(stage.talker.why.reason, CloseReason::reset_by_peer);
        EXPECT_EQ(stage.server.tally().timed_out_send, 1u);
        EXPECT_EQ(stage.ends.server().records().open, 0u);
    }
}

/// A response that fits the send buffer is not forgotten there.
TEST(TimeOut, ASmallResponseThatNobodyReads) {
    Served stage(kShort, App::http, site_of({"/=200,200kB"}));
    stage.talker.read_at_most = 0;
    std::string all;
    for (int i = 0; i < 2; ++i) all += kGet;
    stage.ask(all, 500ms);
    EXPECT_FALSE(stage.talker.closed);
    stage.run(1s);
    EXPECT_TRUE(stage.talker.closed);
    EXPECT_EQ(stage.server.tally().timed_out_send, 1u);
}

TEST(TimeOut, NoneIsKeptWhereThereIsNone) {
    Served stage({});
    stage.ask("GET", 2s);
    EXPECT_FALSE(stage.talker.fin_heard);
    EXPECT_EQ(stage.ask(kGet.substr(3)).find("HTTP/1.1 200 OK"), 0u);
}

// -- more connections than there is room for

struct Crowd {
    uint32_t open = 0, reset = 0;
    void on_open(Connection) { ++open; }
    void on_data(Connection, RxView&) {}
    void on_writable(Connection) {}
    void on_peer_fin(Connection c) { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo& why) { reset += why.reason == CloseReason::reset_by_peer; }
};

TEST(Room, TheLongestSilentYieldToANewClient) {
    constexpr uint32_t kMost = 640, kCrowd = 700;
    stack::StackConfig small;
    small.max_connections = kMost;
    for (const bool heads : {false, true}) {
        TwoEnds ends(50us, {}, small);
        ServerRun<ServeApps> server(PortRange{kPort, kPort}, std::vector<Listen>{{{kPort, kPort}, App::http}},
                                    TimeOuts{.idle = 60s, .head = 10s, .send = 60s},
                                    std::shared_ptr<const HttpSite>(site_of()), kMost);
        ASSERT_TRUE(server.listen(ends.server()));
        Crowd crowd;
        Talker talker;
        const auto run = [&](Duration time) {
            ends.run(
                time,
                [&](Stack& stack, Instant now) {
                    stack.begin(now);
                    while (const Event* event = stack.next_event()) {
                        if (event->connection == talker.c)
                            stack.dispatch(talker, *event);
                        else
                            stack.dispatch(crowd, *event);
                    }
                    stack.end();
                },
                [&](Stack& stack, Instant now) { server.turn(stack, now); }, [] { return false; });
        };
        for (uint32_t i = 0; i < kCrowd; ++i) {
            auto c = ends.client().connect({TwoEnds::kServer, kPort});
            ASSERT_TRUE(c);
            if (heads) static_cast<void>(c->send({reinterpret_cast<const uint8_t*>("GET"), 3}));
            run(100us);
        }
        talker.c = *ends.client().connect({TwoEnds::kServer, kPort});
        talker.say(kGet);
        run(1s);
        EXPECT_EQ(count(talker.heard, "200 OK"), 1u) << "within a second";
        run(2s);
        const ServerTally tally = server.tally();
        EXPECT_GT(tally.yielded_idle, 0u);
        EXPECT_EQ(tally.yielded_idle, crowd.reset);
        EXPECT_LE(ends.server().records().open, kMost - kMost / ServeApps::kHeadroom);
        EXPECT_GE(ends.server().records().open, kMost - 2 * (kMost / ServeApps::kHeadroom))
            << "no more than need be";
        EXPECT_FALSE(talker.closed) << "it was silent for less than the others";
    }
}

TEST(End, EveryPeerIsTold) {
    for (const Duration drain : {0ms, 500ms}) {
        Served stage({});
        stage.ask(kGet);
        stage.server.end(stage.ends.server(), stage.ends.now(), drain);
        stage.run(400ms);
        if (drain == 0ms)
            EXPECT_EQ(stage.talker.why.reason, CloseReason::reset_by_peer);
        else
            EXPECT_TRUE(stage.talker.fin_heard);
        EXPECT_EQ(stage.server.over(), drain == 0ms) << "the talker does not close";
        stage.run(200ms);
        EXPECT_TRUE(stage.talker.closed);
        EXPECT_TRUE(stage.server.over());
        EXPECT_EQ(stage.ends.server().records().open, 0u);
    }
}

}  // namespace
}  // namespace synfin::app
