#pragma once
/// @file
/// Multicast listener discovery: queries and reports of versions 1 (RFC 2710) and 2 (RFC 3810).

#include <cstdint>
#include <span>

#include "synfin/units.hh"

namespace synfin::wire {

/// ICMPv6 types.
inline constexpr uint8_t kMldQuery = 130;
inline constexpr uint8_t kMldReport1 = 131;
inline constexpr uint8_t kMldDone1 = 132;
inline constexpr uint8_t kMldReport2 = 143;

/// Record types of a version 2 report (RFC 3810 5.2.12).
inline constexpr uint8_t kMldModeIsExclude = 2;    ///< "member", in answer to a query
inline constexpr uint8_t kMldChangeToExclude = 4;  ///< "just joined"

struct MldQuery {
    bool version1 = false;
    Duration max_response{};  ///< answers spread over this time
    Ipv6 group;               ///< :: general query: all groups
};

/// Parses a query; the caller has verified its checksum. The sources of a query for a group and sources
/// (RFC 3810 5.1.10) are ignored. False: another type, or a malformed length.
bool parse_mld_query(Bytes icmp, MldQuery& out) noexcept;

/// Writes a version 2 report with a record for each group, checksum 0. Returns its length:
/// mld_report_bytes().
uint32_t write_mld_report2(uint8_t* out, uint8_t record_type, std::span<const Ipv6> groups) noexcept;
constexpr uint32_t mld_report_bytes(uint32_t groups) noexcept {
    return 8 + 20 * groups;
}
/// Writes a version 1 report of one group, checksum 0. Returns its length, 24.
uint32_t write_mld_report1(uint8_t* out, const Ipv6& group) noexcept;

}  // namespace synfin::wire
