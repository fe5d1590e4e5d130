/// Steps: their texts, and what a generator that follows them makes of a peer's behaviour, on two engines in
/// virtual time.
#include "config/step.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "servers/echo_server.hh"
#include "servers/server_run.hh"
#include "traffic/client_run.hh"
#include "two_ends.hh"

namespace synfin::app {
namespace {

constexpr uint16_t kPort = 7;
const Endpoint kPeer{TwoEnds::kServer, kPort};

std::string error_of(const std::string& text) {
    return parse_conversation({text}).error;
}

TEST(StepText, every_step) {
    const auto parsed = parse_conversation(
        {"send 64; expect 1KiB", R"(send "a;b\r\n\t\0\\\"\x7F"; expect "+OK" within 512B)",
         "# comment; send\nbegin\n think 50ms-1s ; think lognormal(1s, 0.5)\n\nrepeat 1-8;",
         "half-close; expect-close within 9", "close"});
    ASSERT_TRUE(parsed) << parsed.error;
    const std::vector<Step>& steps = *parsed.value;
    ASSERT_EQ(steps.size(), 11u);
    EXPECT_EQ(steps[1].size, 1'024u);
    EXPECT_EQ(steps[2].text, (std::string("a;b\r\n\t\0\\\"\x7f", 10)));
    EXPECT_EQ(steps[3].text, "+OK");
    EXPECT_EQ(steps[3].within, 512u);
    EXPECT_EQ(steps[6].pause.kind, Distribution::Kind::lognormal);
    EXPECT_EQ(steps[7].times, (CountRange{1, 8}));
    EXPECT_EQ(steps[9].within, 9u);
    EXPECT_EQ(steps[10].kind, Step::Kind::close);
}

TEST(StepText, errors_name_the_place_and_the_nearest_word) {
    EXPECT_EQ(
        error_of("send 64; exepct 64"),
        "'send 64; exepct 64': character 10: expected a step: send, expect, think, half-close, expect-close, "
        "close, reset, begin or repeat, found 'exepct'; did you mean 'expect'?");
    const auto has = [](const std::string& text, const std::string& part) {
        const std::string error = error_of(text);
        EXPECT_NE(error.find(part), std::string::npos) << text << ": " << error;
    };
    has("send", "character 5: expected a size such as 64 or 1KiB, a text in double quotes, or @FILE");
    has("send 0", "character 6");
    has("send \"abc", "character 6: the text has no closing double quote");
    has(R"(send "a\q")", R"(character 8: expected one of \r \n \t \0 \\ \" \xHH, found '\q')");
    has("send \"\"", "expected a text in the quotes");
    has("send 64 bytes", "character 9: expected ';' or a new line after 'send', found 'bytes'");
    has("expect \"abc\" within 2", "at least the text's 3 bytes");
    has("expect \"abc\" in 20", "expected 'within SIZE' or ';', found 'in'");
    has("think soon", "character 7");
    has("send 1; repeat 0", "from 1 to 1G");
    has("send @", "the name of a file after '@'");
    has("", "there are no steps");
    has("close; send 1", "step 1 (close): it has to be the last step");
    has("half-close; send 1", "step 2 (send): nothing can be sent after half-close");
    has("expect-close; expect 1", "nothing comes after expect-close");
    has("send 1; repeat 2", "step 2 (repeat): the repeated steps need an expect or a think");
    has("expect 1; half-close; repeat 2", "can't be repeated");
    has("begin; expect 1", "step 1 (begin): no repeat follows");
    has("begin; expect 1; begin; repeat 2", "repeats can't be nested");
}

TEST(StepText, a_repeat_goes_back_to_its_begin) {
    const StepList list(
        *parse_conversation({"send 1; expect 1; repeat 2; expect 1; begin; send 2; expect 2; repeat 3"})
             .value);
    EXPECT_EQ(list[2].back, 0u);
    EXPECT_EQ(list[7].back, 5u);
    EXPECT_TRUE(list[0].ends_request);
    EXPECT_TRUE(list[1].ends_response);
}

// -- conversations ------------------------------------------------------------------------------------------

/// Says the greeting, and after each part of what it hears what `answer` makes of it.
class PeerScript {
  public:
    struct Script {
        std::string greeting;
        std::function<std::string(const std::string& heard)> answer = [](const std::string&) { return ""; };
        size_t piece = 0;        ///< bytes said each millisecond; 0: all at once
        std::string last_words;  ///< an answer with which the peer closes
        bool closes_at_once = false;
        bool closes_after_peer = true;
    };
    explicit PeerScript(Script script) : script_(std::move(script)) {}

