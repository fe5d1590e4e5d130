// Any bytes as a packet and as a frame: the text is one line of printable characters.

#include <algorithm>
#include <string>

#include "fuzz_target.hh"
#include "wire/dump.hh"

using namespace synfin;  // NOLINT(google-build-using-namespace)

namespace {
bool is_one_line(const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}
}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    SYNFIN_CHECK(is_one_line(wire::dump_packet(Bytes(data, size))));
    SYNFIN_CHECK(is_one_line(wire::dump_frame(Bytes(data, size))));
    return 0;
}
