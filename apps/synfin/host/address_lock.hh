#pragma once
/// @file
/// AddressLock: two processes that answer for one address on one device would reset each other's connections;
/// the second is told so.

#include <cstdint>
#include <string>
#include <vector>

#include "synfin/units.hh"

namespace synfin::app {

/// Holds a lock on one byte of a file for each address and device: the kernel frees them when the process
/// ends, however it ends. The file is in the user's own directory for running processes
/// (port/run_directory.hh), so no other user can take the locks. Where there is no such directory, nothing is
/// locked.
class AddressLock {
  public:
    /// Throws UserError(failed), naming the process that has it.
    AddressLock(const std::string& device, const std::vector<Cidr>& addresses);
    /// @param directory instead of the user's own; empty: none
    AddressLock(const std::string& device, const std::vector<Cidr>& addresses, const std::string& directory);
    ~AddressLock();
    AddressLock(const AddressLock&) = delete;
    AddressLock& operator=(const AddressLock&) = delete;

  private:
    int file_ = -1;
};

/// The same text for every spelling of one device, and another for every other device: an interface by its
/// index and network namespace, a path by what it resolves to, a card by its whole address.
std::string device_identity(const std::string& device);

}  // namespace synfin::app
