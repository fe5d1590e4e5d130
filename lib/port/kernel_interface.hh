#pragma once
/// @file
/// A network interface of this host's kernel: what must be known before it is opened, and what must be
/// changed while it is used so that every frame arrives as it would on a wire.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "port/link_watch.hh"
#include "port/refusal.hh"
#include "synfin/units.hh"

namespace synfin::port {

/// What the kernel says of an interface.
struct InterfaceFacts {
    int index = 0;
    std::string driver;  ///< "veth", "ixgbe"; empty when the driver does not say
    bool up = false;
    Mac mac{};
    uint16_t mtu = 0;       ///< bytes
    uint16_t channels = 1;  ///< receive queues that XDP sockets can be bound to
};

/// Refuses with the names of the interfaces that are there.
std::optional<InterfaceFacts> find_interface(const std::string& name, Refusal& refusal);

/// The link of the interface with this index: up when the kernel has it up and sees a carrier. Gone when it
/// was deleted or moved to another namespace; a new name does not matter.
Link ask_kernel_link(int index) noexcept;

/// Makes an interface deliver single frames of at most the MTU, for as long as the object lives.
///
/// - Receive offloads that merge segments (GRO, LRO) are switched off.
/// - veth: the other end hands over TCP super-segments of up to 64 KiB, which no packet buffer holds, because
/// it
///   is told that we would segment them. With an XDP program on our end the kernel withdraws that from the
///   other end (it segments before sending), and nothing needs to be changed there. The program passes
///   everything.
class WireLike {
  public:
    WireLike(const std::string& interface, const InterfaceFacts& facts);
    /// Undoes everything. The XDP program also goes when the process dies; GRO and LRO then stay off.
    ~WireLike();
    WireLike(const WireLike&) = delete;
    WireLike& operator=(const WireLike&) = delete;

    /// What was done, and what could not be, for the report.
    const std::vector<std::string>& notes() const noexcept { return notes_; }
    const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  private:
    std::string interface_;
    bool gro_was_on_ = false;
    bool lro_was_on_ = false;
    int xdp_link_ = -1;
    std::vector<std::string> notes_, warnings_;
};

}  // namespace synfin::port
