#include "http_response.hh"

#include <algorithm>
#include <string_view>

namespace synfin::app {

HttpResponse::Outcome HttpResponse::feed(Bytes bytes, uint32_t& used,
                                         KnownHead<HttpResponse>& known) noexcept {
    const bool is_first = at_ == At::version && matched_ == 0;
    used = is_first ? known.recall(bytes, *this) : 0;
    while (at_ != At::body) {
        const uint32_t before = used;
        const HttpStep step = head(bytes, used);
        read_ += used - before;
        if (step == HttpStep::bad || read_ > kMaxHead) return Outcome::bad;
        if (step == HttpStep::more) return Outcome::more;
        if (status_ >= 100 && status_ < 200) {  // RFC 9110 15.2: interim, the response follows
            clear();
            continue;
        }
        if (fields_.has_transfer_coding()) return Outcome::unsupported;
        at_ = At::body;
        const bool no_body = status_ == 204 || status_ == 304;
        left_ = no_body ? 0 : fields_.content_length();
        until_fin_ = !no_body && !fields_.has_length();
        if (is_first && read_ == used) known.learn(bytes.first(used), *this);  // no interim one before it
    }
    const auto rest = static_cast<uint64_t>(bytes.size() - used);
    if (until_fin_) {
        used += static_cast<uint32_t>(rest);
        return Outcome::more;
    }
    const uint64_t part = std::min(rest, left_);
    used += static_cast<uint32_t>(part);
    left_ -= part;
    return left_ == 0 ? Outcome::complete : Outcome::more;
}

HttpStep HttpResponse::head(Bytes bytes, uint32_t& at) noexcept {
    static constexpr std::string_view kVersion = "HTTP/1.";
    for (; at < bytes.size(); ++at) {
        const uint8_t byte = bytes[at];
        const bool digit = byte >= '0' && byte <= '9';
        switch (at_) {
            case At::version:
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
                if (byte == '\n') at_ = At::fields;
                break;
            case At::fields: return fields_.feed(bytes, at);
            case At::body: return HttpStep::complete;
        }
    }
    return HttpStep::more;
}

}  // namespace synfin::app
