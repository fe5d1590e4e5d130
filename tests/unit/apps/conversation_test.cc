/// What the generator makes of a server's behaviour, on two engines in virtual time: the server says given
/// bytes, in given pieces, and closes when it is told to.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "servers/server_run.hh"
#include "traffic/client_run.hh"
#include "two_ends.hh"

namespace synfin::app {
namespace {

constexpr uint16_t kPort = 80;
const Endpoint kPeer{TwoEnds::kServer, kPort};

/// What the server does on each connection.
struct Script {
    std::string greeting;             ///< said when the connection is open
    std::string response;             ///< to each request
    size_t piece = 0;                 ///< bytes that go out in one turn, 1 ms apart; 0: all at once
    uint32_t answers = ~uint32_t{0};  ///< so many requests are answered, then it closes
    bool closes_at_once = true;       ///< after the last answer; else when the next request is there
    bool closes_by_rst = false;
    bool leaves_closing = false;  ///< answers, and never closes of itself
    std::string farewell;         ///< said when the client has closed
};

/// Says what the script has. Requests end with an empty line.
class ScriptServer {
  public:
    explicit ScriptServer(Script script) : script_(std::move(script)) {}

    void turn(Instant now) noexcept {
        if (now < next_) return;
        next_ = now + 1ms;
        for (auto& [user_tag, talk] : talks_) say(talk);
    }
    void on_open(Connection c) noexcept {
        ++tally_.established;
        c.set_user_tag(++last_);
        talks_[last_].connection = c;
        talks_[last_].unsaid = script_.greeting;
        say(talks_[last_]);
    }
    void on_data(Connection c, RxView& view) noexcept {
        Talk& talk = talks_[c.user_tag()];
        talk.heard.append(reinterpret_cast<const char*>(view.bytes().data()), view.size());
        for (size_t end; (end = talk.heard.find("\r\n\r\n")) != std::string::npos;) {
            heads.push_back(talk.heard.substr(0, end + 4));
            talk.heard.erase(0, end + 4);
            ++tally_.requests;
            if (talk.answered == script_.answers) return bring_to_an_end(talk);
            ++talk.answered;
            talk.unsaid += script_.response;
            talk.last = talk.answered == script_.answers && script_.closes_at_once && !script_.leaves_closing;
        }
        say(talk);
    }
    void on_writable(Connection) noexcept {}
    void on_peer_fin(Connection c) noexcept {
        Talk& talk = talks_[c.user_tag()];
        talk.unsaid += script_.farewell;
        talk.last = true;
        say(talk);
    }
    void on_close(Connection, const CloseInfo& why) noexcept {
        tally_.ended(why);
        talks_.erase(why.user_tag);
    }
    const ServerTally& tally() const noexcept { return tally_; }
    size_t memory_bytes() const noexcept { return 0; }

    std::vector<std::string> heads;  ///< of all requests

  private:
    struct Talk {
        Connection connection;
        std::string heard, unsaid;
        uint32_t answered = 0;
        bool last = false;
    };
    void say(Talk& talk) {
        const size_t size =
            script_.piece == 0 ? talk.unsaid.size() : std::min(script_.piece, talk.unsaid.size());
        if (size != 0) {
            const std::string part = talk.unsaid.substr(0, size);
            static_cast<void>(
                talk.connection.send({reinterpret_cast<const uint8_t*>(part.data()), part.size()}));
            talk.unsaid.erase(0, size);
        }
        if (talk.last && talk.unsaid.empty()) bring_to_an_end(talk);
    }
    void bring_to_an_end(Talk& talk) {
        const bool by_rst = script_.closes_by_rst && talk.answered == script_.answers;
        static_cast<void>(by_rst ? talk.connection.abort() : talk.connection.shutdown());
    }