    void turn(Instant now) noexcept {
        if (now < next_) return;
        next_ = now + 1ms;
        for (auto& [tag, talk] : talks_) say(talk);
    }
    void on_open(Connection c) noexcept {
        ++tally_.established;
        c.set_user_tag(++last_);
        Talk& talk = talks_[last_];
        talk.connection = c;
        talk.unsaid = script_.greeting;
        if (script_.closes_at_once) talk.is_last = true;
        say(talk);
    }
    void on_data(Connection c, RxView& view) noexcept {
        Talk& talk = talks_[c.user_tag()];
        heard += view.size();
        const std::string answer =
            script_.answer({reinterpret_cast<const char*>(view.bytes().data()), view.size()});
        talk.unsaid += answer;
        talk.is_last |= !script_.last_words.empty() && answer == script_.last_words;
        say(talk);
    }
    void on_writable(Connection c) noexcept { say(talks_[c.user_tag()]); }
    void on_peer_fin(Connection c) noexcept {
        Talk& talk = talks_[c.user_tag()];
        talk.is_last |= script_.closes_after_peer;
        say(talk);
    }
    void on_close(Connection, const CloseInfo& why) noexcept {
        tally_.ended(why);
        talks_.erase(why.user_tag);
    }
    const ServerTally& tally() const noexcept { return tally_; }
    size_t heard = 0;

  private:
    struct Talk {
        Connection connection;
        std::string unsaid;
        bool is_last = false;
    };
    void say(Talk& talk) {
        const size_t size =
            script_.piece == 0 ? talk.unsaid.size() : std::min(script_.piece, talk.unsaid.size());
        if (size != 0) talk.unsaid.erase(0, talk.connection.send(talk.unsaid.substr(0, size)).value_or(0));
        if (talk.is_last && talk.unsaid.empty()) static_cast<void>(talk.connection.shutdown());
    }

    Script script_;
    ServerTally tally_;
    std::map<uint64_t, Talk> talks_;
    uint64_t last_ = 0;
    Instant next_{};
};

GeneratorPlan steps_plan(const std::string& text, uint64_t limit = 1) {
    GeneratorPlan plan;
    plan.calls.push_back({kPeer, {}, {}});
    plan.sources = {TwoEnds::kClient};
    plan.connections = 1;
    plan.limit = limit;
    plan.purpose = GeneratorPlan::Purpose::steps;
    const std::vector<Step> steps = *parse_conversation({text}).value;
    plan.steps = std::make_shared<const StepList>(steps);
    plan.ending =
        steps.back().kind == Step::Kind::reset ? GeneratorPlan::Ending::rst : GeneratorPlan::Ending::fin;
    plan.timeout = 500ms;
    plan.verify = true;
    return plan;
}

/// One run of a plan against a server, to its end.
template <typename S>
struct Play {
    template <typename... Arguments>
    explicit Play(GeneratorPlan plan, Duration duration, Arguments... arguments)
        : client(std::move(plan), duration, stop), server(PortRange{kPort, kPort}, arguments...) {
        EXPECT_TRUE(server.listen(ends.server()));
        client.start(ends.now());
        const Instant start = ends.now();
        const auto a = [&](Stack& stack, Instant now) { client.turn(stack, now); };
        const auto b = [&](Stack& stack, Instant now) { server.turn(stack, now); };
        EXPECT_TRUE(ends.run(60s, a, b, [&] { return client.over(); })) << "the run never ended";
        took = ends.now() - start;
        ends.run(1ms, a, b, [] { return false; });
        const LoadTally& t = tally();
        EXPECT_EQ(t.opened, t.established + t.failed_before + t.pending);
        EXPECT_EQ(t.established, t.completed + t.failed_after + t.unfinished);
        EXPECT_EQ(t.open_now(), 0u);
    }
    const LoadTally& tally() const { return client.generator().tally(); }
    const LoadTimes& times() const { return client.generator().times(); }
    uint64_t failed_by(Failure failure) const { return tally().failed_by[static_cast<size_t>(failure)]; }

