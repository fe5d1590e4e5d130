#pragma once
/// @file
/// ChunkedBody: where a message body of chunks ends (RFC 9112 7.1), read incrementally; its bytes are
/// counted, not kept.

#include <cstdint>

#include "http_fields.hh"

namespace synfin::app {

/// One body: chunks with extensions, the last chunk, trailer fields. What two readers could understand
/// differently is refused: a size that is no hexadecimal number of at most 63 bits, whitespace before it, a
/// line that ends with a bare LF or holds a bare CR.
class ChunkedBody {
  public:
    /// Bytes of one chunk's extensions, or of the trailer section.
    static constexpr uint32_t kMaxLine = 8 * 1024;

    void clear() noexcept { *this = ChunkedBody{}; }
    /// Reads from `at` on; leaves it behind the body's last byte, or where it stopped.
    HttpStep feed(Bytes bytes, uint32_t& at) noexcept;
    /// Bytes of data so far, without the chunks' own lines.
    uint64_t data_bytes() const noexcept { return data_; }

  private:
    enum class At : uint8_t {
        size_first,
        size,
        before_extension,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_first,
        trailer_name,
        trailer,
        trailer_lf,
        last_lf
    };
    HttpStep line_byte(uint8_t byte) noexcept;

    uint64_t data_ = 0;
    uint64_t left_ = 0;  ///< of the present chunk
    uint32_t line_ = 0;  ///< bytes of extensions or trailers
    At at_ = At::size_first;
};

}  // namespace synfin::app
