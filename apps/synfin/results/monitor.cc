#include "monitor.hh"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "config/quantity.hh"
#include "config/user_error.hh"
#include "host/device_news.hh"
#include "host/interrupt.hh"
#include "result_json.hh"

namespace synfin::app {

namespace {
constexpr const char* kControlDirectory = "/run/synfin";
constexpr int kTickMs = 20;
constexpr int kDeviceMs = 100;
}  // namespace

Monitor::Monitor(Setup setup, Inspector& inspector, const ProgressBoard& board)
    : setup_(std::move(setup)), inspector_(inspector), board_(board), wake_(eventfd(0, EFD_CLOEXEC)) {
    if (wake_ < 0) throw run_error(fmt::format("can't create an eventfd: {}", std::strerror(errno)));
    if (setup_.serve_control) open_control();
    is_terminal_ = isatty(STDERR_FILENO) == 1;
    setup_.show_progress &= is_terminal_;
    thread_ = std::thread([this] { run(); });
}

Monitor::~Monitor() {
    const uint64_t one = 1;
    static_cast<void>(!write(wake_, &one, sizeof one));
    thread_.join();
    close(wake_);
    if (control_ >= 0) close(control_);
    if (!control_path_.empty()) unlink(control_path_.c_str());
    if (setup_.control.empty() && !control_path_.empty())
        rmdir(kControlDirectory);  // succeeds only if it is empty
}

void Monitor::open_control() {
    const bool asked = !setup_.control.empty();
    const std::string path =
        asked ? setup_.control : fmt::format("{}/{}-{}", kControlDirectory, setup_.command, getpid());
    // Without --control, the run goes on without a socket if /run can't be written.
    const auto refuse = [&](const std::string& why) {
        if (control_ >= 0) close(std::exchange(control_, -1));
        if (asked)
            throw run_error(fmt::format("control socket {}: {}", path, why),
                            "choose another path for --control");
    };
    if (!asked) mkdir(kControlDirectory, 0755);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return refuse(fmt::format("longer than {} bytes", sizeof address.sun_path - 1));
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* const name = reinterpret_cast<const sockaddr*>(&address);
    const auto stream = [] { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); };
    // Remove the socket of a process that was killed: it refuses connections. Any other file stays, and
    // bind() fails.
    std::error_code ignored;
    if (std::filesystem::is_socket(path, ignored)) {
        const int probe = stream();
        if (connect(probe, name, sizeof address) != 0 && errno == ECONNREFUSED) unlink(path.c_str());
        if (probe >= 0) close(probe);
    }
    control_ = stream();
    if (control_ < 0) return refuse(std::strerror(errno));
    if (bind(control_, name, sizeof address) != 0 || listen(control_, 16) != 0)
        return refuse(std::strerror(errno));
    control_path_ = path;
}

Monitor::Sum Monitor::sum() const {
    Sum all{.engines = inspector_.sum(), .progress = {}};
    for (const Published<Progress>& engine : board_) all.progress += engine.see();
    return all;
}

void Monitor::run() {
    using SteadyClock = std::chrono::steady_clock;
    auto before_at = SteadyClock::now(), looked_at = before_at;
    Sum before;
    bool begun = false;
    for (;;) {
        pollfd waiting[2] = {{wake_, POLLIN, 0}, {control_, POLLIN, 0}};
        const bool busy = !begun || setup_.show_progress || setup_.on_tick;
        poll(waiting, control_ >= 0 ? 2 : 1, busy ? kTickMs : setup_.device ? kDeviceMs : -1);
        if (setup_.on_tick) setup_.on_tick();
        if ((waiting[0].revents & POLLIN) != 0) break;
        if (control_ >= 0 && (waiting[1].revents & POLLIN) != 0) answer_control();
        if (!begun) {
            begun = inspector_.have_all_begun();
            if (begun && setup_.on_begin) setup_.on_begin();
        }
        const auto now = SteadyClock::now();
        if (setup_.device && now - looked_at >= std::chrono::milliseconds(kDeviceMs)) {
            watch_device();
            looked_at = now;
        }
        if (setup_.show_progress && now - before_at >= std::chrono::seconds(1)) {
            const Sum snapshot = sum();
            print_progress(snapshot, before, std::chrono::duration<double>(now - before_at).count());
            before = snapshot;
            before_at = now;
        }
    }
    if (line_shown_) std::fputs("\r\033[K", stderr);
}

