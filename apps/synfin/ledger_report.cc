#include "ledger_report.hh"

#include <fmt/format.h>

#include <algorithm>

namespace synfin::app {

using stack::Ledger;
using stack::Stage;

nlohmann::ordered_json ledger_json(std::span<const Ledger* const> engines, uint64_t lives) {
    const auto connections = static_cast<double>(std::max<uint64_t>(lives, 1));
    const double stamp = Ledger::stamp_cycles();
    nlohmann::ordered_json json;
    for (size_t side = 0; side < 2; ++side) {
        const auto sum = [&](auto&& of) {
            double all = 0;
            for (size_t i = side; i < engines.size(); i += 2) all += static_cast<double>(of(*engines[i]));
            return all;
        };
        auto& end = json[side == 0 ? "client" : "server"];
        double total = 0;
        for (size_t i = 0; i < stack::kStages; ++i) {
            const auto stage = static_cast<Stage>(i);
            const double cycles = sum([&](const Ledger& ledger) { return ledger.cycles(stage); });
            end[name(stage)] = cycles / connections;
            total += cycles;
        }
        end["total"] = total / connections;
        end["of_it_the_ledger"] =
            sum([](const Ledger& ledger) { return ledger.stamps(); }) * stamp / connections;
        const double turns = sum([](const Ledger& ledger) { return ledger.turns(); });
        end["connections_per_turn"] = connections / std::max(turns, 1.0);
    }
    return json;
}

std::string ledger_text(const nlohmann::ordered_json& ledger) {
    std::string text =
        fmt::format("ledger: cycles per connection\n{:<22} {:>9} {:>9}\n", "", "client", "server");
    for (const auto& [stage, cycles] : ledger["client"].items())
        text += fmt::format("  {:<20} {:>9.1f} {:>9.1f}\n", stage, cycles.get<double>(),
                            ledger["server"][stage].get<double>());
    return text;
}

}  // namespace synfin::app
