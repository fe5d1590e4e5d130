#pragma once
/// @file
/// The keys of initial sequence numbers and timestamp offsets, which every process of the host shares until
/// it boots again (RFC 6528 3, RFC 7323 5.4): a server that holds TIME-WAIT of one run takes the SYNs of the
/// next.

#include <span>
#include <string>
#include <string_view>

#include "base/siphash.hh"

namespace synfin {

struct HostKeys {
    HashKey isn, timestamps;
    std::string warning;  ///< why they are this process's own; empty: they last for the boot
};

/// The file in each directory that holds them: 0600, with the id of the boot that they are of.
inline constexpr const char* kHostKeysFile = "tcp-keys";

/// /proc/sys/kernel/random/boot_id; empty when it cannot be read.
std::string host_boot_id();

/// The keys that the first usable directory holds, of those that processes share (port/run_directory.hh). A
/// file that is missing, damaged, of another boot, not ours, not regular, or open to others is replaced by
/// one with new keys; a directory that others may write to, or that cannot be had, is passed over. Without
/// any, keys from the operating system and a warning. Safe beside other processes that do the same: they end
/// up with the same keys.
/// @note cost: three system calls and some for each directory passed over; not for the data path.
HostKeys host_keys(std::span<const std::string> directories, std::string_view boot_id);

}  // namespace synfin
