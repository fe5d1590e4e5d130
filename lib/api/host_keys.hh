#pragma once
/// @file
/// The keys of initial sequence numbers and timestamp offsets. All processes of the host share them until the
/// next boot (RFC 6528 3, RFC 7323 5.4), so that a server with TIME-WAIT connections of one run accepts the
/// SYNs of the next run.

#include <span>
#include <string>
#include <string_view>

#include "base/siphash.hh"

namespace synfin {

struct HostKeys {
    HashKey isn, timestamps;
    std::string warning;  ///< why only this process has these keys; empty: they last until the next boot
};

/// The name of the key file in each directory: mode 0600; it contains the boot id.
inline constexpr const char* kHostKeysFile = "tcp-keys";

/// /proc/sys/kernel/random/boot_id; empty when it cannot be read.
std::string host_boot_id();

/// The keys of the first usable run directory (port/run_directory.hh). It writes new keys if the file is
/// missing, damaged, of another boot, of another user, not regular, or accessible to others. It skips
/// directories that others may write to or that it cannot open. Without a usable directory it returns keys
/// from the operating system and a warning. Concurrent processes end up with the same keys.
/// @note cost: three system calls, and some for each skipped directory; not for the data path.
HostKeys host_keys(std::span<const std::string> directories, std::string_view boot_id);

}  // namespace synfin
