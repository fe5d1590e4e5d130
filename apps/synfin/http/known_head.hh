#pragma once
/// @file
/// KnownHead: the last HTTP head that came in one piece, and what was read from it. A client says nearly the
/// same in each request, a server nearly the same in each response (but for Date, once in a second): a head
/// that begins with the same bytes is not parsed again.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "synfin/units.hh"

namespace synfin::app {

/// Of HttpRequests or HttpResponses. A head ends with an empty line, so bytes behind it change nothing of
/// what it says: equal bytes, read by a message that has read nothing, leave it as they did.
template <typename Message>
class KnownHead {
  public:
    /// The size of the head at the front of bytes, when it is the known one; `message`, which has read
    /// nothing, is then as it was when that had been read. Else 0.
    uint32_t recall(Bytes bytes, Message& message) const noexcept {
        if (size_ == 0 || bytes.size() < size_ || std::memcmp(bytes.data(), head_, size_) != 0) return 0;
        message = message_;
        return size_;
    }
    /// What a message is that has read these bytes, when they are the known head and no more; else null.
    const Message* whole(Bytes bytes) const noexcept {
        const bool is_known =
            size_ != 0 && bytes.size() == size_ && std::memcmp(bytes.data(), head_, size_) == 0;
        return is_known ? &message_ : nullptr;
    }
    /// What a message is that has read these bytes, a head, and had read nothing before. Longer ones are not
    /// kept.
    void learn(Bytes head, const Message& message) noexcept {
        if (head.size() > sizeof head_) return;
        std::copy(head.begin(), head.end(), head_);
        size_ = static_cast<uint32_t>(head.size());
        message_ = message;
    }

  private:
    uint8_t head_[512];
    uint32_t size_ = 0;  ///< 0: none is known
    Message message_;
};

}  // namespace synfin::app
