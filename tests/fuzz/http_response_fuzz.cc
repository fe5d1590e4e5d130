/// Our response reader against Boost.Beast's, an independent parser of RFC 9112: where both take a response,
/// they must agree on its status, its end, and whether the connection stays; what Beast takes, ours takes,
/// too. The differences that are meant stand below. Ours takes some that Beast refuses: lines that end with
/// LF alone, empty lines before the status line, a status line that ends behind the status, blanks before a
/// colon, Content-Length beside Transfer-Encoding (RFC 9112 6.3: the latter counts), and a Connection field
/// with bytes that are no token's.
///
/// An input is bytes of a response; its first byte says whether it answers a HEAD and where the segments'
/// borders are.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <limits>
#include <string>
#include <string_view>

#include "fuzz_target.hh"
#include "http/http_response.hh"

namespace {

using namespace synfin;
using app::HttpResponse;
using app::HttpStep;

/// What a reader found.
struct Found {
    bool bad = false;
    bool complete = false;
    bool until_fin = false;
    size_t used = 0;
    unsigned status = 0;
    bool keeps = false;
};

Found read_ours(Bytes bytes, bool to_head, size_t piece) {
    HttpResponse response(to_head);
    app::KnownHead<HttpResponse> known;
    Found found;
    while (found.used < bytes.size()) {
        uint32_t used = 0;
        const auto outcome =
            response.feed(bytes.subspan(found.used, std::min(piece, bytes.size() - found.used)), used, known);
        found.used += used;
        found.bad = outcome == HttpResponse::Outcome::bad;
        found.complete = outcome == HttpResponse::Outcome::complete;
        if (found.bad || found.complete) break;
    }
    found.until_fin = response.end() == HttpResponse::Outcome::complete;
    found.status = response.status();
    found.keeps = response.keep_alive();
    return found;
}

namespace http = boost::beast::http;

/// Beast's reader for bodies of any kind, which it counts and drops.
class Beast : public http::basic_parser<false> {
  public:
    explicit Beast(bool to_head) {
        body_limit(std::numeric_limits<std::uint64_t>::max());
        header_limit(HttpResponse::kMaxHead);
        skip(to_head);
        eager(true);
    }
    unsigned status() const { return status_; }
    bool keeps() const { return keep_alive() && status_ != 101; }

  private:
    using Text = boost::beast::string_view;
    using Error = boost::beast::error_code;
    void on_request_impl(http::verb, Text, Text, int, Error&) override {}
    void on_response_impl(int status, Text, int, Error&) override { status_ = static_cast<unsigned>(status); }
    void on_field_impl(http::field, Text, Text, Error&) override {}
    void on_header_impl(Error&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, Error&) override {}
    std::size_t on_body_impl(Text body, Error&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text body, Error&) override { return body.size(); }
    void on_finish_impl(Error&) override {}

    unsigned status_ = 0;
};

Found read_beasts(Bytes bytes, bool to_head) {
    Found found;
    // It takes an interim response for a whole one, and an empty line for none.
    for (;;) {
        Beast parser(to_head);
        boost::beast::error_code error;
        while (found.used < bytes.size() && !parser.is_done() && !error)
            found.used += parser.put(
                boost::asio::const_buffer(bytes.data() + found.used, bytes.size() - found.used), error);
        if (error && error != http::error::need_more) {
            found.bad = true;
            return found;
        }
        if (!parser.is_header_done()) return found;
        found.status = parser.status();
        found.complete = parser.is_done();
        found.keeps = parser.keeps();
        found.until_fin = parser.need_eof() && !found.complete;
        if (!found.complete || found.status >= 200 || found.status == 101) return found;
        found.complete = false;
        if (found.used == bytes.size()) return found;
    }
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// Beast keeps a connection after 101, after "keep-alive, close" in HTTP/1.0 (RFC 9112 9.3: close is asked
/// for first), and looks at Proxy-Connection.
bool is_other_end(std::string_view text, const Found& ours) {
    return ours.status == 101 || (has(text, "keep-alive") && has(text, "close")) ||
           has(text, "proxy-connection");
}

/// In lower case, without blanks around colons.
std::string plain(Bytes bytes) {
    std::string text;
    for (const uint8_t byte : bytes)
        text += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const bool to_head = (data[0] & 1) != 0;
    const size_t piece = data[0] < 128 ? size : 1 + data[0] % 16;
    const Bytes bytes(data + 1, size - 1);
    const Found ours = read_ours(bytes, to_head, piece);
    const Found whole = read_ours(bytes, to_head, size);
    SYNFIN_CHECK(ours.bad == whole.bad && ours.complete == whole.complete && ours.used == whole.used);
    SYNFIN_CHECK(ours.bad || (ours.status == whole.status && ours.keeps == whole.keeps));

    const Found theirs = read_beasts(bytes, to_head);
    const bool both = (ours.complete || ours.until_fin) && (theirs.complete || theirs.until_fin);
    const std::string text = plain(bytes);
    // RFC 9112 6.3: with a last coding that is not chunked the body ends with the connection. Beast reads
    // Content-Length then.
    // A list of codings that is none it does not look into further.
    if (both && ours.complete != theirs.complete && has(text, "transfer-encoding")) return 0;
    if (both) {
        SYNFIN_CHECK(ours.status == theirs.status);
        SYNFIN_CHECK(ours.complete == theirs.complete);
        SYNFIN_CHECK(!ours.complete || ours.used == theirs.used);
        SYNFIN_CHECK(ours.keeps == theirs.keeps || is_other_end(text, ours));
        return 0;
    }
    // Beast takes statuses below 100, and codings that are no list of words.
    const bool only_theirs = ours.bad && (theirs.complete || theirs.until_fin);
    SYNFIN_CHECK(!only_theirs || theirs.status < 100 || has(text, "transfer-encoding"));
    return 0;
}
