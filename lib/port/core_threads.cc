#include "port/core_threads.hh"

#include <pthread.h>
#include <rte_lcore.h>
#include <sched.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace synfin::port {

namespace {

bool pin(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

/// Each thread reports whether it is ready. All threads continue, or none does.
class Start {
  public:
    explicit Start(size_t threads) : waiting_(threads) {}
    bool arrive(bool ready) {
        std::unique_lock lock(mutex_);
        all_ready_ = all_ready_ && ready;
        if (--waiting_ == 0) everyone_.notify_all();
        everyone_.wait(lock, [&] { return waiting_ == 0; });
        return all_ready_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable everyone_;
    size_t waiting_;
    bool all_ready_ = true;
};

}  // namespace

std::vector<unsigned> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<unsigned> cpus;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    return cpus;
}

struct CoreThreads::Run {
    Run(std::span<const unsigned> cpus, std::function<void(size_t)> what)
        : cores(cpus.begin(), cpus.end()),
          body(std::move(what)),
          start(cores.size() + 1),
          failures(cores.size()) {}

    void thread(size_t i) {
        const bool pinned = pin(cores[i]);
        const bool registered = rte_thread_register() == 0;
        if (!pinned)
            failures[i] = "CPU " + std::to_string(cores[i]) + " is not one that we may run on";
        else if (!registered)
            failures[i] = "DPDK has no room for another thread";
        if (start.arrive(pinned && registered)) body(i);
        if (registered) rte_thread_unregister();
    }

    const std::vector<unsigned> cores;
    const std::function<void(size_t)> body;
    Start start;
    std::vector<std::string> failures;
    std::vector<std::thread> threads;
};

CoreThreads::CoreThreads() = default;
CoreThreads::~CoreThreads() {
    join();
}

bool CoreThreads::is_running() const noexcept {
    return run_ != nullptr;
}

bool CoreThreads::start(std::span<const unsigned> cores, std::function<void(size_t)> body, Refusal& refusal) {
    run_ = std::make_unique<Run>(cores, std::move(body));
    run_->threads.reserve(cores.size());
    for (size_t i = 0; i < cores.size(); ++i)
        run_->threads.emplace_back([run = run_.get(), i] { run->thread(i); });
    if (run_->start.arrive(true)) return true;
    for (std::thread& thread : run_->threads) thread.join();
    const std::unique_ptr<Run> failed = std::move(run_);
    for (const std::string& failure : failed->failures)
        if (!failure.empty()) return refusal.because(Error::invalid, failure);
    return false;
}

void CoreThreads::join() {
    if (run_ == nullptr) return;
    for (std::thread& thread : run_->threads) thread.join();
    run_.reset();
}

bool run_on_cores(std::span<const unsigned> cores, const std::function<void(size_t)>& body,
                  Refusal& refusal) {
    CoreThreads threads;
    return threads.start(cores, body, refusal);  // joined by the destructor
}

void block_signals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace synfin::port
