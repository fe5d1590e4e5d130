#include "port/wire_ring.hh"

#include <bit>

#include "synfin/check.hh"

namespace synfin::port {

WireRing::WireRing(uint32_t bytes) : memory_(bytes), bytes_(memory_.data()), size_(bytes) {
    SYNFIN_CHECK(std::has_single_bit(bytes) && bytes >= 4096);
    std::memset(bytes_, 0, bytes);  // touched now, so that the first frames cause no page faults
}

}  // namespace synfin::port
