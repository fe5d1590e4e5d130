#pragma once
/// @file
/// PortImpairment: the impaired links of a DevicePort, one for each direction.

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <array>
#include <cstdint>

#include "buf/impaired_link.hh"

namespace synfin::port {

/// The actions of buf::ImpairedLink on mbufs.
class MbufActions {
  public:
    explicit MbufActions(rte_mempool* pool) noexcept : pool_(pool) {}
    static uint32_t bytes(const rte_mbuf* packet) noexcept { return packet->pkt_len; }
    static void free(rte_mbuf* packet) noexcept { rte_pktmbuf_free(packet); }
    rte_mbuf* copy(const rte_mbuf* packet) const noexcept {
        return rte_pktmbuf_copy(packet, pool_, 0, UINT32_MAX);
    }
    /// Leaves addresses and ports as they are: a frame must not go elsewhere. Short frames, such as ARP's,
    /// remain whole. The device's verdict on the checksums is forgotten, so that the engine finds the fault.
    static bool corrupt(rte_mbuf* packet, uint64_t random) noexcept {
        constexpr uint32_t kFirst = 66;  // behind Ethernet, two VLAN tags, IPv6 and the ports
        if (packet->data_len <= kFirst) return false;
        const uint32_t at = kFirst + static_cast<uint32_t>((random >> 3) % (packet->data_len - kFirst));
        *rte_pktmbuf_mtod_offset(packet, uint8_t*, at) ^= static_cast<uint8_t>(1u << (random & 7));
        packet->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
        return true;
    }

  private:
    rte_mempool* pool_;
};

class PortImpairment {
  public:
    /// @param engine selects the sequences, with the seed
    PortImpairment(const Impairments& faults, unsigned engine, rte_mempool* pool)
        : actions(pool),
          rx(faults.rx, seed_of(faults, engine, 0), most_of(faults.rx)),
          tx(faults.tx, seed_of(faults, engine, 1), most_of(faults.tx)),
          ns_per_cycle_(1e9 / static_cast<double>(rte_get_tsc_hz())),
          start_(rte_rdtsc()) {}
    ~PortImpairment() {
        rx.clear(actions);
        tx.clear(actions);
        while (staged_begin < staged_end) MbufActions::free(staged[staged_begin++]);
    }
    PortImpairment(const PortImpairment&) = delete;
    PortImpairment& operator=(const PortImpairment&) = delete;

    int64_t now() const noexcept {
        return static_cast<int64_t>(static_cast<double>(rte_rdtsc() - start_) * ns_per_cycle_);
    }

    MbufActions actions;
    buf::ImpairedLink<rte_mbuf> rx, tx;
    /// Packets that are due and that the device has not taken yet.
    static constexpr uint16_t kBurst = 32;
    std::array<rte_mbuf*, kBurst> staged{};
    uint16_t staged_begin = 0, staged_end = 0;

  private:
    /// Packets that are not delayed stay until the engine's next turn, or until the device takes them.
    static constexpr uint32_t kPassing = 1'024;
    static uint32_t most_of(const Impairment& faults) noexcept {
        return faults.holds() ? Impairments::kMostHeld : kPassing;
    }
    static uint64_t seed_of(const Impairments& faults, unsigned engine, unsigned direction) noexcept {
        constexpr uint64_t kMostEngines = 4'096;
        return (faults.seed * kMostEngines + engine) * 2 + direction;
    }

    double ns_per_cycle_;
    uint64_t start_;
};

}  // namespace synfin::port
