#pragma once
/// @file
/// Discovery: the messages that an IPv6 host on Ethernet exchanges about its link: neighbours, duplicate
/// addresses, routers (RFC 4861, RFC 4862) and multicast groups (RFC 3810).

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/siphash.hh"
#include "net/discovery_packet.hh"
#include "net/duplicate_detection.hh"
#include "net/group_reports.hh"
#include "net/link.hh"
#include "net/local_addresses.hh"
#include "net/nd_resolver.hh"
#include "net/router_discovery.hh"
#include "synfin/counters.hh"
#include "synfin/dad.hh"
#include "wire/ipv6.hh"

namespace synfin::net {

struct DiscoveryConfig {
    Dad dad = Dad::optimistic;
    bool gateway_auto = false;       ///< takes the gateway from router advertisements
    std::optional<Mac> gateway_mac;  ///< of the configured gateway: pinned
    uint16_t mtu = 1500;             ///< IP packet bytes
    /// False for an engine that leaves probes, the answers to other hosts' probes, router solicitations and
    /// group reports to another engine of the same device.
    bool speaks = true;
};

/// One per engine. To the engine it looks like ArpResolver: it gives MAC addresses, and keeps packets and
/// opens that wait for one.
/// @note cost: mac_of() for a recently used next hop is three compares; poll() with nothing due is five.
class Discovery {
  public:
    /// @param ours, counters must outlive this object. Router advertisements change `ours`.
    /// @param key from fill_secret(), because on-link hosts can choose addresses.
    /// @param opens how many opens can wait; they are numbered 1..opens.
    /// @throws std::bad_alloc
    Discovery(LocalAddresses& ours, const Link& link, const DiscoveryConfig& config, HashKey key,
              uint32_t opens, Counters& counters);

    /// Whether there is anything to do: an IPv6 address on Ethernet.
    bool is_on() const noexcept { return is_on_; }
    /// A duplicate that was found; see Stack::duplicate_address().
    const std::optional<DuplicateAddress>& duplicate() const noexcept { return detection_.duplicate(); }
    /// Bytes of the longest IPv6 packet on this link.
    uint16_t mtu() const noexcept { return routers_.mtu(); }

    /// See ArpResolver::mac_of(). Null also while nothing may be sent from our addresses.
    const Mac* mac_of(const Ipv6& next_hop, Instant now) noexcept {
        const Mac* mac = resolver_.mac_of(next_hop, now);
        return is_closed_ ? nullptr : mac;
    }
    /// Whether there is no gateway yet, and a router advertisement may still come.
    bool is_waiting_for_router() const noexcept { return routers_.is_waiting(); }
    /// See NextHops::hold().
    DropReason hold(const Ipv6& next_hop, void* packet) noexcept;
    NdResolver& resolver() noexcept { return resolver_; }  ///< for waiting opens and held packets
    const NdResolver& resolver() const noexcept { return resolver_; }

    /// Processes an ICMPv6 message of neighbour or multicast listener discovery whose checksum is right;
    /// counts it if it is bad.
    /// @param ip its IPv6 header. FrameIn has dropped fragments (RFC 6980).
    /// @param from the frame's source MAC address.
    /// @return the packet to send.
    std::optional<DiscoveryPacket> hear(const wire::Ipv6Header& ip, Bytes icmp, const Mac& from,
                                        Instant now) noexcept;

    /// As ArpResolver::poll(). send takes a const DiscoveryPacket&.
    template <typename Room, typename Send, typename Ready, typename Lost>
    bool poll(Instant now, Room&& room, Send&& send, Ready&& ready, Lost&& lost) noexcept {
        if (detection_.duplicate()) return false;
        reports_.poll(now, detection_.is_pending() ? Ipv6{} : ours_.link_local6(), room, send);
        if (detection_.is_pending()) {
            detection_.poll(now, room, send);
            is_closed_ = detection_.is_closed();
            // RFC 4862 5.4, RFC 4429 3.3: a tentative or optimistic address is no source of solicitations.
            if (detection_.is_pending()) return false;
            reports_.report_again(now);
        }
        routers_.poll(
            now, [&](const Ipv6& router) noexcept { return resolver_.is_failed(router); }, room, send);
        return resolver_.poll(now, room, send, ready, lost);
    }
    /// When poll() is due next.
    std::optional<Instant> next_deadline() const noexcept;

  private:
    std::optional<DiscoveryPacket> hear_solicitation(const wire::Ipv6Header& ip, const Mac& from,
                                                     const wire::NdMessage& message, Instant now) noexcept;
    void hear_advertisement(const wire::Ipv6Header& ip, const Mac& from, const wire::NdMessage& message,
                            Instant now) noexcept;
    void hear_router(const wire::Ipv6Header& ip, const wire::NdMessage& message, Instant now) noexcept;
    void hear_group_query(const wire::Ipv6Header& ip, Bytes icmp, Instant now) noexcept;
    void found_duplicate(const Ipv6& address, const Mac& holder) noexcept;

    const LocalAddresses& ours_;
    const Link link_;
    Counters& counters_;
    const bool is_on_;
    const bool speaks_;
    NdResolver resolver_;
    DuplicateDetection detection_;
    RouterDiscovery routers_;
    GroupReports reports_;
    bool is_closed_;  ///< DuplicateDetection::is_closed()
};

}  // namespace synfin::net
