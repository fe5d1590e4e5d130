#pragma once
/// @file
/// GroupReports: the host's part of multicast listener discovery, so that switches that snoop forward our
/// solicited-node groups (RFC 3810; RFC 4861 7.2.1).

#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.hh"
#include "net/discovery_packet.hh"
#include "net/local_addresses.hh"
#include "wire/mld.hh"

namespace synfin::net {

/// Reports all groups at the start, once more after a second (Robustness Variable 2), when duplicate
/// detection has ended, and in answer to queries. A report has at most 60 groups; further ones follow in
/// steps of a millisecond. The all-nodes group is never reported (RFC 3810 6).
///
/// - The answer to a query has one random delay for all groups, at most half of Maximum Response Delay.
/// - A query for one group is answered with that group alone; if another answer is due already, with all.
/// - DEVIATION: a query without the router alert option is answered, too (RFC 3810 6.2).
/// - After a version 1 query, reports have version 1 for 260 s, one group each (RFC 3810 8.2.1).
class GroupReports {
  public:
    /// @param ours must outlive this object.
    /// @param sends false for an engine that leaves reports to another engine of the device.
    GroupReports(const LocalAddresses& ours, bool sends, uint64_t seed);

    /// Processes a query. @return false: malformed.
    bool hear(Bytes icmp, Instant now) noexcept;

    std::optional<Instant> next_deadline() const noexcept {
        return due_ == kNever ? std::nullopt : std::optional(due_);
    }
    /// @param source the reports' source: our link-local address, or :: while it is tentative (RFC 3810
    ///        5.2.13).
    /// @param room bool(uint32_t n): whether n more packets could be sent.
    /// @param send (const DiscoveryPacket&): sends a report.
    template <typename Room, typename Send>
    void poll(Instant now, const Ipv6& source, Room&& room, Send&& send) noexcept {
        if (now < due_ || !room(1)) return;
        send(next_report(source, now));
    }
    /// Reports all groups again: our link-local address is valid now. Routers ignore the reports from :: that
    /// came before (RFC 3590 4, RFC 3810 5.2.13).
    void report_again(Instant now) noexcept;
    const std::vector<Ipv6>& groups() const noexcept { return groups_; }

  private:
    static constexpr Instant kNever = Instant::from_ns(INT64_MAX);

    DiscoveryPacket next_report(const Ipv6& source, Instant now) noexcept;
    void advance(uint32_t reported, Instant now) noexcept;
    void begin_unsolicited(Instant due) noexcept;

    std::vector<Ipv6> groups_;  ///< sorted, each once
    Random random_;
    Instant due_ = kNever;
    Instant version1_until_{};
    uint32_t next_ = 0;     ///< the first group that is still to be reported
    uint32_t end_ = 0;      ///< behind the last one
    uint32_t repeats_ = 1;  ///< unsolicited reports of all groups that follow
    uint8_t record_type_ = wire::kMldChangeToExclude;
};

}  // namespace synfin::net
