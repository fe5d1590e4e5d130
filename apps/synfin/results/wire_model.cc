#include "wire_model.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

/// The model of one end.
ordered_json end_json(const WireModel& model, double cycles) {
    const double packets = model.to_server.packets + model.to_client.packets;
    ordered_json links = ordered_json::array();
    for (const double gbits : kLinkGbits) {
        const double full = model.link_cps(gbits);
        ordered_json cps = ordered_json::object();
        for (const unsigned cores : kModelCores)
            cps[std::to_string(cores)] = std::round(std::min(full, model.cores_cps(cycles, cores)));
        links.push_back({{"gbit_s", gbits},
                         {"wire_cps", std::round(full)},
                         {"wire_limits_from_cores", model.cores_to_fill(cycles, gbits)},
                         {"cps_by_cores", cps}});
    }
    return {{"cycles_per_connection", cycles}, {"cycles_per_packet", cycles / packets}, {"links", links}};
}

ordered_json share_json(const WireShare& share) {
    return {{"packets_per_connection", share.packets},
            {"frame_bytes", share.frame},
            {"wire_bytes_per_connection", share.bytes()}};
}

std::string table(const ordered_json& end) {
    std::string text = fmt::format("{:>10}", "cores");
    for (const auto& link : end["links"])
        text += fmt::format("{:>14}", fmt::format("{} GbE", link["gbit_s"].get<double>()));
    text += '\n';
    for (const unsigned cores : kModelCores) {
        text += fmt::format("{:>10}", cores);
        for (const auto& link : end["links"]) {
            const bool full = cores >= link["wire_limits_from_cores"].get<unsigned>();
            const double cps = link["cps_by_cores"][std::to_string(cores)].get<double>();
            text += fmt::format("{:>14}", fmt::format("{:.2f} M{}", cps / 1e6, full ? "*" : " "));
        }
        text += '\n';
    }
    text += fmt::format("{:>10}", "* from");
    for (const auto& link : end["links"])
        text +=
            fmt::format("{:>13} ", fmt::format("{} cores", link["wire_limits_from_cores"].get<unsigned>()));
    return text + '\n';
}

}  // namespace

std::optional<WireModel> WireModel::of(const ordered_json& result) {
    const auto& rates = result["rates"];
    const auto& cycles = result["cycles_per_connection"];
    const double cps = rates["cps"].get<double>();
    const double tx = rates["tx_pps"].get<double>(), rx = rates["rx_pps"].get<double>();
    if (cps <= 0 || tx <= 0 || rx <= 0 || !cycles["client"].is_number() || !cycles["server"].is_number())
        return std::nullopt;
    WireModel model;
    model.hz = result["host"]["tsc_hz"].get<double>();
    model.client_cycles = cycles["client"].get<double>();
    model.server_cycles = cycles["server"].get<double>();
    model.to_server = {tx / cps, rates["tx_bps"].get<double>() / 8 / tx};
    model.to_client = {rx / cps, rates["rx_bps"].get<double>() / 8 / rx};
    return model;
}

double WireModel::link_cps(double gbits) const noexcept {
    return gbits * 1e9 / 8 / std::max(to_server.bytes(), to_client.bytes());
}

unsigned WireModel::cores_to_fill(double cycles, double gbits) const noexcept {
    return static_cast<unsigned>(std::floor(link_cps(gbits) / cores_cps(cycles, 1))) + 1;
}

ordered_json to_json(const WireModel& model) {
    return {{"cycles_per_second", model.hz},
            {"to_server", share_json(model.to_server)},
            {"to_client", share_json(model.to_client)},
            {"client", end_json(model, model.client_cycles)},
            {"server", end_json(model, model.server_cycles)}};
}

std::string model_text(const ordered_json& model) {
    std::string text =
        "model: connections/s by link and by cores of one end; * the link is the limit\n"
        "  assumes: cores scale linearly, a NIC costs what the in-memory wire costs, the full-duplex link "
        "can "
        "be filled\n";
    const auto& to_server = model["to_server"];
    const auto& to_client = model["to_client"];
    text += fmt::format(
        "  bytes on the wire per connection: to the server {:.0f}, to the client {:.0f}; {:.2f} GHz\n",
        to_server["wire_bytes_per_connection"].get<double>(),
        to_client["wire_bytes_per_connection"].get<double>(), model["cycles_per_second"].get<double>() / 1e9);
    for (const char* end : {"server", "client"}) {
        const auto& half = model[end];
        text +=
            fmt::format("  {}: {:.0f} cycles per connection, {:.0f} per packet\n", end,
                        half["cycles_per_connection"].get<double>(), half["cycles_per_packet"].get<double>());
        text += table(half);
    }
    return text;
}

}  // namespace synfin::app
