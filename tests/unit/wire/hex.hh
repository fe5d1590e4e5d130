#pragma once
/// @file
/// Bytes written as hexadecimal text.

#include <cstdint>
#include <string_view>
#include <vector>

namespace synfin::wire {

/// "45 00" -> {0x45, 0x00}. Blanks are ignored. The vector is of the exact size, so that a sanitizer sees
/// every over-read.
inline std::vector<uint8_t> hex(std::string_view text) {
    std::vector<uint8_t> nibbles;
    for (const char c : text)
        if (c != ' ') nibbles.push_back(static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10));
    std::vector<uint8_t> bytes(nibbles.size() / 2);
    for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<uint8_t>(nibbles[2 * i] << 4 | nibbles[2 * i + 1]);
    return bytes;
}

}  // namespace synfin::wire