    Script script_;
    ServerTally tally_;
    std::map<uint64_t, Talk> talks_;
    uint64_t last_ = 0;
    Instant next_{};
};

GeneratorPlan http_plan(uint64_t limit, uint64_t requests = 1) {
    GeneratorPlan plan;
    plan.calls.push_back({kPeer, http_request(kPeer.addr.text(), "/", false), {}});
    plan.sources = {TwoEnds::kClient};
    plan.connections = 1;
    plan.limit = limit;
    plan.purpose = GeneratorPlan::Purpose::http;
    plan.requests_per_connection = requests;
    return plan;
}

/// One client's run against the script.
struct Talk {
    Talk(GeneratorPlan plan, Script script, Duration duration = 0s)
        : client(ClientRun::Plan{.load = {std::move(plan)}, .duration = duration}, stop),
          server(PortRange{kPort, kPort}, std::move(script)) {
        EXPECT_TRUE(server.listen(ends.server()));
    }
    /// To the client's end; how long that took.
    Duration run(Duration at_most = 60s) {
        const Instant start = ends.now();
        client.start(start);
        const auto a = [&](Stack& stack, Instant now) { client.turn(stack, now); };
        const auto b = [&](Stack& stack, Instant now) { server.turn(stack, now); };
        EXPECT_TRUE(ends.run(at_most, a, b, [&] { return client.over(); })) << "the run never ended";
        const Duration taken = ends.now() - start;
        ends.run(1ms, a, b, [] { return false; });
        const LoadTally& t = tally();
        EXPECT_EQ(t.offered, t.opened + t.skipped());
        EXPECT_EQ(t.opened, t.established + t.failed_before + t.pending);
        EXPECT_EQ(t.established, t.completed + t.failed_after + t.unfinished);
        uint64_t by_cause = 0;
        for (const uint64_t n : t.failed_by) by_cause += n;
        EXPECT_EQ(t.failed(), by_cause);
        return taken;
    }
    const LoadTally& tally() const { return client.generator().tally(); }
    uint64_t failed_by(Failure failure) const { return tally().failed_by[static_cast<size_t>(failure)]; }
    uint64_t answered_with(uint32_t status) const {
        return tally().statuses[status - LoadTally::kLeastStatus];
    }

