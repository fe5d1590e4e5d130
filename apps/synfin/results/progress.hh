#pragma once
/// @file
/// Progress: the connection counts that a run shows while it goes on, in addition to the engines' snapshots.

#include <cstdint>
#include <vector>

#include "servers/server.hh"
#include "synfin/published.hh"
#include "traffic/load_tally.hh"

namespace synfin::app {

/// The connections of one engine at one moment.
struct Progress {
    uint64_t offered = 0, opened = 0, established = 0, completed = 0, failed = 0, open = 0;
    uint64_t requests = 0;

    static Progress of(const LoadTally& tally) noexcept {
        return {.offered = tally.offered,
                .opened = tally.opened,
                .established = tally.established,
                .completed = tally.completed,
                .failed = tally.failed(),
                .open = tally.open_now(),
                .requests = tally.responses};
    }
    static Progress of(const ServerTally& tally) noexcept {
        uint64_t ended = 0;
        for (const uint64_t n : tally.ended_by) ended += n;
        return {.established = tally.established,
                .completed = tally.completed,
                .failed = ended - tally.completed,
                .open = tally.established - ended,
                .requests = tally.requests};
    }
    Progress& operator+=(const Progress& other) noexcept {
        offered += other.offered;
        opened += other.opened;
        established += other.established;
        completed += other.completed;
        failed += other.failed;
        open += other.open;
        requests += other.requests;
        return *this;
    }
};

/// One for each engine. The engine's core writes it; any thread may read.
using ProgressBoard = std::vector<Published<Progress>>;

}  // namespace synfin::app
