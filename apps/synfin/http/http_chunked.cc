#include "http_chunked.hh"

#include <algorithm>

namespace synfin::app {

HttpStep ChunkedBody::feed(Bytes bytes, uint32_t& at) noexcept {
    while (at < bytes.size()) {
        if (at_ == At::data) {
            const uint64_t part = std::min<uint64_t>(left_, bytes.size() - at);
            at += static_cast<uint32_t>(part);
            data_ += part;
            left_ -= part;
            if (left_ == 0) at_ = At::data_cr;
            continue;
        }
        const HttpStep step = line_byte(bytes[at]);
        if (step == HttpStep::bad) return step;
        ++at;
        if (step == HttpStep::complete) return step;
    }
    return HttpStep::more;
}

/// Reads a byte of the lines between the data.
HttpStep ChunkedBody::line_byte(uint8_t byte) noexcept {
    switch (at_) {
        case At::size_first:
        case At::size:
            if (const unsigned digit = hex_digit(byte); digit < 16) {
                if (left_ >> 59 != 0) return HttpStep::bad;
                left_ = left_ << 4 | digit;
                at_ = At::size;
                return HttpStep::more;
            }
            if (at_ == At::size_first) return HttpStep::bad;
            line_ = 0;
            at_ = At::before_extension;
            [[fallthrough]];
        case At::before_extension:
            if (byte == '\r')
                at_ = At::size_lf;
            else if (byte == ';')
                at_ = At::extension;
            else if (byte != ' ' && byte != '\t')  // RFC 9112 7.1.1: BWS, which some senders use
                return HttpStep::bad;
            return ++line_ <= kMaxLine ? HttpStep::more : HttpStep::bad;
        case At::extension:
            if (byte == '\r') {
                at_ = At::size_lf;
                return HttpStep::more;
            }
            return is_field_byte(byte) && ++line_ <= kMaxLine ? HttpStep::more : HttpStep::bad;
        case At::size_lf:
            line_ = 0;
            at_ = left_ != 0 ? At::data : At::trailer_first;
            return byte == '\n' ? HttpStep::more : HttpStep::bad;
        case At::data: return HttpStep::bad;  // feed() reads it
        case At::data_cr: at_ = At::data_lf; return byte == '\r' ? HttpStep::more : HttpStep::bad;
        case At::data_lf: at_ = At::size_first; return byte == '\n' ? HttpStep::more : HttpStep::bad;
        case At::trailer_first:
            if (byte == '\r') {
                at_ = At::last_lf;
                return HttpStep::more;
            }
            at_ = At::trailer_name;
            return is_token_byte(byte) && ++line_ <= kMaxLine ? HttpStep::more : HttpStep::bad;
        case At::trailer_name:
            if (byte == ':')
                at_ = At::trailer;
            else if (!is_token_byte(byte))
                return HttpStep::bad;
            return ++line_ <= kMaxLine ? HttpStep::more : HttpStep::bad;
        case At::trailer:
            if (byte == '\r') {
                at_ = At::trailer_lf;
                return HttpStep::more;
            }
            return is_field_byte(byte) && ++line_ <= kMaxLine ? HttpStep::more : HttpStep::bad;
        case At::trailer_lf: at_ = At::trailer_first; return byte == '\n' ? HttpStep::more : HttpStep::bad;
        case At::last_lf: return byte == '\n' ? HttpStep::complete : HttpStep::bad;
    }
    return HttpStep::bad;
}

}  // namespace synfin::app