    TwoEnds ends;
    std::atomic<bool> stop{false};
    ClientRun client;
    ServerRun<S> server;
    Duration took{};
};
using EchoPlay = Play<EchoServer>;
using ScriptPlay = Play<PeerScript>;

TEST(Steps, an_echo_of_more_than_the_buffers_hold) {
    const EchoPlay play(steps_plan("send 3MB; expect 3MB; repeat 2", 3), {});
    EXPECT_EQ(play.tally().completed, 3u);
    EXPECT_EQ(play.tally().requests, 6u);
    EXPECT_EQ(play.tally().responses, 6u);
    EXPECT_EQ(play.tally().sent_bytes, 18'000'000u);
    EXPECT_EQ(play.tally().received_bytes, 18'000'000u);
    EXPECT_EQ(play.times().last_byte.count(), 6u);
}

TEST(Steps, a_protocol_of_lines_with_a_greeting) {
    PeerScript::Script script{
        .greeting = "220 example ready\r\n", .answer = [](const std::string& heard) {
            return heard == "NOOP\r\n" ? "250 OK\r\n" : heard == "QUIT\r\n" ? "221 bye\r\n" : "500 what?\r\n";
        }};
    script.last_words = "221 bye\r\n";
    const std::string steps =
        R"(expect "220 "; expect "\r\n" within 100; begin; send "NOOP"; send "\r\n"; expect "250 OK\r\n"; repeat 3;
           send "QUIT\r\n"; expect "221"; expect "\n" within 100; expect-close)";
    for (const size_t piece : {size_t{0}, size_t{1}}) {
        script.piece = piece;
        const ScriptPlay play(steps_plan(steps, 2), {}, script);
        EXPECT_EQ(play.tally().completed, 2u);
        EXPECT_EQ(play.tally().requests, 8u);
        EXPECT_EQ(play.tally().responses, 10u);  // the greeting, too
        EXPECT_EQ(play.times().first_byte.count(), 10u);
    }
}

TEST(Steps, a_text_is_found_wherever_it_is_and_bytes_behind_it_are_kept) {
    const PeerScript::Script script{.greeting = "aabaabaaabXYZ", .piece = 1};
    const ScriptPlay play(
        steps_plan(R"(expect "aabaaa" within 9; think 20ms; expect "bXY"; expect "Z"; close)"), {}, script);
    EXPECT_EQ(play.tally().completed, 1u);
    EXPECT_EQ(play.tally().received_bytes, 13u);
    EXPECT_EQ(play.tally().responses, 2u);
    const ScriptPlay early(steps_plan(R"(expect "aabaaa" within 8)"), {}, script);
    EXPECT_EQ(early.failed_by(Failure::bad_response), 1u);
}

TEST(Steps, early_bytes_wait_for_their_step) {
    const PeerScript::Script script{.greeting = "abcdef"};
    const ScriptPlay play(steps_plan(R"(expect "abc"; think 30ms; expect "def")"), {}, script);
    EXPECT_EQ(play.tally().completed, 1u);
    EXPECT_GE(play.took, 30ms);
    EXPECT_EQ(play.tally().received_bytes, 6u);
    const ScriptPlay more(steps_plan(R"(expect "abc"; think 30ms; close)"), {}, script);
    EXPECT_EQ(more.failed_by(Failure::bad_response), 1u) << "the peer said more than the steps expect";
}

TEST(Steps, a_pause_is_not_the_peers_silence) {
    const EchoPlay play(steps_plan("send 64; expect 64; think 2s; repeat 2", 1), {});
    EXPECT_EQ(play.tally().completed, 1u);
    EXPECT_GE(play.took, 4s);
    EXPECT_LT(play.took, 4100ms);
    EXPECT_LT(play.times().last_byte.quantile_us(1), 10'000) << "a pause counts in no latency";
}

TEST(Steps, half_close_and_the_peers_fin) {
    const EchoPlay play(steps_plan("send 100kB; half-close; expect 100kB; expect-close"), {});
    EXPECT_EQ(play.tally().completed, 1u);
    const PeerScript::Script script{.greeting = std::string(5'000, 'x'), .closes_at_once = true};
    EXPECT_EQ(ScriptPlay(steps_plan("expect-close within 5000"), {}, script).tally().completed, 1u);
    EXPECT_EQ(ScriptPlay(steps_plan("think 50ms; expect-close within 5000"), {}, script).tally().completed,
              1u);
    EXPECT_EQ(ScriptPlay(steps_plan("expect-close within 4999"), {}, script).failed_by(Failure::bad_response),
              1u);
}

TEST(Steps, reset_ends_a_connection_well) {
    const EchoPlay play(steps_plan("send 64; expect 64; reset", 4), {});
    EXPECT_EQ(play.tally().completed, 4u);
    EXPECT_EQ(play.server.tally().ended_by[static_cast<size_t>(CloseReason::reset_by_peer)], 4u);
}

TEST(Steps, each_failure_has_its_cause) {
    const auto fails = [](const std::string& steps, PeerScript::Script script) {
        const ScriptPlay play(steps_plan(steps), {}, std::move(script));
        EXPECT_EQ(play.tally().completed, 0u) << steps;
        EXPECT_EQ(play.tally().failed(), 1u) << steps;
        for (size_t i = 0; i < play.tally().failed_by.size(); ++i)
            if (play.tally().failed_by[i] != 0) return std::string(failure_name(i));
        return std::string();
    };
    EXPECT_EQ(fails(R"(expect "hello")", {.greeting = "help!"}), "bad_response");
    EXPECT_EQ(fails(R"(expect "hello" within 20)", {.greeting = std::string(20, 'h')}), "bad_response");
    EXPECT_EQ(fails(R"(expect "hello")", {.greeting = "hello!"}), "bad_response");
    EXPECT_EQ(fails(R"(expect "hello")", {.closes_at_once = true}), "closed_early");
    EXPECT_EQ(fails("expect 9", {.greeting = "hel", .closes_at_once = true}), "corrupt");
    EXPECT_EQ(fails(R"(expect "hello")", {.greeting = "hel", .closes_at_once = true}), "short_response");
    EXPECT_EQ(fails(R"(think 20ms; expect "hello")", {.greeting = "hel", .closes_at_once = true}),
              "short_response");
    EXPECT_EQ(fails(R"(think 20ms; expect "hello")", {.closes_at_once = true}), "closed_early");
    EXPECT_EQ(fails(R"(expect "hello")", {.greeting = "hell"}), "response_timeout");
    EXPECT_EQ(fails(R"(expect "hello"; expect-close)", {.greeting = "hello"}), "close_timeout");
    EXPECT_EQ(fails(R"(expect "hello"; close)", {.greeting = "hello", .closes_after_peer = false}),
              "close_timeout");
}

/// Echoes, but flips a bit of the byte at this offset.
class FlippingEcho {
  public:
    explicit FlippingEcho(uint64_t offset) : offset_(offset) {}
    void turn(Instant) noexcept {}
    void on_open(Connection) noexcept { ++tally_.established; }
    void on_data(Connection c, RxView& view) noexcept {
        std::vector<uint8_t> bytes(view.bytes().begin(), view.bytes().end());
        const uint64_t at = c.user_tag();
        if (offset_ >= at && offset_ < at + bytes.size()) bytes[offset_ - at] ^= 0x10;
        const uint32_t sent = c.send(bytes).value_or(0);
        c.set_user_tag(at + sent);
        view.take(sent);
    }
    void on_writable(Connection c) noexcept { static_cast<void>(c.resume()); }
    void on_peer_fin(Connection c) noexcept { static_cast<void>(c.close()); }
    void on_close(Connection, const CloseInfo& why) noexcept { tally_.ended(why); }
    const ServerTally& tally() const noexcept { return tally_; }

  private:
    uint64_t offset_;
    ServerTally tally_;
};

TEST(Steps, a_wrong_byte_names_connection_and_offset) {
    constexpr uint64_t kOffset = 1'234'567;
    const Play<FlippingEcho> play(steps_plan("send 1MB; expect 1MB; repeat 2", 10), {}, kOffset);
    EXPECT_EQ(play.failed_by(Failure::corrupt), 10u);
    const auto kept = play.client.generator().corruptions().kept();
    ASSERT_EQ(kept.size(), CorruptionLog::kMost);
    EXPECT_EQ(kept[0].offset, kOffset);
    EXPECT_EQ(kept[0].local.addr, TwoEnds::kClient);
    EXPECT_NE(kept[0].local.port, 0u);
    EXPECT_EQ(kept[0].peer, kPeer);
    EXPECT_EQ(kept[0].expected, PayloadPattern::byte_at(kOffset));
    EXPECT_EQ(kept[0].found, PayloadPattern::byte_at(kOffset) ^ 0x10);

    GeneratorPlan plan = steps_plan("send 1MB; expect 1MB; repeat 2", 2);
    plan.verify = false;
    EXPECT_EQ(Play<FlippingEcho>(std::move(plan), {}, kOffset).tally().completed, 2u);
}

TEST(Steps, unlimited_repeats_end_with_the_run) {
    GeneratorPlan plan =
        steps_plan("send 64; expect 64; think 10ms; repeat unlimited", GeneratorPlan::kUnlimited);
    plan.connections = 5;
    const EchoPlay play(std::move(plan), 1s);
    EXPECT_EQ(play.tally().opened, 5u);
    EXPECT_EQ(play.tally().completed, 5u);
    // 10 ms of pause and about 0.1 ms of round trip; the wheel rounds up by at most 1 ms.
    EXPECT_NEAR(static_cast<double>(play.tally().responses), 5 * 95, 5 * 6);
    EXPECT_EQ(play.tally().requests, play.tally().responses);
}

TEST(Steps, a_range_of_repeats_is_drawn_and_repeats_with_the_seed) {
    const auto responses = [](uint64_t seed) {
        GeneratorPlan plan = steps_plan("send 8; expect 8; repeat 1-9", 200);
        plan.seed = seed;
        const EchoPlay play(std::move(plan), {});
        EXPECT_EQ(play.tally().completed, 200u);
        return play.tally().responses;
    };
    EXPECT_EQ(responses(7), responses(7));
    EXPECT_NEAR(static_cast<double>(responses(7)), 1'000, 150);
}

}  // namespace
}  // namespace synfin::app
