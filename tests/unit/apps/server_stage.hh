#pragma once
/// @file
/// Stage: a server and a client that says what it is told, on two engines in virtual time.

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "servers/serve_apps.hh"
#include "servers/server_run.hh"
#include "two_ends.hh"

namespace synfin::app {

inline constexpr uint16_t kPort = 80;

inline std::time_t wall_seconds = 784'111'777;  // RFC 9110's example
inline std::time_t then() noexcept {
    return wall_seconds;
}

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
        if constexpr (requires(S & s) { s.set_clock(nullptr); }) server.server().set_clock(then);
        EXPECT_TRUE(server.listen(ends.server()));
        call();
    }
    /// One more connection, which is the talker's from now on.
    void call(uint16_t port = kPort) {
        talker = Talker{};
        talker.c = *ends.client().connect({TwoEnds::kServer, port});
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

    /// Buffers that do not grow: what one end can hold is known.
    static stack::StackConfig fixed() {
        stack::StackConfig config;
        config.tcp.receive_buffer_bytes = config.tcp.send_buffer_bytes = 256 * 1024;
        return config;
    }

    TwoEnds ends{50us, fixed(), fixed()};
    ServerRun<S> server;
    Talker talker;
};

inline size_t count(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
    return n;
}

inline const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
inline const std::string kHead = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n";
inline const std::string kLast = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

struct SiteStage : Stage<ServeApps> {
    explicit SiteStage(const std::shared_ptr<const HttpSite>& site)
        : Stage<ServeApps>(std::vector<ServeConfig::Listen>{{{kPort, kPort}, ServeConfig::App::http}},
                           TimeOuts{}, site, 1'000u) {}
};

}  // namespace synfin::app
