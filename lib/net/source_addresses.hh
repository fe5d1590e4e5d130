#pragma once
/// @file
/// SourceAddresses: which of our IPv6 addresses an active open uses (RFC 6724 5).

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "synfin/units.hh"

namespace synfin::net {

/// Rules 2 (scope) and 8 (longest matching prefix, at most that of the source's network) of RFC 6724 5; among
/// equals, the first configured address. The other rules never decide here: a destination of our own is
/// refused (rule 1), no address is deprecated, temporary or a home address (3, 4, 7), there is one interface
/// (5), and among unique local and global addresses, rule 8 decides as the labels of rule 6 would.
/// @note cost: a compare for each of our networks, at most kMostNetworks of them; for each active open to an
/// IPv6 address without a source.
class SourceAddresses {
  public:
    static constexpr uint32_t kNone = ~uint32_t{0};
    /// Addresses of further networks are used only if the application names them.
    static constexpr size_t kMostNetworks = 64;

    /// @param addresses of either family. An address may appear with several prefixes; its first position
    ///        counts, as in LocalAddresses.
    /// @throws std::bad_alloc
    explicit SourceAddresses(const std::vector<Cidr>& addresses) {
        for (const Cidr& each : addresses) {
            if (!each.addr.is_v6()) continue;
            const auto is_around = [&](const Candidate& c) {
                return c.prefix == each.prefix && equal_bits(c.addr, each.addr.v6) >= c.prefix;
            };
            if (candidates_.size() < kMostNetworks &&
                std::none_of(candidates_.begin(), candidates_.end(), is_around))
                candidates_.push_back({each.addr.v6, each.prefix, first_position(addresses, each.addr)});
        }
    }

    /// The source for a destination, by its position among our IPv6 addresses. kNone: there is none, because
    /// a link-local address reaches link-local destinations only.
    uint32_t towards(const Ipv6& destination) const noexcept {
        uint32_t best = kNone, best_rank = 0;
        for (const Candidate& each : candidates_) {
            const bool is_near = each.addr.is_link_local();
            if (is_near && !destination.is_link_local()) continue;
            // Rule 2 before rule 8: a link-local source is best for a link-local destination.
            const uint32_t common = std::min<uint32_t>(equal_bits(each.addr, destination), each.prefix);
            const uint32_t rank = 1 + common + (is_near ? 256 : 0);
            if (rank > best_rank) {
                best = each.position;
                best_rank = rank;
            }
        }
        return best;
    }

  private:
    struct Candidate {
        Ipv6 addr;
        uint8_t prefix;
        uint32_t position;
    };
    /// The position of an address that is among the IPv6 addresses.
    static uint32_t first_position(const std::vector<Cidr>& addresses, const IpAddress& addr) noexcept {
        uint32_t position = 0;
        for (const Cidr& each : addresses) {
            if (each.addr == addr) break;
            position += each.addr.is_v6();
        }
        return position;
    }
    static uint32_t equal_bits(const Ipv6& a, const Ipv6& b) noexcept {
        const uint64_t upper = a.upper() ^ b.upper(), lower = a.lower() ^ b.lower();
        return static_cast<uint32_t>(upper != 0 ? std::countl_zero(upper) : 64 + std::countl_zero(lower));
    }

    std::vector<Candidate> candidates_;  ///< the first address of each network
};

}  // namespace synfin::net
