// Any bytes as HTTP requests, read by us and by Boost.Beast: what we take, Beast takes, and both find the
// same end, the same method and the same wish to stay. What Beast takes, we take, or refuse for a reason of
// this file's. However the bytes are split, we find the same.

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <string>
#include <string_view>

#include "fuzz_target.hh"
#include "http/http_chunked.hh"
#include "http/http_request.hh"

using namespace synfin;       // NOLINT(google-build-using-namespace)
using namespace synfin::app;  // NOLINT(google-build-using-namespace)
namespace http = boost::beast::http;

namespace {

/// The first request of the input.
struct Found {
    bool good = false;  ///< all of it is there, and nothing is wrong with it
    size_t end = 0;     ///< bytes to the end of its body
    bool keep_alive = false;
    bool chunked = false;
    bool operator==(const Found&) const = default;
};

struct Ours : Found {
    bool was_judged = false;  ///< read, and refused by HttpRequest::judge()
    HttpRequest request;
    size_t head = 0;
};

/// @param step how many bytes are given at once
Ours read_ours(Bytes bytes, size_t step) {
    KnownHead<HttpRequest> none;
    Ours out;
    auto outcome = HttpRequest::Outcome::more;
    while (out.head < bytes.size() && outcome == HttpRequest::Outcome::more) {
        uint32_t used = 0;
        const Bytes part = bytes.subspan(out.head, std::min(step, bytes.size() - out.head));
        outcome = out.request.feed(part, used, none);
        SYNFIN_CHECK(used <= part.size());
        out.head += used;
    }
    using Verdict = HttpRequest::Verdict;
    if (outcome != HttpRequest::Outcome::complete) return out;
    const Verdict verdict = out.request.judge();
    // Beast leaves to its user whether the fields go together: Host, and the codings (RFC 9112 3.2, 6.1).
    out.was_judged = verdict != Verdict::good && verdict != Verdict::not_allowed;
    if (out.was_judged) return out;
    out.keep_alive = out.request.keep_alive();
    out.chunked = out.request.chunked();
    out.end = out.head;
    if (!out.chunked) {
        out.good = out.request.content_length() <= bytes.size() - out.head;
        if (out.good) out.end += out.request.content_length();
        return out;
    }
    ChunkedBody body;
    HttpStep state = HttpStep::more;
    while (out.end < bytes.size() && state == HttpStep::more) {
        uint32_t used = 0;
        state = body.feed(bytes.subspan(out.end, std::min(step, bytes.size() - out.end)), used);
        out.end += used;
    }
    out.good = state == HttpStep::complete;
    return out;
}

/// Beast's parser with nothing kept.
class Counting : public http::basic_parser<true> {
  public:
    std::string method;

