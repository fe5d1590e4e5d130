#pragma once
/// @file
/// AddressLock: refuses to start a second process with the same address on the same device. The two would
/// reset each other's connections.

#include <cstdint>
#include <string>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

/// Locks one byte of a file for each address and device. The kernel frees the locks when the process ends,
/// even after a crash. The file is in the user's own run directory (port/run_directory.hh), so no other user
/// can take the locks. Without such a directory, it locks nothing.
class AddressLock {
  public:
    /// Throws UserError(failed), naming the process that holds the lock.
    AddressLock(const std::string& device, const std::vector<Cidr>& addresses);
    /// @param directory replaces the user's run directory; empty: no locks
    AddressLock(const std::string& device, const std::vector<Cidr>& addresses, const std::string& directory);
    ~AddressLock();
    AddressLock(const AddressLock&) = delete;
    AddressLock& operator=(const AddressLock&) = delete;

  private:
    int file_ = -1;
};

/// A text that identifies a device, the same for all its spellings: an interface by index and network
/// namespace, a path in canonical form, a card by its full PCI address.
std::string device_identity(const std::string& device);

}  // namespace synfin::app
