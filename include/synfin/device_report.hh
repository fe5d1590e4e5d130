#pragma once
/// @file
/// The opened device and its settings, as lines for the screen and as data for the JSON. No DPDK in here.

#include <cstdint>
#include <string>
#include <vector>

#include "synfin/impairment.hh"
#include "synfin/units.hh"

namespace synfin {

/// How received packets find their engine.
enum class Steering : uint8_t {
    one_engine,  ///< all packets go to the one engine
    wire,        ///< each pair of engines has an in-memory wire of its own
    rss,         ///< the device's Toeplitz hash with our key; source ports are chosen by predicting it
    software,    ///< a keyed hash computed by the polling core, and rings between the cores
};

/// "one engine", "in-memory wire", "RSS", "software".
const char* describe(Steering steering) noexcept;

/// One offload of a device.
struct OffloadReport {
    std::string what;      ///< "tx TCP checksum"
    bool offered = false;  ///< the driver supports it
    bool used = false;     ///< synfin enabled it
    std::string why;       ///< not used: why, and what does the work instead; used: details
};

struct DeviceReport {
    std::string device;  ///< as given: "af_packet:veth0"
    std::string driver;  ///< DPDK's name: "net_ixgbe"; "AF_PACKET", "memif 2.0"
    std::string dpdk;    ///< version
    std::string memory;  ///< "2 MiB hugepages", or "4 KiB pages: ..." with the reason
    bool hugepages = false;
    Mac mac{};
    uint16_t mtu = 0;  ///< bytes of IP packet
    bool link_up = false;
    uint32_t link_mbps = 0;  ///< 0: unknown
    unsigned engines = 1;
    unsigned rx_queues = 0, tx_queues = 0;
    unsigned rx_descriptors = 0, tx_descriptors = 0;  ///< per queue
    uint32_t packets_per_engine = 0;                  ///< buffers of each engine's pool
    uint32_t packet_bytes = 0;  ///< bytes of memory for each packet, headers and metadata included
    uint32_t large_per_engine = 0, large_bytes = 0;  ///< the same for packets that the device segments (TSO)
    unsigned rx_burst = 0, tx_burst = 0;             ///< packets per call, at most
    Steering steering = Steering::one_engine;
    std::string steering_why;
    std::vector<OffloadReport> offloads;
    std::vector<std::string>
        notes;  ///< changes that synfin made on the host (undone at close), and other facts
    std::vector<std::string> warnings;  ///< what slows or limits this device, each with its remedy

    /// The device in one line.
    std::string headline() const;
    /// For the screen; one fact per line, no newlines inside.
    std::vector<std::string> lines() const;
};

/// Sums over all engines and the device's own counters.
struct DeviceStats {
    uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
    uint64_t rx_missed = 0;     ///< the device had no descriptor or room
    uint64_t rx_errors = 0;     ///< the device refused the frame
    uint64_t rx_no_buffer = 0;  ///< no packet buffer was free at receiving
    uint64_t tx_errors = 0;     ///< the device accepted the packet and failed to send it
    uint64_t tx_refused = 0;    ///< tx_burst took fewer than given: packets left with the engine
    uint64_t steered = 0;       ///< passed to another engine
    uint64_t misdirected = 0;   ///< of these: packets for which RSS chose another queue than predicted
    uint64_t mailbox_full = 0;  ///< dropped: the ring to another engine was full
    uint64_t wire_loss = 0;     ///< packets lost on purpose: by the in-memory wire, or by an impairment
    ImpairmentStats impaired_rx, impaired_tx;  ///< with RuntimeConfig::impair
    uint64_t cut =
        0;  ///< longer than a buffer and truncated by the driver; the stack counts them as bad_ip_header
    uint64_t joined = 0;        ///< received in several buffers and copied into one
    uint64_t giants = 0;        ///< dropped: longer than the MTU plus headers
    uint64_t bad_vlan = 0;      ///< dropped: without our VLAN tag, where the device strips tags
    uint64_t untaken_tags = 0;  ///< the device did not strip our tag as configured; the port did
    uint64_t runts = 0;         ///< dropped by the device: shorter than Ethernet allows, or truncated
    uint64_t false_verdicts =
        0;  ///< wrong checksum verdicts of the device; after one, the port ignores the queue's verdicts
    bool link_up = false;
    bool is_gone =
        false;  ///< the interface was deleted or moved to another namespace, and does not come back
    uint64_t link_downs = 0;  ///< link-down events seen since the device was opened
    Duration link_down_time{};
};

}  // namespace synfin
