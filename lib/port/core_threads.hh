#pragma once
/// @file
/// Pinned threads, one for each core, registered with DPDK so that packet pools keep a cache for each.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "port/refusal.hh"

namespace synfin::port {

/// The CPUs that this process may run on, ascending.
std::vector<unsigned> allowed_cpus();

/// Starts the threads of a run and joins them.
class CoreThreads {
  public:
    CoreThreads();
    ~CoreThreads();  ///< joins
    CoreThreads(const CoreThreads&) = delete;
    CoreThreads& operator=(const CoreThreads&) = delete;

    /// Runs body(i) on a thread pinned to cores[i], for every i, and returns when all are pinned and
    /// registered. A device must be open, and no threads may be running. Returns false when a thread could
    /// not be pinned or registered; then no body runs.
    bool start(std::span<const unsigned> cores, std::function<void(size_t)> body, Refusal& refusal);
    /// Returns when all bodies have returned; immediately when none runs.
    void join();
    bool is_running() const noexcept;

  private:
    struct Run;
    std::unique_ptr<Run> run_;
};

/// Runs body(i) on a thread pinned to cores[i], for every i, and returns when all have returned. A device
/// must be open. Returns false when a thread could not be pinned or registered; then no body has run.
bool run_on_cores(std::span<const unsigned> cores, const std::function<void(size_t)>& body, Refusal& refusal);

/// Blocks all signals in the calling thread. The library's own threads call it, so that signals reach the
/// program's threads.
void block_signals() noexcept;

}  // namespace synfin::port
