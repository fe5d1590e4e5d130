#include "http_response.hh"

#include <algorithm>
#include <string_view>

namespace synfin::app {

HttpResponse::Outcome HttpResponse::feed(Bytes bytes, uint32_t& used,
                                         KnownHead<HttpResponse>& known) noexcept {
    const bool is_first = at_ == At::version && read_ == 0;
    used = is_first ? known.recall(bytes, *this) : 0;
    while (at_ < At::length) {
        const uint32_t before = used;
        const HttpStep step = head(bytes, used);
        read_ += used - before;
        if (step == HttpStep::bad || read_ > kMaxHead) return Outcome::bad;
        if (step == HttpStep::more) return Outcome::more;
        // Skip interim responses. 101 is final: after it the connection no longer carries HTTP.
        if (status_ < 200 && status_ != 101) {
            const uint32_t read = read_;
            clear();
            read_ = read;
            continue;
        }
        begin_body();
        if (is_first && read_ == used && bytes[0] == 'H') known.learn(bytes.first(used), *this);
    }
    if (at_ == At::chunks) {
        const HttpStep step = chunks_.feed(bytes, used);
        return step == HttpStep::complete ? Outcome::complete
               : step == HttpStep::more   ? Outcome::more
                                          : Outcome::bad;
    }
    const auto rest = static_cast<uint64_t>(bytes.size() - used);
    if (at_ == At::until_fin) {
        used += static_cast<uint32_t>(rest);
        return Outcome::more;
    }
    const uint64_t part = std::min(rest, left_);
    used += static_cast<uint32_t>(part);
    left_ -= part;
    return left_ == 0 ? Outcome::complete : Outcome::more;
}

/// Determines the body's length by the rules of RFC 9112 6.3, in their order.
void HttpResponse::begin_body() noexcept {
    persistent_ = !fields_.close() && (minor_ >= 1 || fields_.keep_alive());
    at_ = At::length;
    if (to_head_ || status_ == 204 || status_ == 304) return;
    if (status_ == 101) {
        persistent_ = false;
    } else if (fields_.has_transfer_coding() && fields_.chunked()) {
        at_ = At::chunks;
        persistent_ &= minor_ >= 1;  // 6.1: don't trust a transfer coding in HTTP/1.0
    } else if (fields_.has_transfer_coding() || !fields_.has_length()) {
        at_ = At::until_fin;
        persistent_ = false;
    } else {
        left_ = fields_.content_length();
    }
}

HttpStep HttpResponse::head(Bytes bytes, uint32_t& at) noexcept {
    static constexpr std::string_view kVersion = "HTTP/1.";
    for (; at < bytes.size(); ++at) {
        const uint8_t byte = bytes[at];
        const bool digit = byte >= '0' && byte <= '9';
        switch (at_) {
            case At::version:
                if (matched_ == 0 && (byte == '\r' || byte == '\n')) break;
                if (byte != static_cast<uint8_t>(kVersion[matched_])) return HttpStep::bad;
                if (++matched_ == kVersion.size()) at_ = At::minor;
                break;
            case At::minor:
                if (!digit) return HttpStep::bad;
                minor_ = static_cast<uint8_t>(byte - '0');
                at_ = At::space;
                break;
            case At::space:
                if (byte != ' ') return HttpStep::bad;
                matched_ = 0;
                at_ = At::status;
                break;
            case At::status:
                if (!digit) return HttpStep::bad;
                status_ = static_cast<uint16_t>(status_ * 10 + (byte - '0'));
                if (++matched_ < 3) break;
                if (status_ < 100) return HttpStep::bad;
                at_ = At::reason;
                break;
            case At::reason:
                if (matched_ == 3 && byte != ' ' && byte != '\r' && byte != '\n') return HttpStep::bad;
                matched_ = 0;
                if (byte == '\n')
                    at_ = At::fields;
                else if (byte == '\r')
                    at_ = At::line_lf;
                else if (!is_field_byte(byte))
                    return HttpStep::bad;
                break;
            case At::line_lf:
                if (byte != '\n') return HttpStep::bad;
                at_ = At::fields;
                break;
            case At::fields: return fields_.feed(bytes, at);
            case At::length:
            case At::chunks:
            case At::until_fin: return HttpStep::complete;
        }
    }
    return HttpStep::more;
}

}  // namespace synfin::app
