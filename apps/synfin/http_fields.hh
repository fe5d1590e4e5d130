#pragma once
/// @file
/// HttpFields: the header section of an HTTP/1.1 message (RFC 9112 5), byte by byte across any split, keeping
/// only what decides where the message ends and whether the connection stays: no copy, no allocation.

#include <cstdint>
#include <string_view>

#include "base/units.hh"

namespace synfin::app {

/// Whether a parser wants more bytes, has its end, or can't go on.
enum class HttpStep : uint8_t { more, complete, bad };

/// One word of a message as it comes in, in lower case; what is longer than any word we know matches none.
class HttpWord {
  public:
    void clear() noexcept { size_ = 0; }
    void add(uint8_t byte) noexcept {
        if (size_ < sizeof bytes_)
            bytes_[size_++] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
        else
            size_ = kTooLong;
    }
    bool empty() const noexcept { return size_ == 0; }
    bool is(std::string_view word) const noexcept {
        return size_ <= sizeof bytes_ && std::string_view(bytes_, size_) == word;
    }

  private:
    static constexpr uint8_t kTooLong = 255;
    char bytes_[18];  // "transfer-encoding" is 17
    uint8_t size_ = 0;
};

/// RFC 9110 5.6.2: the bytes of a token.
bool is_token_byte(uint8_t byte) noexcept;

class HttpFields {
  public:
    void clear() noexcept { *this = HttpFields{}; }

    /// Reads from `at` on; leaves it after the empty line that ends the section, or where it stopped.
    /// A bare LF is taken as the end of a line (RFC 9112 2.2); a folded line is refused (5.2).
    HttpStep feed(Bytes bytes, uint32_t& at) noexcept;

    bool has_length() const noexcept { return has_length_; }
    uint64_t content_length() const noexcept { return length_; }
    bool has_transfer_coding() const noexcept { return transfer_coding_; }
    bool close() const noexcept { return close_; }

  private:
    enum class At : uint8_t { line, last_lf, name, before_value, value, value_lf, skip };
    enum class Known : uint8_t { connection, content_length, transfer_encoding };

    bool take_name() noexcept;
    bool value_byte(uint8_t byte) noexcept;
    bool end_value() noexcept;

    uint64_t length_ = 0;
    uint64_t digits_ = 0;  ///< the number being read
    HttpWord word_;
    At at_ = At::line;
    Known known_ = Known::connection;
    bool in_number_ = false, after_number_ = false;
    bool has_length_ = false, transfer_coding_ = false, close_ = false;
};

}  // namespace synfin::app