  private:
    using View = boost::beast::string_view;
    using Code = boost::beast::error_code;
    void on_request_impl(http::verb, View name, View, int, Code&) override { method = std::string(name); }
    void on_response_impl(int, View, int, Code&) override {}
    void on_field_impl(http::field, View, View, Code&) override {}
    void on_header_impl(Code&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, Code&) override {}
    std::size_t on_body_impl(View body, Code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, View body, Code&) override { return body.size(); }
    void on_finish_impl(Code&) override {}
};

struct Theirs : Found {
    std::string method;
    size_t head = 0;  ///< 0: not all of it was taken
};

Theirs read_theirs(Bytes bytes) {
    Counting parser;
    parser.header_limit(UINT32_MAX);
    parser.body_limit(UINT64_MAX);
    parser.eager(false);
    Theirs out;
    boost::beast::error_code error;
    // Now and then it only changes its state.
    for (int idle = 0; !parser.is_done() && idle < 4;) {
        const auto rest = boost::asio::buffer(bytes.data() + out.end, bytes.size() - out.end);
        const size_t used = parser.put(rest, error);
        out.end += used;
        if (parser.is_header_done() && out.head == 0) out.head = out.end;
        if (error) break;
        idle = used == 0 ? idle + 1 : 0;
    }
    out.good = !error && parser.is_done();
    if (out.head == 0) return out;
    out.keep_alive = parser.keep_alive();
    out.chunked = parser.chunked();
    out.method = parser.method;
    return out;
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

/// A line that ends with a bare LF, which RFC 9112 2.2 lets us take in a head.
bool has_bare_lf(std::string_view text) {
    for (size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1))
        if (at == 0 || text[at - 1] != '\r') return true;
    return false;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
}

size_t count(std::string_view text, std::string_view part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
    return n;
}

/// Whether one of the fields has a value that is no list of tokens.
bool has_odd_list(std::string_view fields, std::string_view name) {
    for (size_t at = fields.find(name); at != fields.npos; at = fields.find(name, at)) {
        at += name.size();
        const std::string_view value = fields.substr(at, fields.find('\r', at) - at);
        // Elements that are empty, or of two words, are such, too.
        bool after_blank = false, in_word = false;
        for (const char c : value) {
            if (c == ',') {
                if (!in_word && !after_blank) return true;
                in_word = after_blank = false;
            } else if (c == ' ' || c == '\t') {
                after_blank |= in_word;
                in_word = false;
            } else if (!is_token_byte(static_cast<uint8_t>(c)) || after_blank) {
                return true;
            } else {
                in_word = true;
            }
        }
        if (!in_word && !after_blank) return true;
    }
    return false;
}

/// What we take and Beast does not, on purpose; each with the clause that lets us.
bool may_take_more(std::string_view head, std::string_view body) {
    const std::string fields = lower(head);
    if (has_bare_lf(head)) return true;                     // RFC 9112 2.2
    if (head.starts_with("\r\n")) return true;              // RFC 9112 2.2: empty lines before
    if (count(fields, "content-length:") > 1) return true;  // RFC 9110 8.6: the same value again
    if (contains(fields, "content-length:") && contains(fields, "\t")) return true;
    if (contains(fields, "transfer-encoding:")) {
        // RFC 9112 7.1.1: extensions that are not understood are ignored, well-formed or not; and whitespace
        // before them. 7.1.2: trailers are not looked into.
        if (contains(body, ";") || contains(body, " ") || contains(body, "\t")) return true;
        if (contains(body, ":")) return true;
        if (contains(fields, ",")) return true;  // RFC 9110 5.6.1: empty elements of a list
    }
    // Beast wants these two to be lists of tokens; a reader may take what it does not know for nothing.
    if (has_odd_list(fields, "connection:") || has_odd_list(fields, "upgrade:")) return true;
    // Beast knows HTTP/1.0 and 1.1; a reader takes every minor version (RFC 9110 2.5).
    const size_t version = head.find(" HTTP/1.");
    return version != head.npos && head[version + 8] != '0' && head[version + 8] != '1';
}

/// What we refuse and Beast does not, on purpose.
bool may_refuse_more(std::string_view text) {
    const std::string fields = lower(text);
    if (contains(text, "\r\n ") || contains(text, "\r\n\t")) return true;  // RFC 9112 5.2: folded lines
    if (contains(fields, "\nhost:")) {                                     // RFC 9112 3.2: not an authority
        const size_t at = fields.find("\nhost:") + 6;
        const std::string_view value = std::string_view(fields).substr(at, fields.find('\r', at) - at);
        if (value.find_first_of(" \t,/?#@") != value.npos) return true;
    }
    // RFC 9112 3.2: a target that is neither a path nor a URI, or has bytes that no URI has.
    const size_t space = text.find(' ');
    const std::string_view target = text.substr(std::min(space, text.size() - 1) + 1);
    if (!target.starts_with("/")) return true;
    for (const char c : target.substr(0, target.find(' ')))
        if (static_cast<signed char>(c) <= 0) return true;
    return text.size() > HttpRequest::kMaxHead;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes bytes(data, size);
    const Ours ours = read_ours(bytes, std::max<size_t>(size, 1));
    for (const size_t step : {size_t{1}, size_t{7}}) {
        const Ours split = read_ours(bytes, step);
        SYNFIN_CHECK(static_cast<const Found&>(split) == ours && split.head == ours.head);
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (!ours.good) {
        SYNFIN_CHECK(ours.was_judged || may_refuse_more(text) || !read_theirs(bytes).good);
        return 0;
    }
    const std::string_view head = text.substr(0, ours.head);
    if (may_take_more(head, text.substr(ours.head))) return 0;
    const Theirs theirs = read_theirs(bytes);
    SYNFIN_CHECK(theirs.good && theirs.head == ours.head && theirs.end == ours.end);
    SYNFIN_CHECK(theirs.chunked == ours.chunked);
    SYNFIN_CHECK(theirs.keep_alive == ours.keep_alive);
    const bool get = theirs.method == "GET";
    SYNFIN_CHECK(get == (ours.request.method() == HttpRequest::Method::get));
    return 0;
}
