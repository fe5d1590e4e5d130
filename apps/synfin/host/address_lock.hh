#pragma once
/// @file
/// AddressLock: refuses to start a second process with the same address on the same device. The two would
/// reset each other's connections.

#include <fcntl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "config/address_range.hh"

namespace synfin::app {

/// Locks one byte of a file for each address and device; consecutive addresses take one lock. The byte is a
/// hash of the device and of all but the last 32 bits of the address, followed by these bits. So two
/// different pairs share a byte once in 2^30, and then the second process is refused although it does not
/// conflict. The kernel frees the locks when the process ends, even after a crash. The file is in the user's
/// own run directory (port/run_directory.hh), so no other user can take the locks. Without such a directory,
/// it locks nothing.
class AddressLock {
  public:
    /// Throws UserError(failed), naming the process that holds the lock.
    AddressLock(const std::string& device, const std::vector<AddressRange>& addresses);
    /// @param directory replaces the user's run directory; empty: no locks
    AddressLock(const std::string& device, const std::vector<AddressRange>& addresses,
                const std::string& directory);
    ~AddressLock();
    AddressLock(const AddressLock&) = delete;
    AddressLock& operator=(const AddressLock&) = delete;

  private:
    void take(struct flock lock, const AddressRange& range, const std::string& device);
    int file_ = -1;
};

/// A text that identifies a device, the same for all its spellings: an interface by index and network
/// namespace, a path in canonical form, a card by its full PCI address.
std::string device_identity(const std::string& device);

}  // namespace synfin::app
