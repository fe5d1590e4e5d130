#pragma once
/// @file
/// The RSS of a started device: its settings, as far as they must be known to predict queues.

#include <rte_ethdev.h>

#include <cstdint>
#include <string>
#include <vector>

#include "port/queue_plan.hh"

namespace synfin::port {

struct RssSettings {
    std::vector<uint8_t> key;
    std::vector<uint16_t> reta;  ///< the queue of each entry of the redirection table
    bool hashes_v6 = false;      ///< TCP ports over IPv6 too
};

/// Sets the redirection table, then reads back the table, the key and the types that the device uses.
/// @param key as given at configuration
/// @return empty when the settings can be predicted with; otherwise the reason why not
std::string settle_rss(uint16_t device, const rte_eth_dev_info& info, const QueuePlan& queues,
                       const std::vector<uint8_t>& key, RssSettings& settings);

}  // namespace synfin::port
