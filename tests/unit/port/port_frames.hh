#pragma once
/// @file
/// Frames through a DevicePort, for the tests of this room.

#include <algorithm>
#include <vector>

#include "frames.hh"
#include "port/device_port.hh"

namespace synfin::port::test {

/// Null when the pool has none.
inline rte_mbuf* packet_of(DevicePort& port, const Frame& frame) {
    rte_mbuf* packet = port.alloc();
    if (packet == nullptr) return nullptr;
    std::copy(frame.begin(), frame.end(), DevicePort::data(packet));
    DevicePort::finish(packet, static_cast<uint32_t>(frame.size()), {});
    return packet;
}

inline bool send(DevicePort& port, const Frame& frame) {
    rte_mbuf* packet = packet_of(port, frame);
    if (packet == nullptr) return false;
    if (port.tx_burst(&packet, 1) == 1) return true;
    port.free(packet);
    return false;
}

/// Everything that is there now.
inline std::vector<Frame> receive(DevicePort& port) {
    std::vector<Frame> frames;
    rte_mbuf* packets[32];
    while (const uint16_t n = port.rx_burst(packets, 32)) {
        for (uint16_t i = 0; i < n; ++i) {
            const uint8_t* data = DevicePort::data(packets[i]);
            frames.emplace_back(data, data + DevicePort::length(packets[i]));
            port.free(packets[i]);
        }
    }
    return frames;
}

/// Packets that somebody has; what a port keeps for what it receives next is nobody's.
inline unsigned packets_out(const DevicePort& port) {
    return rte_mempool_in_use_count(port.pool()) - port.spare();
}

}  // namespace synfin::port::test
