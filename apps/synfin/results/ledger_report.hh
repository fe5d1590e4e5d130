#pragma once
/// @file
/// Formats the cycle ledger of a bench as JSON and as text.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "synfin/ledger.hh"

namespace synfin::app {

/// An engine's ledger, and the packets that the engine received and sent meanwhile.
struct LedgerOf {
    Ledger ledger;
    uint64_t received = 0, sent = 0;
};

/// Cycles by stage and connection, and the cost of the ledger's own time stamps among them. `per_packet` has
/// the same per packet that the stage handles: received packets for rx, parse, lookup and core, sent packets
/// for emit and tx, both for timers, application and the total.
/// @param lives number of connections
/// @param engines client, server, client, server...
nlohmann::ordered_json ledger_json(std::span<const LedgerOf> engines, uint64_t lives);
/// The same as a table.
std::string ledger_text(const nlohmann::ordered_json& ledger);

}  // namespace synfin::app
