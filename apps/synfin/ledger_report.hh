#pragma once
/// @file
/// The cycle ledger of a bench, for the result and for the screen.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "stack/ledger.hh"

namespace synfin::app {

/// Cycles by stage for each of `lives` connections, and what the ledger's own stamps cost of them.
/// @param engines client, server, client, server...
nlohmann::ordered_json ledger_json(std::span<const stack::Ledger* const> engines, uint64_t lives);
/// The same as a table.
std::string ledger_text(const nlohmann::ordered_json& ledger);

}  // namespace synfin::app
