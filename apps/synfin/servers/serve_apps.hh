#pragma once
/// @file
/// ServeApps: the applications of `synfin serve` on one engine. The local port of a connection selects its
/// application. All applications share the connection timers.

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "accept_limit.hh"
#include "chargen_server.hh"
#include "config/config.hh"
#include "discard_server.hh"
#include "echo_server.hh"
#include "http_server.hh"
#include "synfin/stack.hh"
#include "traffic/connection_timers.hh"

namespace synfin::app {

class ServeApps {
  public:
    using App = ServeConfig::App;

    ServeApps(const std::vector<ServeConfig::Listen>& listeners, const TimeOuts& time_outs,
              std::shared_ptr<const HttpSite> site, uint32_t max_connections, uint64_t accept_rate = 0)
        : timers_(max_connections, time_outs, site->delays()),
          http_(site, max_connections, timers_),
          echo_(&timers_),
          discard_(&timers_),
          chargen_(&timers_),
          accept_limit_(accept_rate),
          app_of_port_(65'536, listeners.front().app.value_or(App::http)) {
        for (const ServeConfig::Listen& each : listeners) {
            is_one_ &= each.app == listeners.front().app;
            for (uint32_t port = each.ports.first; port <= each.ports.last; ++port)
                app_of_port_[port] = each.app.value_or(App::http);
        }
    }
    ServeApps(const ServeApps&) = delete;
    ServeApps& operator=(const ServeApps&) = delete;

    void turn(Instant now) noexcept {
        now_ = now;
        http_.turn(now);
        echo_.turn(now);
        discard_.turn(now);
        chargen_.turn(now);
        timers_.turn(now, [this](Connection c, uint8_t wait) noexcept {
            with(app_of(c), [&](auto& server) noexcept { server.on_timer(c, wait); });
        });
    }
    /// Call before each turn. Keeps some records free for new connections by resetting those that have been
    /// silent longest.
    /// @note cost: two comparisons while there is room.
    void make_room(Stack& stack, Instant now) noexcept {
        const uint32_t most = stack.config().max_connections, used = stack.records().open;
        const uint32_t headroom = std::max(1u, most / kHeadroom);
        if (most - used >= headroom) [[likely]]
            return;
        for (uint32_t wanted = std::min(headroom - (most - used), kYieldsPerTurn); wanted != 0; --wanted) {
            Connection c = timers_.take_silent(now);
            if (!c) return;
            if (c.abort()) ++own_.yielded_idle;
        }
    }

    void on_open(Connection c) noexcept {
        // Mostly all ports have the same application; otherwise the port is looked up only here.
        App app = app_of_port_[0];
        if (!is_one_) {
            const auto local = c.local();
            app = app_of_port_[local ? local->port : 0];
            timers_.set_mark(c, static_cast<uint8_t>(app));
        }
        if (!accept_limit_.take(now_)) [[unlikely]] {
            // on_close follows, as for all connections.
            ++own_.established;
            ++own_.over_rate;
            static_cast<void>(c.abort());
            return;
        }
        with(app, [&](auto& server) noexcept { server.on_open(c); });
    }
    void on_data(Connection c, RxView& view) noexcept {
        with(app_of(c), [&](auto& server) noexcept { server.on_data(c, view); });
    }
    void on_writable(Connection c) noexcept {
        with(app_of(c), [&](auto& server) noexcept { server.on_writable(c); });
    }
    void on_peer_fin(Connection c) noexcept {
        with(app_of(c), [&](auto& server) noexcept { server.on_peer_fin(c); });
    }
    void on_close(Connection c, const CloseInfo& why) noexcept {
        with(app_of(c), [&](auto& server) noexcept { server.on_close(c, why); });
    }

    ServerTally tally() const noexcept {
        ServerTally sum = own_;
        sum += http_.tally();
        sum += echo_.tally();
        sum += discard_.tally();
        sum += chargen_.tally();
        return sum;
    }
    size_t memory_bytes() const noexcept { return http_.memory_bytes(); }

    static constexpr uint32_t kHeadroom = 64;  ///< one of this many records is kept free
    static constexpr uint32_t kYieldsPerTurn = 64;

  private:
    App app_of(Connection c) const noexcept {
        return is_one_ ? app_of_port_[0] : static_cast<App>(timers_.mark(c));
    }
    template <typename Call>
    void with(App app, Call&& call) noexcept {
        switch (app) {
            case App::http: call(http_); return;
            case App::echo: call(echo_); return;
            case App::discard: call(discard_); return;
            case App::chargen: call(chargen_); return;
        }
    }

    ConnectionTimers timers_;
    HttpServer http_;
    EchoServer echo_;
    DiscardServer discard_;
    ChargenServer chargen_;
    AcceptLimit accept_limit_;
    Instant now_{};
    ServerTally own_;
    std::vector<App> app_of_port_;  ///< [0]: of the first listener
    bool is_one_ = true;            ///< all ports have the same application
};

static_assert(Server<ServeApps>);

}  // namespace synfin::app
