#pragma once
/// @file
/// HttpAsk: method, headers and body of the load generator's HTTP requests; builds the bytes of a request.

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// HTTP statuses, 100 to 999.
using StatusSet = std::bitset<1000>;
/// Parses a list of "200", "200-299" and "5xx", separated by commas.
Parsed<StatusSet> parse_statuses(std::string_view text);
/// 2xx and 3xx.
StatusSet successful_statuses() noexcept;

struct HttpAsk {
    std::string method = "GET";
    std::vector<std::string> headers;  ///< "Name: value"; replaces the default header of that name
    std::string body;

    /// True if the request may be sent twice (RFC 9110 9.2.2).
    bool is_idempotent() const noexcept;
    bool has_header(std::string_view name) const noexcept;
};

/// A token (RFC 9110 5.6.2), case-sensitive. Refuses CONNECT: the bytes after its response are not HTTP.
Parsed<std::string> parse_method(std::string_view text);
/// "Name: value" (RFC 9112 5): a token, and a value without control characters.
Parsed<std::string> parse_header(std::string_view text);

/// The value of the Host field; it omits port 80.
std::string authority_of(std::string_view host, uint16_t port);

/// A request according to RFC 9112. It has Content-Length if there is a body or the method usually has one.
/// @param last adds "Connection: close"
std::vector<uint8_t> http_request(std::string_view authority, std::string_view path, bool last,
                                  const HttpAsk& ask = {});

}  // namespace synfin::app
