#pragma once
/// @file
/// DuplicateDetection: whether another host already has one of our IPv6 addresses (RFC 4862 5.4).

#include <algorithm>
#include <cstdint>
#include <optional>

#include "net/discovery_packet.hh"
#include "net/link_local.hh"
#include "net/local_addresses.hh"
#include "synfin/dad.hh"

namespace synfin::net {

/// Sends one probe for each address (DupAddrDetectTransmits 1), kPerStep in a millisecond, and listens for a
/// second (RetransTimer) after the last one: 65,536 addresses take 18 s. All addresses are tentative until
/// then.
///
/// DEVIATION: RFC 4862 5.4.2 delays the first probe by a random time up to 1 s, so that hosts that boot
/// together do not send together. A load generator is started by hand or by a script, and the delay would
/// be added to each start.
class DuplicateDetection {
  public:
    /// @param sends false for an engine that leaves the probes to another engine of the device, and hears the
    ///        answers.
    DuplicateDetection(const LocalAddresses& ours, Dad mode, bool sends) noexcept
        : ours_(ours), mode_(mode), sends_(sends), is_pending_(mode != Dad::off && ours.count6() != 0) {}

    /// Whether our addresses are tentative, or optimistic.
    bool is_pending() const noexcept { return is_pending_; }
    /// Whether nothing may be sent from our addresses: they are tentative, or one is a duplicate.
    bool is_closed() const noexcept { return duplicate_ || (is_pending_ && mode_ == Dad::wait); }
    const std::optional<DuplicateAddress>& duplicate() const noexcept { return duplicate_; }

    /// Another host has this address of ours, or probes it as we do.
    void found(const Ipv6& address, const Mac& holder) noexcept {
        if (!duplicate_) duplicate_ = DuplicateAddress{address, holder};
    }

    /// When poll() is due next; only while is_pending().
    Instant next_deadline() const noexcept { return due_; }
    /// @param room bool(uint32_t n): whether n more packets could be sent.
    /// @param send (const DiscoveryPacket&): sends a probe.
    template <typename Room, typename Send>
    void poll(Instant now, Room&& room, Send&& send) noexcept {
        if (!is_pending_ || now < due_) return;
        if (next_ == ours_.count6()) {
            is_pending_ = false;
            return;
        }
        if (sends_ && !room(kPerStep)) return;
        const uint32_t end = std::min(next_ + kPerStep, ours_.count6());
        for (; next_ < end; ++next_)
            if (sends_) send(probe(ours_.all6()[next_]));
        due_ = now + (next_ == ours_.count6() ? Duration(1s) : Duration(1ms));
    }

  private:
    static constexpr uint32_t kPerStep = 4;

    static DiscoveryPacket probe(const Ipv6& address) noexcept {
        DiscoveryPacket out;
        out.destination = solicited_node(address);
        out.to = multicast_mac(out.destination);
        out.nd.type = wire::kNdNeighbourSolicitation;
        out.nd.target = address;
        return out;
    }

    const LocalAddresses& ours_;
    const Dad mode_;
    const bool sends_;
    bool is_pending_;
    uint32_t next_ = 0;  ///< the first address without a probe
    Instant due_{};
    std::optional<DuplicateAddress> duplicate_;
};

}  // namespace synfin::net
