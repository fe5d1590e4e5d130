#pragma once
/// @file
/// Bulk transfers of one or more connections over one bottleneck, in virtual time.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bottleneck.hh"
#include "synfin/virtual_stack.hh"

namespace synfin::simulation {

struct FlowConfig {
    CongestionControl control = CongestionControl::cubic;
    Duration starts = 0s;  ///< after the first one
};

struct TransferConfig {
    PathConfig path{};
    bool sack = true;
    Pacing pacing = Pacing::off;
    std::vector<FlowConfig> flows{FlowConfig{}};
    uint64_t bytes = 0;  ///< each flow sends this much; 0: it sends until `time` has passed
    Duration time{};
    Duration measured_from{};  ///< FlowResult::measured_bytes arrive after this
    uint64_t buffer_bytes = 8 << 20;
    bool is_traced = false;  ///< prints cwnd, ssthresh and what is in flight once per round trip
};

struct FlowResult {
    uint64_t written = 0, received = 0, measured_bytes = 0;
};

struct TransferResult {
    std::string failure{};  ///< empty: every byte arrived, and no record, packet or block was left
    double seconds = 0;     ///< from connect() to the arrival of the last byte
    std::vector<FlowResult> flows{};
    uint64_t sent = 0, lost = 0, overflowed = 0;  ///< packets of the direction that carries text
    uint64_t retransmitted = 0;                   ///< segments
    uint64_t spurious = 0;                        ///< segments that the receiver already had
    uint64_t refused = 0;  ///< out-of-order segments for which the receiver had no room
    uint64_t timeouts = 0, spurious_timeouts = 0, recoveries = 0, undone = 0, probes = 0;
};

TransferResult transfer(const TransferConfig& config, uint64_t seed);

}  // namespace synfin::simulation
