#include "ledger_report.hh"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace synfin::app {

namespace {

/// The number of packets that a stage handles.
uint64_t packets_of(Stage stage, const LedgerOf& engine) {
    switch (stage) {
        case Stage::rx:
        case Stage::parse:
        case Stage::lookup:
        case Stage::core: return engine.received;
        case Stage::emit:
        case Stage::tx: return engine.sent;
        case Stage::timers:
        case Stage::application:
        case Stage::kCount: break;
    }
    return engine.received + engine.sent;
}

}  // namespace

nlohmann::ordered_json ledger_json(std::span<const LedgerOf> engines, uint64_t lives) {
    const auto connections = static_cast<double>(std::max<uint64_t>(lives, 1));
    const double stamp = Ledger::stamp_cycles();
    nlohmann::ordered_json json, per_packets;
    for (size_t side = 0; side < 2; ++side) {
        const auto sum = [&](auto&& of) {
            double all = 0;
            for (size_t i = side; i < engines.size(); i += 2) all += static_cast<double>(of(engines[i]));
            return all;
        };
        nlohmann::ordered_json end, per_packet;
        const auto put = [&](const char* what, double cycles, double packets) {
            end[what] = cycles / connections;
            per_packet[what] = cycles / std::max(packets, 1.0);
        };
        double total = 0;
        for (size_t i = 0; i < kStages; ++i) {
            const auto stage = static_cast<Stage>(i);
            const double cycles = sum([&](const LedgerOf& of) { return of.ledger.cycles(stage); });
            put(name(stage), cycles, sum([&](const LedgerOf& of) { return packets_of(stage, of); }));
            total += cycles;
        }
        const double packets = sum([](const LedgerOf& of) { return of.received + of.sent; });
        put("total", total, packets);
        put("of_it_the_ledger", sum([](const LedgerOf& of) { return of.ledger.stamps(); }) * stamp, packets);
        const double turns = sum([](const LedgerOf& of) { return of.ledger.turns(); });
        end["connections_per_turn"] = connections / std::max(turns, 1.0);
        const char* const who = side == 0 ? "client" : "server";
        json[who] = std::move(end);
        per_packets[who] = std::move(per_packet);
    }
    json["per_packet"] = std::move(per_packets);
    return json;
}

std::string ledger_text(const nlohmann::ordered_json& ledger) {
    std::string text =
        fmt::format("ledger: cycles {:>25} {:>19}\n  {:<20} {:>9} {:>9} {:>9} {:>9}\n", "per connection",
                    "per packet", "", "client", "server", "client", "server");
    for (const auto& [stage, cycles] : ledger["client"].items()) {
        text += fmt::format("  {:<20} {:>9.1f} {:>9.1f}", stage, cycles.get<double>(),
                            ledger["server"][stage].get<double>());
        if (const auto& packets = ledger["per_packet"]; packets["client"].contains(stage))
            text += fmt::format(" {:>9.1f} {:>9.1f}", packets["client"][stage].get<double>(),
                                packets["server"][stage].get<double>());
        text += '\n';
    }
    return text +
           "  rx and tx include copying each frame out of and into the in-memory wire, as memif and DMA do\n";
}

}  // namespace synfin::app
