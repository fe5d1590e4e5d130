#include "wire/ipv4.hh"

namespace synfin::wire {

bool parse_ipv4_options(Bytes options, bool& source_route) noexcept {
    constexpr uint8_t kEnd = 0;
    constexpr uint8_t kNop = 1;
    constexpr uint8_t kLooseSourceRoute = 131;
    constexpr uint8_t kStrictSourceRoute = 137;
    source_route = false;
    for (size_t at = 0; at < options.size();) {
        const uint8_t kind = options[at];
        if (kind == kEnd) return true;
        if (kind == kNop) {
            ++at;
            continue;
        }
        const size_t left = options.size() - at;
        if (left < 2 || options[at + 1] < 2 || options[at + 1] > left) return false;
        if (kind == kLooseSourceRoute || kind == kStrictSourceRoute) source_route = true;
        at += options[at + 1];
    }
    return true;
}

}  // namespace synfin::wire
