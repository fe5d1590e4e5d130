#pragma once
/// @file
/// AddressLock: two processes that answer for one address on one device would reset each other's connections;
/// the second is told so.

#include <string>
#include <vector>

#include "base/units.hh"

namespace synfin::app {

/// Holds one abstract unix socket for each address: the kernel frees them when the process ends, however it
/// ends, so nothing is left behind. They belong to the network namespace, as the interfaces do.
class AddressLock {
  public:
    /// Throws UserError(failed), naming the process that has it.
    AddressLock(const std::string& device, const std::vector<Cidr>& addresses);
    ~AddressLock();
    AddressLock(const AddressLock&) = delete;
    AddressLock& operator=(const AddressLock&) = delete;

  private:
    std::vector<int> sockets_;
};

}  // namespace synfin::app