    TwoEnds ends;
    std::atomic<bool> stop{false};
    ClientRun client;
    ServerRun<ScriptServer> server;
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(Conversation, ResponsesAsServersSendThem) {
    struct Case {
        const char* name;
        std::string response;
        bool closes;
        uint64_t requests;
        uint64_t completed;  ///< of 3
    };
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const Case& each : std::vector<Case>{
             {"plain", kOk, false, 2, 3},
             {"chunked", chunked + "2;a=b\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", false, 2, 3},
             {"304 with a length", "HTTP/1.1 304 x\r\nContent-Length: 500\r\n\r\n", false, 2, 3},
             {"interim", "HTTP/1.1 100 Continue\r\n\r\n" + kOk, false, 2, 3},
             {"until FIN", "HTTP/1.1 200 OK\r\n\r\nHello", true, 1, 3},
             {"until FIN, empty", "HTTP/1.1 200 OK\r\n\r\n", true, 1, 3},
             {"close, by the server", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
              true, 1, 3},
             {"close before the N-th", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
              false, 9, 3},
             {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, 9, 3},
             {"folded", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok", false, 2, 3},
             {"line behind the body", kOk + "\r\n", false, 2, 3},
             {"line before the head", "\r\n" + kOk, false, 2, 3},
             {"301", "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n", false, 2, 3},
             {"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!", false, 2, 0},
             {"404 until FIN", "HTTP/1.0 404 Not Found\r\n\r\nno!", true, 1, 0},
             {"short", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", true, 1, 0},
             {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", false, 1,
              0},
             {"two responses", kOk + kOk, false, 1, 0},
             {"HTTP/0.9", "hello\n", true, 1, 0},
         })
        for (const size_t piece : {size_t{0}, size_t{1}, size_t{7}}) {
            if (piece != 0 && std::string_view(each.name) == "two responses") continue;
            SCOPED_TRACE(each.name + fmt::format(", in pieces of {}", piece));
            Script script{.response = each.response, .piece = piece};
            if (each.closes) script.answers = 1;
            Talk talk(http_plan(3, each.requests), script);
            const Duration taken = talk.run();
            EXPECT_EQ(talk.tally().completed, each.completed);
            EXPECT_LT(taken, 2s) << "nobody waited for anything";
            EXPECT_EQ(talk.tally().offered, 3u);
        }
}

TEST(Conversation, StatusesAreCountedAndEndNothing) {
    const std::string gone = "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n";
    Talk talk(http_plan(3, 4), {.response = gone});
    talk.run();
    EXPECT_EQ(talk.answered_with(500), 12u) << "the connections went on";
    EXPECT_EQ(talk.failed_by(Failure::http_status), 3u);
    EXPECT_EQ(talk.tally().responses, 0u) << "none that was expected";
    EXPECT_EQ(talk.ends.client().counters()[Counter::resets_sent], 0u);

    GeneratorPlan plan = http_plan(3, 4);
    plan.expected.reset();
    plan.expected.set(500);
    Talk expected(plan, {.response = gone});
    expected.run();
    EXPECT_EQ(expected.tally().completed, 3u);
    EXPECT_EQ(expected.tally().responses, 12u);

    Talk unexpected(plan, {.response = kOk});
    unexpected.run();
    EXPECT_EQ(unexpected.failed_by(Failure::http_status), 3u) << "200 is none of those";
}

TEST(Conversation, TheClientClosesWhenTheServerLeavesItTo) {
    for (const char* field : {"Connection: close\r\n", ""}) {
        const std::string version = *field != 0 ? "1.1" : "1.0";
        Script script{.response = "HTTP/" + version + " 200 OK\r\n" + field + "Content-Length: 2\r\n\r\nok"};
        script.leaves_closing = true;
        Talk talk(http_plan(3), script);
        EXPECT_LT(talk.run(), 100ms);
        EXPECT_EQ(talk.tally().completed, 3u);
        EXPECT_EQ(talk.ends.client().occupancy().time_wait, 3u) << "this end closed first";
    }
    // RFC 9112 9.3: HTTP/1.0 with keep-alive persists.
    Talk kept(http_plan(1, 5),
              {.response = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"});
    kept.run();
    EXPECT_EQ(kept.answered_with(200), 5u);
    EXPECT_EQ(kept.tally().completed, 1u);
}

TEST(Conversation, ConnectOnlyReadsAwayWhatTheServerSays) {
    for (const auto ending : {GeneratorPlan::Ending::fin, GeneratorPlan::Ending::rst})
        for (const bool greets : {true, false}) {
            GeneratorPlan plan = http_plan(20);
            plan.purpose = GeneratorPlan::Purpose::nothing;
            plan.ending = ending;
            Script script;
            (greets ? script.greeting : script.farewell) = "220 hello, I am a mail server\r\n";
            Talk talk(plan, script);
            talk.run();
            EXPECT_EQ(talk.tally().completed, 20u) << greets;
            const uint64_t resets = ending == GeneratorPlan::Ending::rst ? 20 : 0;
            EXPECT_GE(talk.ends.client().counters()[Counter::resets_sent], resets) << greets;
            if (resets == 0) {
                EXPECT_EQ(talk.ends.client().counters()[Counter::resets_sent], 0u) << greets;
            }
        }
}

TEST(Conversation, AResponseBeforeTheWholeRequestEndsTheConnection) {
    GeneratorPlan plan = http_plan(3, 5);
    std::vector<uint8_t>& request = plan.calls[0].request;
    request.resize(4'000'000, 'x');  // more than any buffer
    Talk talk(plan, {.response = "HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n"});
    talk.run();
    EXPECT_EQ(talk.answered_with(413), 3u) << "the rest would be taken for a request";
    EXPECT_EQ(talk.failed_by(Failure::http_status), 3u);
}

// -- a server that ends connections

TEST(Conversation, AnEndBetweenRequestsIsTakenUpOnAnotherConnection) {
    for (const bool at_once : {true, false})
        for (const bool by_rst : {false, true}) {
            if (at_once && by_rst) continue;  // the RST would overtake the answer
            SCOPED_TRACE(fmt::format("at once {}, RST {}", at_once, by_rst));
            GeneratorPlan plan = http_plan(3, 10);
            plan.idempotent = true;
            Talk talk(plan,
                      {.response = kOk, .answers = 4, .closes_at_once = at_once, .closes_by_rst = by_rst});
            talk.run();
            // Three connections, and one for the request that the last of them did not answer.
            EXPECT_EQ(talk.tally().opened, 4u);
            EXPECT_EQ(talk.tally().completed, 1u);
            EXPECT_EQ(talk.tally().resent, 3u);
            EXPECT_EQ(talk.tally().failed(), 3u);
            if (!by_rst) {
                EXPECT_EQ(talk.failed_by(Failure::closed_early), 3u);
            }
            EXPECT_EQ(talk.answered_with(200), 3 * 4 + 1u) << "each request was answered in the end";
        }
}

TEST(Conversation, AnUnlimitedConnectionIsCompleteWhenTheServerEndsIt) {
    GeneratorPlan plan = http_plan(3, 0);
    plan.idempotent = true;
    Talk talk(plan, {.response = kOk, .answers = 4});
    talk.run();
    EXPECT_EQ(talk.tally().completed, 4u);
    EXPECT_EQ(talk.tally().failed(), 0u);
    EXPECT_EQ(talk.tally().resent, 3u);
}

TEST(Conversation, WhatMayNotBeSentTwiceIsNot) {
    Talk talk(http_plan(3, 10), {.response = kOk, .answers = 4});  // not idempotent
    talk.run();
    EXPECT_EQ(talk.tally().opened, 3u);
    EXPECT_EQ(talk.tally().resent, 0u);
    EXPECT_EQ(talk.failed_by(Failure::closed_early), 3u);

    GeneratorPlan plan = http_plan(3, 10);
    plan.idempotent = true;
    Talk never(plan, {.response = kOk, .answers = 0});
    never.run();
    EXPECT_EQ(never.tally().opened, 3u) << "a connection's first request is not sent again";
    EXPECT_EQ(never.failed_by(Failure::closed_early), 3u);
}

TEST(Conversation, TheLastResponseMaySayClose) {
    // Not closed_early: the server has said so.
    Talk talk(http_plan(3, 10),
              {.response = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"});
    talk.run();
    EXPECT_EQ(talk.tally().completed, 3u);
    EXPECT_EQ(talk.answered_with(200), 3u);
}

TEST(Conversation, KeptConnectionsThatEndWithTheRunAreComplete) {
    GeneratorPlan plan = http_plan(GeneratorPlan::kUnlimited, 0);
    plan.connections = 5;
    Talk talk(plan, {.response = kOk}, 100ms);
    talk.run();
    EXPECT_EQ(talk.tally().opened, 5u);
    EXPECT_EQ(talk.tally().completed, 5u);
    EXPECT_GT(talk.tally().responses, 1'000u);
    EXPECT_EQ(talk.tally().requests, talk.tally().responses);
}

TEST(Conversation, RequestsPerConnectionMayBeARange) {
    GeneratorPlan plan = http_plan(200, 8);
    plan.requests_at_least = 1;
    Talk talk(plan, {.response = kOk});
    talk.run();
    EXPECT_EQ(talk.tally().completed, 200u);
    EXPECT_NEAR(static_cast<double>(talk.tally().responses), 200 * 4.5, 100);
}

TEST(Conversation, FirstAndLastByteAreTimedForEachRequest) {
    const std::string body(50, 'x');
    Talk talk(http_plan(2, 3),
              {.response = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + body, .piece = 10});  // 9 ms
    talk.run();
    const LoadTimes& times = talk.client.generator().times();
    EXPECT_EQ(times.first_byte.count(), 6u);
    EXPECT_EQ(times.last_byte.count(), 6u);
    EXPECT_LT(times.first_byte.quantile_us(0.5), 1'500);
    EXPECT_GT(times.last_byte.quantile_us(0.5), 7'500);
}

// -- a server that says nothing

constexpr Duration kTimeout = 100ms;

GeneratorPlan impatient(uint64_t limit, uint64_t requests = 1) {
    GeneratorPlan plan = http_plan(limit, requests);
    plan.timeout = kTimeout;
    plan.connections = 10;
    return plan;
}

TEST(Conversation, SilenceEndsAConnection) {
    Talk silent(impatient(20), {.response = ""});
    EXPECT_LT(silent.run(), 2 * kTimeout + 50ms);
    EXPECT_EQ(silent.failed_by(Failure::response_timeout), 20u);

    Talk within(impatient(20), {.response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"});
    EXPECT_LT(within.run(), 2 * kTimeout + 50ms);
    EXPECT_EQ(within.failed_by(Failure::response_timeout), 20u);

    Talk second(impatient(20, 2), {.response = kOk, .piece = 1});
    second.run();
    EXPECT_EQ(second.tally().completed, 20u) << "slow is not silent: 39 ms each";

    Talk nobody(impatient(20), {.response = kOk});
    nobody.ends.lose = [](Bytes, bool to_server) { return to_server; };
    nobody.run();
    EXPECT_EQ(nobody.failed_by(Failure::connect_timeout), 20u);
    EXPECT_EQ(nobody.tally().failed_before, 20u);
}

TEST(Conversation, ALongDownloadLives) {
    const std::string body(500, 'x');
    Talk talk(impatient(3),
              {.response = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + body, .piece = 1});
    EXPECT_GT(talk.run(), 5 * kTimeout);
    EXPECT_EQ(talk.tally().completed, 3u);
}

TEST(Conversation, APeerThatNeverClosesIsNotWaitedFor) {
    // It has our FIN and keeps silent: FIN-WAIT-2.
    GeneratorPlan plan = impatient(5);
    Talk talk(plan, {.response = kOk});
    talk.ends.lose = [](Bytes packet, bool to_server) { return !to_server && (packet[33] & 0x01) != 0; };
    EXPECT_LT(talk.run(), 2 * kTimeout + 50ms);
    EXPECT_EQ(talk.failed_by(Failure::close_timeout), 5u);

    // Asked to close, it leaves that to us (RFC 9112 9.6): we do, and the connection is complete.
    plan.ending = GeneratorPlan::Ending::fin_by_peer;
    Script script{.response = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"};
    script.leaves_closing = true;
    Talk left(plan, script);
    EXPECT_LT(left.run(), 2 * kTimeout + 50ms);
    EXPECT_EQ(left.tally().completed, 5u);
}

TEST(Conversation, HeldConnectionsMayBeSilent) {
    GeneratorPlan plan = impatient(10);
    plan.purpose = GeneratorPlan::Purpose::hold;
    Talk talk(plan, {}, 5 * kTimeout);
    talk.run();
    EXPECT_EQ(talk.tally().completed, 10u);
}

}  // namespace
}  // namespace synfin::app
