#pragma once
/// @file
/// Checksum verdicts given in software: for frames that came from the kernel of this host without crossing a
/// wire, and to find out whether a card's can be trusted.

#include <rte_mbuf.h>

#include <cstdint>

namespace synfin::port {

/// Writes the verdict on IPv4 and TCP checksums into the packet's flags, as a NIC would.
///
/// A kernel that sends over veth, tap or vhost leaves the TCP checksum to a device that does not exist: the
/// field then holds the folded sum of the pseudo-header, not complemented (CHECKSUM_PARTIAL in Linux), and
/// the drivers do not pass on that the kernel said so. Such a segment never left this host's memory, and is
/// taken as good; a full and correct checksum is good too; anything else is bad. The chance that a damaged
/// segment passes is 2 in 65,536 instead of 1: said in the report, and used for these devices only.
/// @return false for a frame that ends before its IP packet does: the driver cut it.
/// @note cost: one pass over the segment's bytes, instead of the stack's.
bool judge_local_checksums(rte_mbuf* packet) noexcept;

/// Whether the packet's flags have a verdict, and it is not what its bytes say. One buffer; others are not
/// judged.
/// @note cost: one pass over the segment's bytes.
bool has_false_verdict(const rte_mbuf* packet) noexcept;

}  // namespace synfin::port
