#include "http_ask.hh"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "http_fields.hh"

namespace synfin::app {

namespace {

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](char c) { return is_token_byte(static_cast<uint8_t>(c)); });
}

bool is_same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

/// Adds one element of a list of statuses: 404, 200-299 or 5xx.
bool add_statuses(StatusSet& set, std::string_view text) {
    const auto status = [](std::string_view digits) -> unsigned {
        const bool is_number = digits.size() == 3 && std::all_of(digits.begin(), digits.end(),
                                                                 [](char c) { return c >= '0' && c <= '9'; });
        return is_number ? static_cast<unsigned>((digits[0] - '0') * 100 + (digits[1] - '0') * 10 +
                                                 (digits[2] - '0'))
                         : 0u;
    };
    unsigned first = 0, last = 0;
    if (text.size() == 3 && (text.substr(1) == "xx" || text.substr(1) == "XX") && text[0] >= '1' &&
        text[0] <= '9') {
        first = static_cast<unsigned>(text[0] - '0') * 100;
        last = first + 99;
    } else {
        const size_t dash = text.find('-');
        first = status(text.substr(0, dash));
        last = dash == text.npos ? first : status(text.substr(dash + 1));
    }
    if (first < 100 || last < first) return false;
    for (unsigned s = first; s <= last; ++s) set.set(s);
    return true;
}

}  // namespace

Parsed<StatusSet> parse_statuses(std::string_view text) {
    StatusSet set;
    for (std::string_view rest = text;;) {
        const size_t comma = rest.find(',');
        if (!add_statuses(set, rest.substr(0, comma)))
            return Parsed<StatusSet>::refuse(
                expected_but_found("HTTP statuses such as 200,404,5xx or 200-299", text));
        if (comma == rest.npos) return set;
        rest.remove_prefix(comma + 1);
    }
}

StatusSet successful_statuses() noexcept {
    StatusSet set;
    for (size_t status = 200; status < 400; ++status) set.set(status);
    return set;
}

bool HttpAsk::is_idempotent() const noexcept {
    constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

bool HttpAsk::has_header(std::string_view name) const noexcept {
    return std::any_of(headers.begin(), headers.end(), [&](const std::string& header) {
        return is_same_name(std::string_view(header).substr(0, header.find(':')), name);
    });
}

Parsed<std::string> parse_method(std::string_view text) {
    if (!is_token(text))
        return Parsed<std::string>::refuse(expected_but_found("an HTTP method such as GET or POST", text));
    if (text == "CONNECT")
        return Parsed<std::string>::refuse(expected_but_found("a method whose response is HTTP", text));
    return std::string(text);
}

Parsed<std::string> parse_header(std::string_view text) {
    const size_t colon = text.find(':');
    const bool is_header =
        colon != text.npos && is_token(text.substr(0, colon)) &&
        std::all_of(text.begin(), text.end(), [](char c) { return is_field_byte(static_cast<uint8_t>(c)); });
    if (!is_header)
        return Parsed<std::string>::refuse(expected_but_found("a header such as 'Accept: text/html'", text));
    return std::string(text);
}

std::string authority_of(std::string_view host, uint16_t port) {
    return port == 80 ? std::string(host) : fmt::format("{}:{}", host, port);
}

std::vector<uint8_t> http_request(std::string_view authority, std::string_view path, bool last,
                                  const HttpAsk& ask) {
    std::string text = fmt::format("{} {} HTTP/1.1\r\n", ask.method, path);
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!ask.has_header(name)) text += fmt::format("{}: {}\r\n", name, value);
    };
    add("Host", authority);
    add("User-Agent", "synfin");
    const bool has_content = ask.method == "POST" || ask.method == "PUT" || ask.method == "PATCH";
    if ((has_content || !ask.body.empty()) && !ask.has_header("Transfer-Encoding"))
        add("Content-Length", std::to_string(ask.body.size()));
    if (last) add("Connection", "close");
    for (const std::string& header : ask.headers) text += header + "\r\n";
    text += "\r\n" + ask.body;
    return {text.begin(), text.end()};
}

}  // namespace synfin::app
