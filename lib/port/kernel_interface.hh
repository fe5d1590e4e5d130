#pragma once
/// @file
/// A network interface of this host's kernel: facts needed before it is opened, and settings changed while it
/// is in use, so that every frame arrives as it would on a wire.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "port/link_watch.hh"
#include "port/refusal.hh"
#include "synfin/units.hh"

namespace synfin::port {

/// Facts that the kernel reports about an interface.
struct InterfaceFacts {
    int index = 0;
    std::string driver;  ///< "veth", "ixgbe"; empty when the kernel does not report one
    bool up = false;
    Mac mac{};
    uint16_t mtu = 0;       ///< bytes
    uint16_t channels = 1;  ///< receive queues that XDP sockets can be bound to
};

/// A refusal lists the interfaces that exist.
std::optional<InterfaceFacts> find_interface(const std::string& name, Refusal& refusal);

/// The link of the interface with this index: up when the interface is up and has a carrier; gone when it was
/// deleted or moved to another namespace. Renaming it does not matter.
Link ask_kernel_link(int index) noexcept;

/// Whether the kernel has IPv6 on the interface (disable_ipv6 is 0), and so a link-local address and answers
/// for it.
bool kernel_speaks_ipv6(const std::string& name);

/// Makes an interface deliver single frames of at most the MTU while the object lives.
///
/// - Receive offloads that merge segments (GRO, LRO) are switched off.
/// - veth: the other end sends TCP super-segments of up to 64 KiB, which no packet buffer holds, because our
///   end advertises segmentation offload. An XDP program on our end, which passes every frame, makes the
///   kernel withdraw the offload. The other end then segments before sending, and its settings stay
///   unchanged.
class WireLike {
  public:
    WireLike(const std::string& interface, const InterfaceFacts& facts);
    /// Undoes everything. If the process is killed, the kernel removes the XDP program, but GRO and LRO stay
    /// off.
    ~WireLike();
    WireLike(const WireLike&) = delete;
    WireLike& operator=(const WireLike&) = delete;

    /// The changes made, and those that failed, for the report.
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
