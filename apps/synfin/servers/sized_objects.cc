/// @file
/// HttpServer's objects by size. They have no message of their own: the head is written when it is sent, and
/// the body is a view of PayloadPattern.

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "http_server.hh"

namespace synfin::app {

/// The message of all objects by size, without the value of Content-Length.
HttpServer::Message HttpServer::sized(Stay stay) {
    static constexpr std::string_view kField = "Content-Length: ";
    Message message = make({.content_type = "application/octet-stream", .size = 1}, stay);
    message.bytes.resize(message.head);
    const auto field = std::search(message.bytes.begin(), message.bytes.end(), kField.begin(), kField.end()) +
                       static_cast<int64_t>(kField.size());
    message.length_at = static_cast<uint32_t>(field - message.bytes.begin());
    message.bytes.erase(field);  // the digit 1
    message.head = static_cast<uint32_t>(message.bytes.size());
    return message;
}

/// The site's resource, or else the object that the path names by its size.
HttpServer::Message& HttpServer::answer_to(const HttpRequest& request, Exchange& exchange) noexcept {
    const uint32_t index = index_of(request, exchange.requests);
    if (index >= kStays || !request.sized_path().is_below()) return messages_[index];
    const auto size = request.sized_path().size();
    exchange.object = size.value_or(0);
    const Stay stay = stay_of(request, exchange.requests);
    return size ? sized_[stay] : not_found_[stay];
}

/// As send_response(), for an object by size. The head's bytes are the same in each call: its Date is that of
/// the first.
bool HttpServer::send_object(Connection c, Exchange& exchange) noexcept {
    Message& message = *exchange.response;
    if (exchange.sent == 0) exchange.second = second_;
    set_date(message, exchange.second);
    std::array<char, 20> digits{};
    const char* const end = std::to_chars(digits.begin(), digits.end(), exchange.object).ptr;
    std::array<uint8_t, kMostSizedHead> bytes{};
    const auto length_at = message.bytes.begin() + message.length_at;
    auto at = std::copy(message.bytes.begin(), length_at, bytes.begin());
    at = std::copy(digits.cbegin(), end, at);
    at = std::copy(length_at, message.bytes.end(), at);
    const Bytes head = Bytes(bytes).first(static_cast<size_t>(at - bytes.begin()));

    const uint64_t total = head.size() + (exchange.only_head ? 0 : exchange.object);
    while (exchange.sent < total) {
        const bool is_head = exchange.sent < head.size();
        const Bytes part = is_head ? head.subspan(exchange.sent)
                                   : pattern_.view(exchange.sent - head.size(), total - exchange.sent);
        const auto sent = is_head ? c.send(part) : c.send_static(part);
        // on_writable follows no_memory, too
        if (!sent) return sent.error() != Error::no_memory && sent.error() != Error::would_block;
        exchange.sent += *sent;
        if (*sent < part.size()) return false;
    }
    return true;
}

}  // namespace synfin::app
