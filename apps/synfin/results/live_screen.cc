#include "live_screen.hh"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "config/quantity.hh"

namespace synfin::app {

namespace {

constexpr std::string_view kClear = "\r\033[K";
constexpr uint64_t kEachRow = 60;  ///< elsewhere than on a terminal: so many rows, then one in kOneIn
constexpr uint64_t kOneIn = 10;
constexpr uint64_t kHeaderEvery = 30;  ///< rows

double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}

std::string rate(uint64_t n, double seconds) {
    return count_text(seconds > 0 ? static_cast<double>(n) / seconds : 0);
}

std::string latency(const SeriesRow::Latency& of) {
    if (of.count == 0) return "-";
    const double ms = static_cast<double>(of.p99) / 1e3;
    return ms < 10      ? fmt::format("{:.3f}", ms)
           : ms < 1'000 ? fmt::format("{:.1f}", ms)
                        : fmt::format("{:.0f}", ms);
}

}  // namespace

LiveScreen::Setup LiveScreen::Setup::of_stderr(const Timeline& time) {
    Setup setup{.time = time};
    setup.is_terminal = isatty(STDERR_FILENO) == 1;
    const char* no_color = std::getenv("NO_COLOR");
    setup.has_colour = setup.is_terminal && (no_color == nullptr || *no_color == '\0');
    winsize size{};
    if (setup.is_terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
        setup.width = size.ws_col;
    return setup;
}

std::string LiveScreen::header() {
    return fmt::format("{:>8} {:>9} {:>11} {:>13} {:>16} {:>8} {:>8}\n", "time", "conn/s", "requests/s",
                       "connect p99", "first byte p99", "failed", "open");
}

std::string LiveScreen::row(const SeriesPoint& point) {
    const SeriesRow& of = point.total;
    const auto ms = [](const std::string& text) { return text == "-" ? text : text + " ms"; };
    const double at = seconds(point.end);
    const bool is_whole = std::abs(at - std::round(at)) < 0.05;
    return fmt::format("{:>6.{}f} s {:>9} {:>11} {:>13} {:>16} {:>8} {:>8}\n", at, is_whole ? 0 : 1,
                       rate(of.established, point.seconds()), rate(of.requests, point.seconds()),
                       ms(latency(of.latency[0])), ms(latency(of.latency[1])), of.failed,
                       count_text(static_cast<double>(of.open)));
}

std::string LiveScreen::bar(const SeriesPoint& point) const {
    const double whole = seconds(setup_.time.opening + setup_.time.ramp_down);
    if (setup_.time.opening <= Duration::zero() || whole <= 0) return {};
    const double at = std::min(seconds(point.end), whole);
    const std::string label =
        setup_.time.is_windowed() ? std::string(name(point.part, setup_.time.has_phases)) : "load";
    const std::string end = fmt::format(" {:.0f} of {:.0f} s", at, whole);
    const size_t used = label.size() + end.size() + 3;
    if (setup_.width < used + 10) return label + end;
    const size_t room = std::min<size_t>(setup_.width - used - 1, 60);
    const auto full = static_cast<size_t>(at / whole * static_cast<double>(room));
    return fmt::format("{} [{}{}]{}", label, std::string(full, '#'), std::string(room - full, '-'), end);
}

std::string LiveScreen::text(const SeriesPoint& point) {
    const uint64_t index = points_++;
    if (!setup_.is_terminal && index >= kEachRow && (index + 1) % kOneIn != 0) return {};
    std::string text(setup_.is_terminal ? kClear : "");
    if (rows_ == 0 || (setup_.is_terminal && rows_ % kHeaderEvery == 0)) text += header();
    ++rows_;
    const bool is_red = setup_.has_colour && point.total.failed != 0;
    std::string line = row(point);
    if (is_red) line = "\033[31m" + line.substr(0, line.size() - 1) + "\033[0m\n";
    text += line;
    if (setup_.is_terminal) text += bar(point);
    return text;
}

std::string LiveScreen::end() const {
    return setup_.is_terminal && rows_ != 0 ? std::string(kClear) : std::string();
}

}  // namespace synfin::app
