#pragma once
/// @file
/// Starts DPDK's environment (EAL) once per process, with arguments derived from the first device, and hides
/// its output unless requested.

#include <cstdint>
#include <string>

#include "port/refusal.hh"

namespace synfin::port {

struct EalNeeds {
    bool no_huge = false;       ///< use ordinary pages even if hugepages are free
    int verbose = 0;            ///< DPDK's log: 0 hidden, 1 shown, 2 with debugging
    uint64_t memory_bytes = 0;  ///< bytes that the pools of the first device need
    std::string pci;            ///< the PCI address to allow; empty: DPDK does not scan the PCI bus
};

struct EalState {
    bool hugepages = false;
    std::string memory;  ///< for people: "2 MiB hugepages", "4 KiB pages: no hugepage is free"
};

/// Starts DPDK if this process has not yet. It leaves no file behind, installs no signal handler, keeps the
/// calling thread's CPU affinity, and runs until process exit. Later calls check that the running DPDK meets
/// their needs. Not thread-safe: open devices one after another.
/// @return null after a refusal.
const EalState* start_eal(const EalNeeds& needs, Refusal& refusal);

/// Text to append to a refusal whose cause only DPDK's log shows: how to see that log. Empty if it is shown
/// already.
std::string eal_hint();

}  // namespace synfin::port
