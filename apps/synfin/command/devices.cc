/// @file
/// synfin devices: lists the network cards and interfaces; with --device, the offloads that a device offers
/// and synfin uses.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <string>

#include "host/host_facts.hh"
#include "host/host_scan.hh"
#include "host/kernel_addresses.hh"
#include "results/publish.hh"
#include "subcommand.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;
using port::PciFunction;
using port::PciOwner;

std::string_view word(PciOwner owner) {
    switch (owner) {
        case PciOwner::nobody: return "no driver";
        case PciOwner::user_space: return "ready";
        case PciOwner::shared: return "ready, shared with the kernel";
        case PciOwner::kernel: return "the kernel's";
    }
    return "?";
}

std::string number_or_dash(int value) {
    return value < 0 ? "-" : std::to_string(value);
}

/// The kernel's addresses of an interface, of both families, as texts with prefixes.
std::vector<std::string> addresses_on(const std::string& interface,
                                      const std::vector<KernelAddress>& kernel) {
    std::vector<std::string> all;
    for (const KernelAddress& each : kernel)
        if (each.interface == interface) all.push_back(each.address.text());
    return all;
}

ordered_json to_json(const HostScan& host, const std::vector<KernelAddress>& kernel) {
    ordered_json cards = ordered_json::array(), interfaces = ordered_json::array();
    for (const PciFunction& card : host.cards)
        cards.push_back({{"device", "pci:" + card.address},
                         {"id", fmt::format("{:04x}:{:04x}", card.vendor, card.device)},
                         {"driver", card.driver},
                         {"state", word(card.owner)},
                         {"interfaces", card.interfaces},
                         {"numa_node", card.numa_node},
                         {"iommu_group", card.iommu_group},
                         {"default_route", host.carries_default_route(card)}});
    for (const KernelInterface& interface : host.interfaces)
        interfaces.push_back({{"name", interface.name},
                              {"driver", interface.driver},
                              {"mac", interface.address},
                              {"addresses", addresses_on(interface.name, kernel)},
                              {"mtu", interface.mtu},
                              {"up", interface.up},
                              {"carrier", interface.carrier},
                              {"mbps", interface.mbps},
                              {"rx_queues", interface.rx_queues},
                              {"tx_queues", interface.tx_queues},
                              {"default_route", interface.carries_default_route}});
    return {{"schema", "synfin.devices/1"}, {"pci", cards}, {"interfaces", interfaces}};
}

std::string to_text(const HostScan& host, const std::vector<KernelAddress>& kernel) {
    std::string text = "cards (--device pci:ADDRESS)\n";
    if (host.cards.empty()) text += "  none\n";
    for (const PciFunction& card : host.cards) {
        std::string names;
        for (const std::string& name : card.interfaces) names += " " + name;
        text += fmt::format("  {}  {:04x}:{:04x}  driver {:<16} {}  NUMA node {}, IOMMU group {}{}{}\n",
                            card.address, card.vendor, card.device, card.driver.empty() ? "-" : card.driver,
                            word(card.owner), number_or_dash(card.numa_node),
                            card.iommu_group.empty() ? "-" : card.iommu_group,
                            names.empty() ? "" : ", interfaces" + names,
                            host.carries_default_route(card) ? ", default route: do not use" : "");
    }
    text += "interfaces of the kernel (--device af_packet:NAME, or af_xdp:NAME)\n";
    if (host.interfaces.empty()) text += "  none\n";
    for (const KernelInterface& interface : host.interfaces) {
        text += fmt::format(
            "  {:<15} {:<10} {}  MTU {:<5} {}{}, {} rx and {} tx queues{}\n", interface.name,
            interface.driver.empty() ? "virtual" : interface.driver, interface.address, interface.mtu,
            !interface.up        ? "down"
            : !interface.carrier ? "no carrier"
                                 : "up",
            interface.mbps == 0 ? "" : fmt::format(", {} Mb/s", interface.mbps), interface.rx_queues,
            interface.tx_queues, interface.carries_default_route ? ", default route: do not use" : "");
        const std::vector<std::string> addresses = addresses_on(interface.name, kernel);
        if (!addresses.empty()) text += fmt::format("  {:<15} {}\n", "", fmt::join(addresses, ", "));
    }
    text += fmt::format("without a card: tap:NAME{}, memif:PATH, vhost:PATH, virtio-user:PATH\n",
                        host.has_tun ? "" : " (modprobe tun first)");
    return text +
           "for what a device offers: synfin devices --device DEV; for what this host lacks: synfin doctor\n";
}

Exit run(const Config& config) {
    check_json_path(config.json);
    if (config.device.empty()) {
        const HostScan host = scan_host("/");
        const std::vector<KernelAddress> kernel = kernel_addresses();
        publish(to_json(host, kernel), to_text(host, kernel), config.json);
        return Exit::done;
    }
    RuntimeConfig device;
    device.device = config.device;
    device.cores = config.cores;
    device.stack.mtu = static_cast<uint16_t>(config.mtu);
    device.no_huge = config.no_huge;
    device.no_offload = config.no_offload;
    const auto report = Runtime::probe(device);
    if (!report) {
        const auto& [error, why] = report.error();
        const bool usage = error == Error::invalid || error == Error::not_supported;
        throw UserError(usage ? Exit::usage : Exit::failed, why,
                        "run synfin doctor to see what this host lacks");
    }
    std::string text;
    for (const std::string& line : report->lines()) text += line + "\n";
    ordered_json json = {{"schema", "synfin.device/1"}};
    json.update(device_facts(*report));
    publish(json, text, config.json);
    return Exit::done;
}

}  // namespace

const Subcommand kDevicesCommand{Command::devices,
                                 "devices",
                                 "list the network cards and interfaces, and what a device offers",
                                 "  synfin devices\n"
                                 "  synfin devices --device pci:0000:3b:00.0 --cores 0-3\n",
                                 "",
                                 run};

}  // namespace synfin::app
