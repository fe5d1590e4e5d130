#include "wire/tcp_options.hh"

#include <algorithm>

namespace synfin::wire {

namespace {
void take_option(const uint8_t* p, uint8_t length, TcpOptions& out) noexcept {
    switch (p[0]) {
        case kOptionMss:
            if (length != kMssBytes) return;
            out.has_mss = true;
            out.mss = load_be16(p + 2);
            return;
        case kOptionWindowScale:
            if (length != kWindowScaleBytes) return;
            out.has_window_scale = true;
            out.window_scale = std::min(p[2], kMaxWindowScale);
            return;
        case kOptionSackPermitted:
            if (length == kSackPermittedBytes) out.sack_permitted = true;
            return;
        case kOptionSack: {
            const int blocks = (length - 2) / 8;
            if (blocks < 1 || blocks > kMaxSackBlocks || length != 2 + 8 * blocks) return;
            out.sack_count = static_cast<uint8_t>(blocks);
            for (int i = 0; i < blocks; ++i)
                out.sack[i] = {load_be32(p + 2 + 8 * i), load_be32(p + 6 + 8 * i)};
            return;
        }
        case kOptionTimestamps:
            if (length != kTimestampsBytes) return;
            out.has_timestamps = true;
            out.ts_val = load_be32(p + 2);
            out.ts_ecr = load_be32(p + 6);
            return;
        default: return;
    }
}
}  // namespace

bool parse_tcp_options_general(Bytes options, TcpOptions& out) noexcept {
    out = TcpOptions{};
    for (size_t at = 0; at < options.size();) {
        const uint8_t kind = options[at];
        if (kind == kOptionEnd) return true;
        if (kind == kOptionNop) {
            ++at;
            continue;
        }
        const size_t left = options.size() - at;
        if (left < 2 || options[at + 1] < 2 || options[at + 1] > left) return false;
        take_option(options.data() + at, options[at + 1], out);
        at += options[at + 1];
    }
    return true;
}

}  // namespace synfin::wire
