#pragma once
/// @file
/// Checksum verdicts in software: for frames from this host's kernel that crossed no wire, and for checking a
/// card's verdicts.

#include <rte_mbuf.h>

#include <cstdint>

namespace synfin::port {

/// Writes verdicts on the IPv4 checksum and, in both families, the TCP checksum into the packet's flags, as a
/// NIC would.
///
/// A kernel that sends over veth, tap or vhost leaves the TCP checksum to a device that does not exist. The
/// field then holds the folded sum of the pseudo-header, not complemented (CHECKSUM_PARTIAL in Linux), and
/// the drivers do not pass that information on. Such a segment never left this host's memory, so its verdict
/// is good. A complete and correct checksum is good too; anything else is bad. A damaged segment passes with
/// a chance of 2 in 65,536 instead of 1. The report says so, and only af_xdp uses it.
/// @return false for a frame that ends before its IP packet: the driver truncated it.
/// @note cost: one pass over the segment's bytes, which replaces the stack's.
bool judge_local_checksums(rte_mbuf* packet) noexcept;

/// Whether the packet's flags hold a verdict that contradicts its bytes. Returns false for packets of several
/// buffers.
/// @note cost: one pass over the segment's bytes.
bool has_false_verdict(const rte_mbuf* packet) noexcept;

}  // namespace synfin::port
