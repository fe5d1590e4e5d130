#pragma once
/// @file
/// Frames that are cut or changed, for functions that read whatever arrives.

#include <algorithm>
#include <memory>
#include <vector>

#include "base/random.hh"
#include "frames.hh"

namespace synfin::port::test {

/// read(data, length) of a copy on the heap at exactly its length, so that the address sanitizer sees a read
/// beyond.
template <typename Read>
auto read_exactly(const Frame& frame, Read&& read) {
    auto copy = std::make_unique<uint8_t[]>(frame.size());
    std::copy(frame.begin(), frame.end(), copy.get());
    return read(copy.get(), static_cast<uint32_t>(frame.size()));
}

/// Calls visit(frame) with each frame cut at every length, and with 20,000 that are cut and changed in three
/// octets behind the MAC addresses.
template <typename Visit>
void for_each_damaged(const std::vector<Frame>& frames, Visit&& visit) {
    for (const Frame& whole : frames)
        for (size_t length = 0; length < whole.size(); ++length)
            visit(Frame(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)));
    Random random(3);
    for (int i = 0; i < 20'000; ++i) {
        Frame frame = frames[random.below(static_cast<uint32_t>(frames.size()))];
        frame.resize(14 + random.below(static_cast<uint32_t>(frame.size()) - 13));
        for (int flips = 0; flips < 3; ++flips)
            frame[12 + random.below(static_cast<uint32_t>(frame.size()) - 12)] =
                static_cast<uint8_t>(random.next());
        visit(frame);
    }
}

}  // namespace synfin::port::test
