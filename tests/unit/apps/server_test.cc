/// The servers as a peer sees them, byte by byte, on two engines in virtual time.
#include <gtest/gtest.h>

#include <string>

#include "chargen_server.hh"
#include "discard_server.hh"
#include "echo_server.hh"
#include "http_server.hh"
#include "server_run.hh"
#include "two_ends.hh"

namespace synfin::app {
namespace {

constexpr uint16_t kPort = 80;

/// A client that says what it is told and keeps what it hears.
struct Talker {
    Connection c;
    std::string heard;
    std::string to_say;
    size_t read_at_most = ~size_t{0};  ///< stops reading when it has heard so much
    bool open = false, fin_heard = false, closed = false;
    CloseInfo why;

    void say(std::string text) {
        to_say += text;
        speak();
    }
    void speak() {
        if (!open || to_say.empty()) return;
        const auto sent = c.send({reinterpret_cast<const uint8_t*>(to_say.data()), to_say.size()});
        to_say.erase(0, sent.value_or(0));
    }
    void on_open(Connection) {
        open = true;
        speak();
    }
    void on_data(Connection, RxView& view) {
        const size_t room = read_at_most - std::min(read_at_most, heard.size());
        const Bytes bytes = view.bytes().first(std::min<size_t>(view.size(), room));
        heard.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        view.take(static_cast<uint32_t>(bytes.size()));
    }
    void on_writable(Connection) { speak(); }
    void on_peer_fin(Connection) { fin_heard = true; }
    void on_close(Connection, const CloseInfo& info) {
        closed = true;
        why = info;
    }
};

template <Server S>
struct Stage {
    template <typename... Arguments>
    explicit Stage(Arguments... arguments) : server(PortRange{kPort, kPort}, arguments...) {
        EXPECT_TRUE(server.listen(ends.server()));
        call();
    }
    /// One more connection, which is the talker's from now on.
    void call() {
        talker = Talker{};
        talker.c = *ends.client().connect({TwoEnds::kServer, kPort});
        run(1ms);
        EXPECT_TRUE(talker.open);
    }
    void run(Duration time) {
        ends.run(
            time, [&](Stack& stack, Instant now) { stack.poll(talker, now); },
            [&](Stack& stack, Instant now) { server.turn(stack, now); }, [] { return false; });
    }
    /// Says it and waits a while.
    const std::string& ask(const std::string& text, Duration time = 5ms) {
        talker.say(text);
        run(time);
        return talker.heard;
    }
    void close() {
        EXPECT_TRUE(talker.c.close());
        run(5ms);
    }

    TwoEnds ends;
    ServerRun<S> server;
    Talker talker;
};

size_t count(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
    return n;
}

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

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string kLast = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

TEST(Http, KeepAliveAndClose) {
    Stage<HttpServer> stage(uint64_t{5}, 1'000u);
    EXPECT_EQ(stage.ask(kGet),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nabcde");
    EXPECT_FALSE(stage.talker.fin_heard);
    stage.talker.heard.clear();
    EXPECT_EQ(
        stage.ask(kLast),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde");
    EXPECT_TRUE(stage.talker.fin_heard) << "the server closes first";
    stage.close();
    EXPECT_EQ(stage.talker.why.reason, CloseReason::fin);
    EXPECT_EQ(stage.server.tally().completed, 1u);
    EXPECT_EQ(stage.ends.server().occupancy().time_wait, 1u);
}

TEST(Http, HeadHasNoBodyAndHttp10Closes) {
    Stage<HttpServer> stage(uint64_t{5}, 1'000u);
    EXPECT_EQ(stage.ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
    stage.ask("GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(stage.talker.fin_heard);
}

TEST(Http, PipelinedRequestsAreAnsweredInOrder) {
    Stage<HttpServer> stage(uint64_t{3}, 1'000u);
    stage.ask(kGet + "HEAD / HTTP/1.1\r\n\r\n" + "PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody" + kGet +
              kLast + kGet);
    const std::string& heard = stage.talker.heard;
    EXPECT_EQ(count(heard, "HTTP/1.1 200 OK"), 4u) << heard;
    EXPECT_EQ(
        count(heard, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n\r\n"), 1u);
    EXPECT_EQ(count(heard, "abc"), 3u);
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
          {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
           "405 Method Not Allowed"}}) {
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
    stage.run(HttpServer::kLinger + 10ms);
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
        stage.ask("HEAD / HTTP/1.1\r\n\r\n");
        EXPECT_EQ(count(stage.talker.heard, "200 OK"), 1u);
        EXPECT_EQ(count(stage.talker.heard, "abcde"), 0u);
        EXPECT_FALSE(stage.talker.fin_heard);
        stage.close();
        stage.call();
    }
    const std::string put = "PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\n";
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

}  // namespace
}  // namespace synfin::app