void Monitor::watch_device() {
    const DeviceStats now = setup_.device();
    if (const std::string news = device_news(device_before_, now); !news.empty())
        std::fputs(fmt::format("{}synfin: {}: {}\n", line_shown_ || is_terminal_ ? "\r\033[K" : "",
                               setup_.device_name, news)
                       .c_str(),
                   stderr);
    if (now.is_gone) request_end();
    device_before_ = now;
}

void Monitor::print_progress(const Sum& now, const Sum& before, double seconds) {
    const auto rate = [&](uint64_t a, uint64_t b) {
        return count_text(static_cast<double>(a - b) / seconds);
    };
    const auto packets = [](const Sum& at) {
        return at.engines.counters[Counter::rx_packets] + at.engines.counters[Counter::tx_packets];
    };
    const std::string line = fmt::format(
        "\r\033[K{} established/s  {} completed/s  {} packets/s  {} open  {} failed  {:.0f} % busy",
        rate(now.progress.established, before.progress.established),
        rate(now.progress.completed, before.progress.completed), rate(packets(now), packets(before)),
        now.progress.open, now.progress.failed, 100 * (now.engines.cycles - before.engines.cycles).share());
    std::fputs(line.c_str(), stderr);  // not fmt::print, which throws when the terminal has gone
    line_shown_ = true;
}

/// Sums the connections by state. Each engine counts its own between its turns; an engine whose loop has
/// ended is left out.
std::array<uint64_t, 11> Monitor::count_states() {
    std::array<uint64_t, 11> sum{};
    for (unsigned engine = 0; engine < inspector_.engines(); ++engine) {
        StateCount count;
        if (!inspector_.ask(engine, count)) continue;
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += count.by_state()[i];
    }
    return sum;
}

/// Accepts one client and sends it one JSON object: the live counters and the number of connections by state.
void Monitor::answer_control() {
    const int client = accept4(control_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    const Sum now = sum();
    nlohmann::ordered_json stats;
    stats["schema"] = "synfin.stats/1";
    stats["command"] = setup_.command;
    stats["pid"] = getpid();
    stats["connections"] = {{"established", now.progress.established},
                            {"completed", now.progress.completed},
                            {"failed", now.progress.failed},
                            {"open", now.progress.open}};
    auto& states = stats["states"] = nlohmann::ordered_json::object();
    const std::array<uint64_t, 11> by_state = count_states();
    for (size_t i = 0; i < by_state.size(); ++i)
        if (by_state[i] != 0) states[std::string(tcp::name(static_cast<State>(i)))] = by_state[i];
    const EngineSnapshot& engines = now.engines;
    stats["records"] = {{"open", engines.records.open},
                        {"half_open", engines.records.half_open},
                        {"time_wait", engines.records.time_wait}};
    stats["memory"] = {{"open", engines.memory.open},
                       {"flows", engines.memory.flows},
                       {"half_open", engines.memory.half_open},
                       {"time_wait", engines.memory.time_wait},
                       {"table", engines.memory.table},
                       {"timers", engines.memory.timers},
                       {"text", engines.memory.text}};
    stats["cycles"] = {{"busy", engines.cycles.busy}, {"all", engines.cycles.all}};
    const Counters& counters = engines.counters;
    for (size_t i = 0; i < counters.events.size(); ++i)
        stats["tcp"][name(static_cast<Counter>(i))] = counters.events[i];
    stats["drops"] = drops(counters, setup_.device ? setup_.device() : DeviceStats{});
    const std::string text = stats.dump() + "\n";
    // A few KiB fit into the socket's buffer, so a client that does not read delays nothing.
    static_cast<void>(!send(client, text.data(), text.size(), MSG_NOSIGNAL));
    close(client);
}

}  // namespace synfin::app
