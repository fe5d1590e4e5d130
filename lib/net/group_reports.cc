#include "net/group_reports.hh"

#include <algorithm>

#include "net/link_local.hh"

namespace synfin::net {

namespace {
constexpr Duration kStep = 1ms;                ///< between the reports of one answer
constexpr Duration kUnsolicitedInterval = 1s;  ///< RFC 3810 9.11
constexpr Duration kVersion1Time = 260s;       ///< RFC 3810 9.12, with a query interval of 125 s
}  // namespace

GroupReports::GroupReports(const LocalAddresses& ours, bool sends, uint64_t seed) : random_(seed) {
    if (!sends) return;
    for (const Ipv6& each : ours.all6()) groups_.push_back(solicited_node(each));
    std::sort(groups_.begin(), groups_.end());
    groups_.erase(std::unique(groups_.begin(), groups_.end()), groups_.end());
    end_ = static_cast<uint32_t>(groups_.size());
    if (end_ != 0) due_ = Instant{};
}

bool GroupReports::hear(Bytes icmp, Instant now) noexcept {
    wire::MldQuery query;
    if (!wire::parse_mld_query(icmp, query)) return false;
    const auto count = static_cast<uint32_t>(groups_.size());
    uint32_t first = 0, end = count;
    if (!query.group.is_unspecified()) {
        first = static_cast<uint32_t>(std::lower_bound(groups_.begin(), groups_.end(), query.group) -
                                      groups_.begin());
        end = first < count && groups_[first] == query.group ? first + 1 : first;
    }
    if (first == end) return true;
    if (query.version1) version1_until_ = now + kVersion1Time;
    const auto spread = static_cast<uint64_t>(query.max_response.count() / 2) + 1;
    const Instant due = now + Duration(static_cast<int64_t>(random_.next() % spread));
    if (due_ != kNever) {  // an answer is due already
        next_ = 0;
        end_ = count;
        due_ = std::min(due_, due);
        return true;
    }
    next_ = first;
    end_ = end;
    due_ = due;
    record_type_ = wire::kMldModeIsExclude;
    return true;
}

DiscoveryPacket GroupReports::next_report(const Ipv6& source, Instant now) noexcept {
    const bool version1 = now < version1_until_;
    const uint32_t most = version1 ? 1 : DiscoveryPacket::kMostGroups;
    const uint32_t count = std::min(most, end_ - next_);
    DiscoveryPacket out;
    out.source = source;
    out.mld.groups = std::span(groups_).subspan(next_, count);
    out.mld.record_type = version1 ? uint8_t{0} : record_type_;
    // RFC 2710 4: a version 1 report goes to the group itself.
    out.destination = version1 ? groups_[next_] : kAllMldRouters;
    out.to = multicast_mac(out.destination);
    advance(count, now);
    return out;
}

/// @param reported groups of the report
void GroupReports::advance(uint32_t reported, Instant now) noexcept {
    next_ += reported;
    due_ = now + kStep;
    if (next_ != end_) return;
    due_ = kNever;
    if (repeats_ == 0) return;
    --repeats_;
    begin_unsolicited(now + kUnsolicitedInterval);
}

void GroupReports::report_again(Instant now) noexcept {
    if (!groups_.empty()) begin_unsolicited(now);
}

void GroupReports::begin_unsolicited(Instant due) noexcept {
    next_ = 0;
    end_ = static_cast<uint32_t>(groups_.size());
    record_type_ = wire::kMldChangeToExclude;
    due_ = due;
}

}  // namespace synfin::net
