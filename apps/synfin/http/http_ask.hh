#pragma once
/// @file
/// HttpAsk: what the load generator's HTTP requests have beside their target, and the bytes of one.

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
/// "200", "200,404", "200-299" or "5xx", and lists of them.
Parsed<StatusSet> parse_statuses(std::string_view text);
/// 2xx and 3xx.
StatusSet successful_statuses() noexcept;

struct HttpAsk {
    std::string method = "GET";
    std::vector<std::string> headers;  ///< "Name: value"; one of ours by the same name is left out
    std::string body;

    /// Whether the request may be sent twice (RFC 9110 9.2.2).
    bool is_idempotent() const noexcept;
    bool has_header(std::string_view name) const noexcept;
};

/// A token (RFC 9110 5.6.2), case as it stands. Not CONNECT: what follows it is no HTTP.
Parsed<std::string> parse_method(std::string_view text);
/// "Name: value" (RFC 9112 5): a token, and a value without control characters.
Parsed<std::string> parse_header(std::string_view text);

/// The authority of a Host field: the port is left out when it is 80.
std::string authority_of(std::string_view host, uint16_t port);

/// A request as RFC 9112 wants it. Content-Length is there when there is a body, or the method is one of
/// those that have one; `last`: "Connection: close".
std::vector<uint8_t> http_request(std::string_view authority, std::string_view path, bool last,
                                  const HttpAsk& ask = {});

}  // namespace synfin::app
