#pragma once
/// @file
/// Monitor: the thread beside the engines: prints a line each second on a terminal, answers the control
/// socket, tells when all engines have begun and what becomes of the device, and ends the run when that is
/// gone.

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
        std::string command;             ///< "serve", for the control socket's answers
        std::string device_name{};       ///< DEV, for what is said of it
        std::string control;             ///< path; empty: /run/synfin/COMMAND-PID when that can be had
        bool serve_control = true;       ///< false: no socket at all (bench)
        bool show_progress = false;      ///< a line each second; only when stderr is a terminal
        std::function<void()> on_begin;  ///< once, when every engine has done its first turn
        /// What the device counts beside the engines, for the control socket's answers; any thread may ask.
        std::function<DeviceStats()> device;
    };
    /// Throws UserError(failed) when a control path that was asked for can't be had.
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
    /// All engines together, at one moment.
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
    std::string control_path_;  ///< empty: none
    int control_ = -1, wake_ = -1;
    bool line_shown_ = false;
    DeviceStats device_before_{};
    std::thread thread_;
};

}  // namespace synfin::app
