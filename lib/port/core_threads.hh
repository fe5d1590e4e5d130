#pragma once
/// @file
/// Threads of our own, one for each core, known to DPDK so that packet pools keep a cache for each.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "port/refusal.hh"

namespace synfin::port {

/// The CPUs that this process may run on, ascending.
std::vector<unsigned> allowed_cpus();

/// Threads that are started here and joined there.
class CoreThreads {
  public:
    CoreThreads();
    ~CoreThreads();  ///< joins
    CoreThreads(const CoreThreads&) = delete;
    CoreThreads& operator=(const CoreThreads&) = delete;

    /// Runs body(i) on a thread pinned to cores[i], for every i, and returns when all are pinned and
    /// registered. A device must be open, and no threads run. False when one could not be; then no body runs.
    bool start(std::span<const unsigned> cores, std::function<void(size_t)> body, Refusal& refusal);
    /// Returns when all bodies have returned; at once when none runs.
    void join();
    bool is_running() const noexcept;

  private:
    struct Run;
    std::unique_ptr<Run> run_;
};

/// Runs body(i) on a thread pinned to cores[i], for every i, and returns when all have returned. A device
/// must be open. False when a thread could not be pinned or registered; then no body has run.
bool run_on_cores(std::span<const unsigned> cores, const std::function<void(size_t)>& body, Refusal& refusal);

/// Of the calling thread, all: for the library's own threads, since the command's signals are for its
/// threads.
void block_signals() noexcept;

}  // namespace synfin::port
