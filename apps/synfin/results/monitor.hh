#pragma once
/// @file
/// Monitor: a thread that watches the engines. It prints a progress line each second on a terminal, answers
/// the control socket, reports when all engines have begun and when the link changes, and ends the run when
/// the device disappears.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "progress.hh"
#include "synfin/inspector.hh"
#include "synfin/runtime.hh"

namespace synfin::app {

class Monitor {
  public:
    struct Setup {
        std::string command;              ///< "serve", for the control socket's answers
        std::string device_name{};        ///< DEV, for messages
        std::string control;              ///< path; empty: /run/synfin/COMMAND-PID if that can be created
        bool serve_control = true;        ///< false: no socket (bench)
        bool show_progress = false;       ///< print a line each second, if stderr is a terminal
        std::function<void()> on_tick{};  ///< called every 20 ms, and once at the end
        std::function<void()> on_begin;   ///< called once, when every engine has done its first turn
        /// Returns the device's own counters, for the control socket's answers. Callable from any thread.
        std::function<DeviceStats()> device;
    };
    /// Throws UserError(failed) when the socket at a given control path can't be created.
    /// The inspector and the board outlive it.
    Monitor(Setup setup, Inspector& inspector, const ProgressBoard& board);
    /// Stops the thread and removes the control socket.
    ~Monitor();
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

  private:
    void open_control();
    void run();
    void watch_device();
    void answer_control();
    /// The sum over all engines at one moment.
    struct Sum {
        EngineSnapshot engines;
        Progress progress;
    };
    Sum sum() const;
    std::array<uint64_t, 11> count_states();
    void print_progress(const Sum& now, const Sum& before, double seconds);

    Setup setup_;
    Inspector& inspector_;
    const ProgressBoard& board_;
    std::string control_path_;  ///< empty: no socket
    int control_ = -1, wake_ = -1;
    bool line_shown_ = false, is_terminal_ = false;
    DeviceStats device_before_{};
    std::thread thread_;
};

}  // namespace synfin::app
