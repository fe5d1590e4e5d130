#pragma once
/// @file
/// The cycle ledger of a bench, for the result and for the screen.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "synfin/ledger.hh"

namespace synfin::app {

/// An engine's ledger, and the packets that the engine had while it was kept.
struct LedgerOf {
    Ledger ledger;
    uint64_t received = 0, sent = 0;
};

/// Cycles by stage for each of `lives` connections, and what the ledger's own stamps cost of them; under
/// `per_packet` the same for each packet that a stage has to do with: received before the timers, sent after
/// the application, both for these two and in all.
/// @param engines client, server, client, server...
nlohmann::ordered_json ledger_json(std::span<const LedgerOf> engines, uint64_t lives);
/// The same as a table.
std::string ledger_text(const nlohmann::ordered_json& ledger);

}  // namespace synfin::app
