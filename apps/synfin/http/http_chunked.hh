#pragma once
/// @file
/// ChunkedBody: finds the end of a chunked message body (RFC 9112 7.1) incrementally. It counts the bytes and
/// keeps none.

#include <cstdint>

#include "http_fields.hh"

namespace synfin::app {

/// One body: chunks with extensions, the last chunk, trailer fields. It refuses everything that two parsers
/// could interpret differently: a size that is not a hexadecimal number of at most 63 bits, whitespace before
/// it, a line that ends with a bare LF or contains a bare CR.
class ChunkedBody {
  public:
    /// Most bytes of one chunk's extensions, or of the trailer section.
    static constexpr uint32_t kMaxLine = 8 * 1024;

    void clear() noexcept { *this = ChunkedBody{}; }
    /// Reads from offset `at`. Sets `at` behind the body's last byte, or to where it stopped.
    HttpStep feed(Bytes bytes, uint32_t& at) noexcept;
    /// Bytes of data so far, without chunk headers.
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
    uint64_t left_ = 0;  ///< bytes left of the current chunk
    uint32_t line_ = 0;  ///< bytes of extensions or trailers
    At at_ = At::size_first;
};

}  // namespace synfin::app
