#pragma once
/// @file
/// HttpFields: the header section of an HTTP/1.1 message (RFC 9112 5), byte by byte across any split, keeping
/// only what decides where the message ends and whether the connection stays: no copy, no allocation.

#include <cstdint>
#include <string_view>

#include "synfin/units.hh"

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
    /// From now on it matches nothing, until clear().
    void spoil() noexcept { size_ = kTooLong; }
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
/// RFC 9110 5.5: the bytes of a field's value: visible, obs-text, space and tab.
constexpr bool is_field_byte(uint8_t byte) noexcept {
    return (byte >= ' ' && byte != 0x7f) || byte == '\t';
}

/// The value of a hexadecimal digit; 16 for another byte.
constexpr unsigned hex_digit(uint8_t byte) noexcept {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const uint8_t lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10u : 16u;
}

class HttpFields {
  public:
    /// Whose header section it is. A server refuses what could make two readers disagree: whitespace before
    /// a colon (RFC 9112 5.1) and folded lines (5.2). A client reads both: old servers send them.
    enum class Of : uint8_t { request, response };

    explicit HttpFields(Of of = Of::request) noexcept : of_(of) {}
    void clear() noexcept { *this = HttpFields(of_); }

    /// Reads from `at` on; leaves it after the empty line that ends the section, or where it stopped.
    /// A bare LF is taken as the end of a line (RFC 9112 2.2). Refused: a bare CR and other control
    /// characters in a value (RFC 9110 5.5), a Content-Length that is not one number, and what Of says.
    HttpStep feed(Bytes bytes, uint32_t& at) noexcept;

    bool has_length() const noexcept { return has_length_; }
    uint64_t content_length() const noexcept { return length_; }
    /// A Transfer-Encoding that names a coding. In a response "identity", which RFC 7230 took out and which
    /// codes nothing, is none.
    bool has_transfer_coding() const noexcept { return transfer_coding_; }
    /// The last transfer coding is chunked, and no other one is (RFC 9112 6.1: never applied twice).
    bool chunked() const noexcept { return chunks_ == 1 && ends_chunked_; }
    /// There is a transfer coding beside chunked, or one that is not understood.
    bool has_other_coding() const noexcept { return other_coding_; }
    bool close() const noexcept { return close_; }                ///< "Connection: close"
    bool keep_alive() const noexcept { return keep_alive_; }      ///< "Connection: keep-alive"
    uint8_t hosts() const noexcept { return hosts_; }             ///< Host fields; 2 stands for more, too
    bool expects_continue() const noexcept { return continue_; }  ///< "Expect: 100-continue"

  private:
    enum class At : uint8_t {
        line,
        last_lf,
        name,
        before_colon,
        before_value,
        value,
        value_lf,
        skip,
        skip_lf
    };
    enum class Known : uint8_t { connection, content_length, transfer_encoding, host, expect };

    bool line_byte(uint8_t byte) noexcept;
    bool name_byte(uint8_t byte) noexcept;
    bool end_line() noexcept;
    bool continue_value() noexcept;
    bool take_name() noexcept;
    bool value_byte(uint8_t byte) noexcept;
    void list_byte(uint8_t byte) noexcept;
    void end_element() noexcept;
    bool end_value() noexcept;

    uint64_t length_ = 0;
    uint64_t digits_ = 0;  ///< the number being read
    HttpWord word_;
    Of of_;
    At at_ = At::line;
    Known known_ = Known::connection;
    bool any_ = false;         ///< a field has begun
    bool unended_ = false;     ///< the next line may go on with the value that was read (folding)
    bool after_word_ = false;  ///< whitespace came behind the word: only the end of the element may follow
    bool in_number_ = false, after_number_ = false;
    bool has_length_ = false, close_ = false, keep_alive_ = false, continue_ = false;
    bool transfer_coding_ = false, other_coding_ = false, ends_chunked_ = false;
    uint8_t chunks_ = 0;  ///< times that chunked is named; 2 stands for more, too
    uint8_t hosts_ = 0;
};

}  // namespace synfin::app
