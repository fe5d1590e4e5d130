#include <arpa/inet.h>
#include <sys/random.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "base/random.hh"
#include "synfin/check.hh"
#include "synfin/counters.hh"
#include "synfin/result.hh"
#include "synfin/units.hh"

namespace synfin {

void check_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "synfin: broken invariant: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

const char* describe(Error error) noexcept {
    switch (error) {
        case Error::none: return "no error";
        case Error::gone: return "the connection has ended";
        case Error::invalid: return "invalid argument";
        case Error::not_supported: return "not supported";
        case Error::no_memory: return "a pool is empty";
        case Error::no_port: return "every source port towards the destination is in use";
        case Error::in_use: return "address, port or tuple in use";
        case Error::would_block: return "no room now";
        case Error::closing: return "connection closing";
        case Error::not_connected: return "connection not established";
        case Error::no_route: return "no route to the destination";
        case Error::no_device: return "no such device";
        case Error::no_permission: return "permission denied";
        case Error::device_failed: return "the device refused its configuration";
    }
    return "unknown error";
}

namespace {
constexpr const char* kDropNames[] = {
#define SYNFIN_DROP(name, meaning) #name,
#include "synfin/drop_reason.def"
#undef SYNFIN_DROP
};
constexpr const char* kDropMeanings[] = {
#define SYNFIN_DROP(name, meaning) meaning,
#include "synfin/drop_reason.def"
#undef SYNFIN_DROP
};
constexpr const char* kCounterNames[] = {
#define SYNFIN_COUNTER(name, meaning) #name,
#include "synfin/counter.def"
#undef SYNFIN_COUNTER
};
constexpr const char* kCounterMeanings[] = {
#define SYNFIN_COUNTER(name, meaning) meaning,
#include "synfin/counter.def"
#undef SYNFIN_COUNTER
};
}  // namespace

const char* name(DropReason reason) noexcept {
    return kDropNames[static_cast<size_t>(reason)];
}
const char* meaning(DropReason reason) noexcept {
    return kDropMeanings[static_cast<size_t>(reason)];
}
const char* name(Counter counter) noexcept {
    return kCounterNames[static_cast<size_t>(counter)];
}
const char* meaning(Counter counter) noexcept {
    return kCounterMeanings[static_cast<size_t>(counter)];
}

HashKey fill_secret() noexcept {
    HashKey key;
    SYNFIN_CHECK(getrandom(&key, sizeof key, 0) == static_cast<ssize_t>(sizeof key));
    return key;
}

std::string Mac::text() const {
    char out[18];
    std::snprintf(out, sizeof out, "%02x:%02x:%02x:%02x:%02x:%02x", octets[0], octets[1], octets[2],
                  octets[3], octets[4], octets[5]);
    return out;
}

std::optional<Mac> Mac::parse(std::string_view text) noexcept {
    Mac mac;
    if (text.size() != 17) return std::nullopt;
    for (size_t i = 0; i < 6; ++i) {
        const char* first = text.data() + 3 * i;
        auto [end, ec] = std::from_chars(first, first + 2, mac.octets[i], 16);
        if (ec != std::errc() || end != first + 2 || (i < 5 && *end != ':')) return std::nullopt;
    }
    return mac;
}

std::string Ipv4::text() const {
    char out[16];
    std::snprintf(out, sizeof out, "%u.%u.%u.%u", value >> 24, (value >> 16) & 255, (value >> 8) & 255,
                  value & 255);
    return out;
}

std::optional<Ipv4> Ipv4::parse(std::string_view text) noexcept {
    char copy[16];
    if (text.size() >= sizeof copy) return std::nullopt;
    text.copy(copy, text.size());
    copy[text.size()] = 0;
    in_addr addr{};
    if (inet_pton(AF_INET, copy, &addr) != 1) return std::nullopt;
    return Ipv4{ntohl(addr.s_addr)};
}

std::string IpAddr::text() const {
    if (is_v4()) return v4.text();
    char out[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, v6.octets.data(), out, sizeof out);
    return out;
}

std::string Endpoint::text() const {
    const std::string host = addr.text();
    return (addr.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::string Cidr::text() const {
    return addr.text() + "/" + std::to_string(prefix);
}

std::optional<Cidr> Cidr::parse(std::string_view text) noexcept {
    Cidr cidr;
    const auto slash = text.find('/');
    const auto addr = Ipv4::parse(text.substr(0, slash));
    if (!addr) return std::nullopt;
    cidr.addr = *addr;
    if (slash == std::string_view::npos) return cidr;
    const std::string_view digits = text.substr(slash + 1);
    unsigned prefix = 0;
    auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (ec != std::errc() || end != digits.data() + digits.size() || digits.empty() || prefix > 32)
        return std::nullopt;
    cidr.prefix = static_cast<uint8_t>(prefix);
    return cidr;
}

}  // namespace synfin
