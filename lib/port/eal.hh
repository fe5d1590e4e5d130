#pragma once
/// @file
/// DPDK's environment: started once in a process, with arguments that follow from what is opened, and
/// quietly.

#include <cstdint>
#include <string>

#include "port/refusal.hh"

namespace synfin::port {

struct EalNeeds {
    bool no_huge = false;       ///< ordinary pages, even where huge ones are free
    int verbose = 0;            ///< 0: DPDK's own lines are hidden; 1: shown; 2: with debugging
    uint64_t memory_bytes = 0;  ///< what the pools of the first device need
    std::string pci;            ///< allow this PCI address; empty: the PCI bus is not looked at
};

struct EalState {
    bool hugepages = false;
    std::string memory;  ///< for people: "2 MiB hugepages", "4 KiB pages: no hugepage is free"
};

/// Starts DPDK if this process has not yet. Leaves no file behind, installs no signal handler, keeps the
/// calling thread's CPU affinity, ends at process exit. Later calls check that what runs can serve them.
/// Not thread-safe: devices are opened one after another.
/// @return null after a refusal.
const EalState* start_eal(const EalNeeds& needs, Refusal& refusal);

/// For the end of a refusal that DPDK alone can explain: how to see its own lines, unless they are shown
/// already.
std::string eal_hint();

}  // namespace synfin::port
