#pragma once
/// @file
/// The bench's figures carried over to a NIC: connections per second by number of cores and by the link's
/// rate, and from how many cores on the wire is what limits.
///
/// Assumptions, all said with the figures: cores share nothing, so they add up; a NIC costs a core what the
/// in-memory wire does (both checksums in software, each frame copied); links are full duplex, and every byte
/// of them can be used.

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace synfin::app {

/// Ethernet bits a second.
inline constexpr std::array<double, 4> kLinkGbits{10, 25, 100, 400};
inline constexpr std::array<unsigned, 7> kModelCores{1, 2, 4, 8, 16, 32, 64};

/// Byte times that a frame takes: padded to 60 bytes, FCS, preamble, and the gap to the next (IEEE 802.3).
/// @param frame bytes from the Ethernet header on, without FCS; a mean is taken for a frame.
constexpr double wire_bytes(double frame) noexcept {
    return (frame < 60 ? 60 : frame) + 4 + 8 + 12;
}

/// What one connection sends in one direction.
struct WireShare {
    double packets = 0;
    double frame = 0;  ///< mean bytes, from the Ethernet header on
    constexpr double bytes() const noexcept { return packets * wire_bytes(frame); }
};

struct WireModel {
    double hz = 0;             ///< cycles per second of a core
    double client_cycles = 0;  ///< per connection
    double server_cycles = 0;
    WireShare to_server, to_client;

    /// Of a bench's result; none when its profile has no connections that end.
    static std::optional<WireModel> of(const nlohmann::ordered_json& result);

    /// Connections per second that fill the busier direction of a link.
    double link_cps(double gbits) const noexcept;
    /// What so many cores of an end with this cost per connection do.
    double cores_cps(double cycles, unsigned cores) const noexcept { return hz / cycles * cores; }
    /// The least number of cores that the link is too slow for.
    unsigned cores_to_fill(double cycles, double gbits) const noexcept;
};

/// `model` of the result.
nlohmann::ordered_json to_json(const WireModel& model);
/// The same for people.
std::string model_text(const nlohmann::ordered_json& model);

}  // namespace synfin::app
