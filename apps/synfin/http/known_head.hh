#pragma once
/// @file
/// KnownHead: caches the last HTTP head that arrived in one piece and its parse result. Clients repeat the
/// same request head; servers repeat the same response head, except that Date changes once a second. A head
/// with the cached bytes is not parsed again.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "synfin/units.hh"

namespace synfin::app {

/// @tparam Message HttpRequest or HttpResponse
/// A head ends with an empty line, so the bytes behind it do not change its meaning. Equal bytes therefore
/// put a fresh message into the same state.
template <typename Message>
class KnownHead {
  public:
    /// If `bytes` begin with the cached head, sets the fresh `message` to its parsed state.
    /// @return the size of the head; 0 if it is not the cached one
    uint32_t recall(Bytes bytes, Message& message) const noexcept {
        if (size_ == 0 || bytes.size() < size_ || std::memcmp(bytes.data(), head_, size_) != 0) return 0;
        message = message_;
        return size_;
    }
    /// The parsed state of `bytes` if they are exactly the cached head; else null.
    const Message* whole(Bytes bytes) const noexcept {
        const bool is_known =
            size_ != 0 && bytes.size() == size_ && std::memcmp(bytes.data(), head_, size_) == 0;
        return is_known ? &message_ : nullptr;
    }
    /// Caches a head and the state of a message that has read exactly these bytes. Ignores heads over 512
    /// bytes.
    void learn(Bytes head, const Message& message) noexcept {
        if (head.size() > sizeof head_) return;
        std::copy(head.begin(), head.end(), head_);
        size_ = static_cast<uint32_t>(head.size());
        message_ = message;
    }

  private:
    uint8_t head_[512];
    uint32_t size_ = 0;  ///< 0: the cache is empty
    Message message_;
};

}  // namespace synfin::app
