#pragma once
/// @file
/// HttpFields: parses the header section of an HTTP/1.1 message (RFC 9112 5) byte by byte, with any split. It
/// keeps only what decides the message's end and the connection's persistence. It neither copies nor
/// allocates.

#include <cstdint>
#include <string_view>

#include "synfin/units.hh"

namespace synfin::app {

/// A parser's state: needs more bytes, has reached the end, or refuses the message.
enum class HttpStep : uint8_t { more, complete, bad };

/// Collects one word of a message in lower case. A word longer than every known word matches none.
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
    /// Makes the word match nothing until clear().
    void spoil() noexcept { size_ = kTooLong; }
    bool is(std::string_view word) const noexcept {
        return size_ <= sizeof bytes_ && std::string_view(bytes_, size_) == word;
    }

  private:
    static constexpr uint8_t kTooLong = 255;
    char bytes_[18];  // "transfer-encoding" has 17 bytes
    uint8_t size_ = 0;
};

/// True for the bytes of a token (RFC 9110 5.6.2).
bool is_token_byte(uint8_t byte) noexcept;
/// True for the bytes of a field value (RFC 9110 5.5): visible, obs-text, space and tab.
constexpr bool is_field_byte(uint8_t byte) noexcept {
    return (byte >= ' ' && byte != 0x7f) || byte == '\t';
}

/// The value of a hexadecimal digit; 16 for any other byte.
constexpr unsigned hex_digit(uint8_t byte) noexcept {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const uint8_t lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10u : 16u;
}

class HttpFields {
  public:
    /// The kind of message. In a request, two constructs that parsers interpret differently are refused:
    /// whitespace before a colon (RFC 9112 5.1) and folded lines (5.2). In a response both are accepted,
    /// because old servers send them.
    enum class Of : uint8_t { request, response };

    explicit HttpFields(Of of = Of::request) noexcept : of_(of) {}
    void clear() noexcept { *this = HttpFields(of_); }

    /// Reads from offset `at`. Sets `at` behind the empty line that ends the section, or to where it stopped.
    /// A bare LF ends a line (RFC 9112 2.2). Refuses a bare CR and other control characters in a value (RFC
    /// 9110 5.5), a Content-Length that is not a single number, and the constructs that Of names.
    HttpStep feed(Bytes bytes, uint32_t& at) noexcept;

    bool has_length() const noexcept { return has_length_; }
    uint64_t content_length() const noexcept { return length_; }
    /// True if Transfer-Encoding names a coding. In a response "identity", which RFC 7230 removed, does not
    /// count.
    bool has_transfer_coding() const noexcept { return transfer_coding_; }
    /// True if the last transfer coding is chunked and chunked occurs once (RFC 9112 6.1).
    bool chunked() const noexcept { return chunks_ == 1 && ends_chunked_; }
    /// True if there is a transfer coding other than chunked.
    bool has_other_coding() const noexcept { return other_coding_; }
    bool close() const noexcept { return close_; }            ///< "Connection: close"
    bool keep_alive() const noexcept { return keep_alive_; }  ///< "Connection: keep-alive"
    uint8_t hosts() const noexcept { return hosts_; }         ///< number of Host fields; 2 means two or more
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
    bool unended_ = false;     ///< the next line may continue the value (folding)
    bool after_word_ = false;  ///< whitespace followed the word: the element must end now
    bool in_number_ = false, after_number_ = false;
    bool has_length_ = false, close_ = false, keep_alive_ = false, continue_ = false;
    bool transfer_coding_ = false, other_coding_ = false, ends_chunked_ = false;
    uint8_t chunks_ = 0;  ///< occurrences of chunked; 2 means two or more
    uint8_t hosts_ = 0;
};

}  // namespace synfin::app
