#include "synfin/device_report.hh"

namespace synfin {

const char* describe(Steering steering) noexcept {
    switch (steering) {
        case Steering::one_engine: return "one engine";
        case Steering::wire: return "in-memory wire";
        case Steering::rss: return "RSS";
        case Steering::software: return "software";
    }
    return "?";
}

std::string DeviceReport::headline() const {
    return "device " + device + ", MTU " + std::to_string(mtu) + ", link " + (link_up ? "up" : "down");
}

std::vector<std::string> DeviceReport::lines() const {
    auto number = [](auto value) { return std::to_string(value); };
    std::vector<std::string> out;
    out.push_back("device    " + device + " (" + driver + ", " + dpdk + ")");
    out.push_back("mac       " + mac.text() + ", MTU " + number(mtu));
    out.push_back(std::string("link      ") + (link_up ? "up" : "down") +
                  (link_mbps != 0 ? ", " + number(link_mbps) + " Mb/s" : ""));
    out.push_back("memory    " + memory + "; " + number(packets_per_engine) + " packets of " +
                  number(packet_bytes) + " B" +
                  (large_per_engine != 0
                       ? " and " + number(large_per_engine) + " of " + number(large_bytes) + " B"
                       : "") +
                  " for each engine");
    out.push_back("queues    " + number(rx_queues) + " rx, " + number(tx_queues) + " tx of " +
                  number(rx_descriptors) + " and " + number(tx_descriptors) + " for " + number(engines) +
                  (engines == 1 ? " engine" : " engines") + ", bursts of " + number(rx_burst) + " and " +
                  number(tx_burst));
    out.push_back(std::string("steering  ") + describe(steering) + ": " + steering_why);
    for (const OffloadReport& offload : offloads) {
        const char* who = offload.used ? "device" : offload.offered ? "offered, not used" : "not offered";
        out.push_back("offload   " + offload.what + ": " + who +
                      (offload.why.empty() ? "" : (offload.used ? ", " : ": ") + offload.why));
    }
    for (const std::string& warning : warnings) out.push_back("warning   " + warning);
    for (const std::string& note : notes) out.push_back("note      " + note);
    return out;
}

}  // namespace synfin
