#pragma once
/// @file
/// Why a connection ended, for the application and the counters.

#include <cstdint>
#include <string_view>

namespace synfin {

/// Every connection that was opened ends with exactly one of these reasons.
enum class CloseReason : uint8_t {
    fin,                   ///< both sides sent FIN and both were acknowledged
    reset_by_peer,         ///< RST on a synchronised connection
    refused,               ///< RST in answer to our SYN
    timed_out,             ///< R2 or the user timeout passed without an acknowledgement
    syn_timed_out,         ///< no answer to our SYN within its R2
    aborted,               ///< abort() by the application, or data that arrived after close()
    unreachable,           ///< a hard ICMP error for our SYN, or no answer from the next hop
    fin_wait_2_timed_out,  ///< the peer never sent its FIN after close()
    kCount
};

/// The key of the JSON's `failed_by`.
constexpr std::string_view name(CloseReason reason) noexcept {
    constexpr std::string_view kNames[] = {"fin",         "reset_by_peer",       "refused",
                                           "timed_out",   "syn_timed_out",       "aborted",
                                           "unreachable", "fin_wait_2_timed_out"};
    return kNames[static_cast<unsigned>(reason)];
}

}  // namespace synfin

namespace synfin::tcp {  // for the files of lib/tcp
using synfin::CloseReason;
using synfin::name;
}  // namespace synfin::tcp
