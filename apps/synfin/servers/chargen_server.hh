#pragma once
/// @file
/// ChargenServer: sends lines of printable ASCII until the peer closes (RFC 864). It discards received data.

#include "timed_server.hh"

namespace synfin::app {

/// The pattern of RFC 864: lines of 72 of the 95 printing characters and CR LF, each shifted by one
/// character. All connections send from one buffer; the user_tag is a connection's offset in the pattern's
/// period.
class ChargenServer : public TimedServer {
  public:
    explicit ChargenServer(ConnectionTimers* timers = nullptr) : TimedServer(timers) {
        pattern_.reserve(kPeriod * (kPeriods + 1));
        for (uint32_t period = 0; period <= kPeriods; ++period)
            for (uint32_t line = 0; line < kPrinting; ++line) {
                for (uint32_t column = 0; column < kColumns; ++column)
                    pattern_.push_back(static_cast<uint8_t>(' ' + (line + column) % kPrinting));
                pattern_.push_back('\r');
                pattern_.push_back('\n');
            }
    }

    void on_open(Connection c) noexcept {
        TimedServer::on_open(c);
        pump(c);
        wait(c, ConnectionTimers::send);
    }
    void on_data(Connection, RxView&) noexcept {}
    void on_writable(Connection c) noexcept { pump(c); }
    /// A client ends by closing in the middle of a line, so a reset is not a failure.
    void on_close(Connection c, const CloseInfo& why) noexcept {
        CloseInfo told = why;
        if (why.reason == CloseReason::reset_by_peer) told.reason = CloseReason::fin;
        TimedServer::on_close(c, told);
    }

    static constexpr uint32_t kPrinting = 95, kColumns = 72;
    static constexpr uint32_t kPeriod = kPrinting * (kColumns + 2);  ///< bytes until it repeats

  private:
    static constexpr uint32_t kPeriods = 9;  ///< about 62 KiB per call of send

    void pump(Connection c) noexcept {
        for (;;) {
            const uint64_t at = c.user_tag();
            const auto sent = c.send_static(Bytes(pattern_.data() + at, kPeriod * kPeriods));
            if (!sent) return;
            c.set_user_tag((at + *sent) % kPeriod);
            if (*sent < kPeriod * kPeriods) return;
        }
    }

    std::vector<uint8_t> pattern_;
};

static_assert(Server<ChargenServer>);

}  // namespace synfin::app
