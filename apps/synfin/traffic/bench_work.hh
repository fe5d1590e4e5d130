#pragma once
/// @file
/// BenchWork: runs the pairs of a bench on the library's runner. Engine 2k is the client of pair k, engine 2k
/// + 1 its server.

#include <atomic>
#include <deque>
#include <vector>

#include "bench_ends.hh"
#include "client_run.hh"
#include "host/host_facts.hh"
#include "results/progress.hh"
#include "servers/server_run.hh"
#include "synfin/runner.hh"

namespace synfin::app {

/// Both ends of a pair, and the state that their two threads share.
template <Server S>
class BenchPair {
  public:
    using Phase = ClientRun::Phase;

    template <typename... Arguments>
    BenchPair(ClientRun::Plan plan, PortRange ports, const std::atomic<bool>& stop,
              const Arguments&... arguments)
        : client_(std::move(plan), stop), server_(ports, arguments...) {}

    Result<void> listen(Stack& server) noexcept { return server_.listen(server); }
    void start(Instant now) noexcept { client_.start(now); }

    bool client_turn(Stack& stack, Instant now) {
        const bool was_measured = client_.is_measured();
        const bool did = client_.turn(stack, now);
        if (client_.is_measured() && !was_measured) {
            client_end_ = {.memory = stack.memory(), .resident = resident_bytes()};
        }
        if (const Phase phase = client_.phase(); phase != told_phase_.load(std::memory_order_relaxed))
            told_phase_.store(phase, std::memory_order_release);
        return did;
    }
    bool server_turn(Stack& stack, Instant now) noexcept {
        if (const Phase phase = told_phase_.load(std::memory_order_acquire); phase != seen_phase_) {
            note(phase, stack);
            if (phase == Phase::over) server_.end(stack, now);
        }
        const bool did = server_.turn(stack, now);
        if (server_.over()) is_over_.store(true, std::memory_order_release);
        return did;
    }
    /// Whether both ends are over. The client's engine goes on until the server has the ACK of its FIN.
    bool is_over() const noexcept { return is_over_.load(std::memory_order_acquire); }
    /// Whether the bench opens connections, as last seen by that end's thread.
    bool is_opening(bool is_client) const noexcept {
        return (is_client ? client_.phase() : seen_phase_) == Phase::opening;
    }
    BusyCycles& cycles(bool is_client) noexcept { return is_client ? client_.cycles : server_.cycles; }

    const ClientRun& client() const noexcept { return client_; }
    /// Call after the run. The result refers to this pair.
    PairEnds ends() const noexcept {
        PairEnds ends{.run = &client_, .client = client_end_, .server = server_end_};
        ends.server.application = server_.memory_bytes();
        return ends;
    }

  private:
    /// The client has reached this phase, and may have skipped others.
    void note(Phase phase, const Stack& stack) noexcept {
        const auto has_come = [&](Phase to) { return seen_phase_ < to && phase >= to; };
        if (has_come(Phase::opening)) {
            counters_before_ = stack.counters();
            cycles_before_ = server_.cycles;
        }
        if (has_come(Phase::draining)) {
            server_end_.measured = stack.counters() - counters_before_;
            server_end_.cycles = server_.cycles - cycles_before_;
            server_end_.memory = stack.memory();
        }
        if (has_come(Phase::emptying)) server_end_.final = stack.counters() - counters_before_;
        seen_phase_ = phase;
    }

    ClientRun client_;
    ClientEnd client_end_;
    std::atomic<Phase> told_phase_{client_.phase()};
    std::atomic<bool> is_over_{false};

    alignas(64) ServerRun<S> server_;
    Phase seen_phase_ = client_.phase();  ///< the last phase that the server's thread has seen
    Counters counters_before_;            ///< at the beginning of the measured time
    BusyCycles cycles_before_;
    ServerEnd server_end_;
};

template <Server S>
class BenchWork {
  public:
    /// @param awaits_time_wait an engine is not over before its last TIME-WAIT record has expired
    /// @param stop ends the run early; must outlive this object
    BenchWork(unsigned engines, bool awaits_time_wait, const std::atomic<bool>& stop)
        : awaits_time_wait_(awaits_time_wait), stop_(stop), is_empty_(engines), board_(engines) {}

    /// Adds the next pair. Errors: as Stack::listen.
    template <typename... Arguments>
    Result<void> add(Stack& server, ClientRun::Plan plan, PortRange ports, const Arguments&... arguments) {
        return pairs_.emplace_back(std::move(plan), ports, stop_, arguments...).listen(server);
    }
    void start(Instant now) noexcept {
        for (BenchPair<S>& pair : pairs_) pair.start(now);
    }

    // -- Work
    bool turn(unsigned index, Stack& stack, Instant now) {
        BenchPair<S>& pair = pairs_[index / 2];
        const bool did = is_client(index) ? pair.client_turn(stack, now) : pair.server_turn(stack, now);
        if (pair.is_over()) [[unlikely]]
            is_empty_[index].value = !stack.records().any();
        return did;
    }
    bool is_over(unsigned index) const noexcept {
        return pairs_[index / 2].is_over() &&
               (!awaits_time_wait_ || is_empty_[index].value || stop_.load(std::memory_order_relaxed));
    }
    bool is_measured(unsigned index) const noexcept { return pairs_[index / 2].is_opening(is_client(index)); }
    BusyCycles& cycles(unsigned index) noexcept { return pairs_[index / 2].cycles(is_client(index)); }
    /// Only the client's engine shows progress, so that each connection counts once.
    void show(unsigned index) noexcept {
        if (!is_client(index)) return;
        const ClientRun& client = pairs_[index / 2].client();
        const Generator* const background = client.background();
        const bool is_filling = background != nullptr && client.phase() < ClientRun::Phase::opening;
        board_[index].show(Progress::of((is_filling ? *background : client.generator()).tally()));
    }

    /// Call after the run. The result refers to this object.
    std::vector<PairEnds> ends() const {
        std::vector<PairEnds> all;
        for (const BenchPair<S>& pair : pairs_) all.push_back(pair.ends());
        return all;
    }
    const ProgressBoard& board() const noexcept { return board_; }

  private:
    struct alignas(64) IsEmpty {
        bool value = false;
    };
    static bool is_client(unsigned index) noexcept { return index % 2 == 0; }

    const bool awaits_time_wait_;
    const std::atomic<bool>& stop_;
    std::deque<BenchPair<S>> pairs_;
    std::vector<IsEmpty> is_empty_;  ///< by engine: whether its last record is free
    ProgressBoard board_;
};

}  // namespace synfin::app
