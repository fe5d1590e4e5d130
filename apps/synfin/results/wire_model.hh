#pragma once
/// @file
/// WireModel: estimates the bench's connections per second on a NIC, by number of cores and link rate, and
/// the number of cores from which the link is the limit. Assumptions: cores share nothing, so rates scale
/// linearly; a NIC costs a core what the in-memory wire costs (both checksums in software, each frame
/// copied); links are full duplex and can be filled completely.

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace synfin::app {

/// Ethernet link rates in Gbit/s.
inline constexpr std::array<double, 4> kLinkGbits{10, 25, 100, 400};
inline constexpr std::array<unsigned, 7> kModelCores{1, 2, 4, 8, 16, 32, 64};

/// The bytes that a frame occupies on the wire: padding to 60 bytes, FCS, preamble and inter-frame gap (IEEE
/// 802.3).
/// @param frame bytes from the Ethernet header on, without FCS; may be a mean
constexpr double wire_bytes(double frame) noexcept {
    return (frame < 60 ? 60 : frame) + 4 + 8 + 12;
}

/// The packets of one connection in one direction.
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

    /// Builds the model from a bench's result; none if no connections completed.
    static std::optional<WireModel> of(const nlohmann::ordered_json& result);

    /// Connections per second that fill the busier direction of a link.
    double link_cps(double gbits) const noexcept;
    /// Connections per second of `cores` cores at `cycles` per connection.
    double cores_cps(double cycles, unsigned cores) const noexcept { return hz / cycles * cores; }
    /// The least number of cores that exceed the link's rate.
    unsigned cores_to_fill(double cycles, double gbits) const noexcept;
};

/// The object `model` of the result.
nlohmann::ordered_json to_json(const WireModel& model);
/// The same as text.
std::string model_text(const nlohmann::ordered_json& model);

}  // namespace synfin::app
