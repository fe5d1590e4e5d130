#include "wire/nd.hh"

#include <cstring>

#include "wire/bytes.hh"

namespace synfin::wire {

namespace {

constexpr uint8_t kSourceLink = 1, kTargetLink = 2, kPrefix = 3, kMtu = 5;  // options
constexpr uint32_t kUnit = 8;  // options count their length in these
constexpr uint32_t kPrefixBytes = 32;
constexpr uint8_t kOnLink = 0x80;
constexpr uint8_t kRouter = 0x80, kSolicited = 0x40, kOverride = 0x20;

/// Bytes before the options; 0: another type.
uint32_t fixed_bytes(uint8_t type) noexcept {
    switch (type) {
        case kNdRouterSolicitation: return 8;
        case kNdRouterAdvertisement: return 16;
        case kNdNeighbourSolicitation:
        case kNdNeighbourAdvertisement: return 24;
        case kNdRedirect: return 40;
        default: return 0;
    }
}

Ipv6 load_ipv6(const uint8_t* p) noexcept {
    Ipv6 out;
    std::memcpy(out.octets.data(), p, out.octets.size());
    return out;
}

void store_ipv6(uint8_t* p, const Ipv6& addr) noexcept {
    std::memcpy(p, addr.octets.data(), addr.octets.size());
}

/// @param option its whole bytes; at least one unit.
bool read_link(Bytes option, std::optional<Mac>& out) noexcept {
    Mac mac;
    if (option.size() != kUnit) return false;
    std::memcpy(mac.octets.data(), option.data() + 2, mac.octets.size());
    if (mac.is_multicast()) return false;
    out = mac;
    return true;
}

bool read_prefix(Bytes option, NdMessage& out) noexcept {
    if (option.size() != kPrefixBytes || option[2] > 128) return false;
    if (out.prefix_count == NdMessage::kMostPrefixes) {
        ++out.prefixes_left_out;
        return true;
    }
    out.prefixes[out.prefix_count++] = {load_ipv6(option.data() + 16), option[2], (option[3] & kOnLink) != 0,
                                        load_be32(option.data() + 4)};
    return true;
}

bool read_option(Bytes option, NdMessage& out) noexcept {
    switch (option[0]) {
        case kSourceLink: return read_link(option, out.source_link);
        case kTargetLink: return read_link(option, out.target_link);
        case kPrefix: return read_prefix(option, out);
        case kMtu:
            if (option.size() != kUnit) return false;
            out.mtu = load_be32(option.data() + 4);
            return true;
        default: return true;
    }
}

/// Writes options one behind the other.
class OptionWriter {
  public:
    explicit OptionWriter(uint8_t* at) noexcept : at_(at) {}

    /// Starts an option of this length, all zeros. @return its bytes.
    uint8_t* put(uint8_t kind, uint32_t bytes) noexcept {
        uint8_t* option = at_;
        std::memset(option, 0, bytes);
        option[0] = kind;
        option[1] = static_cast<uint8_t>(bytes / kUnit);
        at_ += bytes;
        return option;
    }
    void put_link(uint8_t kind, const std::optional<Mac>& mac) noexcept {
        if (mac) std::memcpy(put(kind, kUnit) + 2, mac->octets.data(), mac->octets.size());
    }
    uint8_t* end() const noexcept { return at_; }

  private:
    uint8_t* at_;
};

}  // namespace

bool parse_nd(Bytes icmp, NdMessage& out) noexcept {
    if (icmp.empty()) return false;
    const uint8_t* p = icmp.data();
    const uint32_t fixed = fixed_bytes(p[0]);
    if (fixed == 0 || icmp.size() < fixed || p[1] != 0) return false;
    out = NdMessage{};
    out.type = p[0];
    if (out.type == kNdRouterAdvertisement) out.router_lifetime_s = load_be16(p + 6);
    if (out.type == kNdNeighbourAdvertisement) {
        out.router = (p[4] & kRouter) != 0;
        out.solicited = (p[4] & kSolicited) != 0;
        out.overrides = (p[4] & kOverride) != 0;
    }
    if (fixed >= 24) out.target = load_ipv6(p + 8);
    if (fixed >= 40) out.destination = load_ipv6(p + 24);
    Bytes options = icmp.subspan(fixed);
    while (!options.empty()) {
        if (options.size() < kUnit) return false;
        const uint32_t length = options[1] * kUnit;
        if (length == 0 || length > options.size()) return false;
        if (!read_option(options.first(length), out)) return false;
        options = options.subspan(length);
    }
    return true;
}

uint32_t write_nd(uint8_t* out, const NdMessage& message) noexcept {
    const uint32_t fixed = fixed_bytes(message.type);
    std::memset(out, 0, fixed);
    out[0] = message.type;
    if (message.type == kNdRouterAdvertisement) store_be16(out + 6, message.router_lifetime_s);
    if (message.type == kNdNeighbourAdvertisement)
        out[4] = static_cast<uint8_t>((message.router ? kRouter : 0) | (message.solicited ? kSolicited : 0) |
                                      (message.overrides ? kOverride : 0));
    if (fixed >= 24) store_ipv6(out + 8, message.target);
    if (fixed >= 40) store_ipv6(out + 24, message.destination);
    OptionWriter options(out + fixed);
    options.put_link(kSourceLink, message.source_link);
    options.put_link(kTargetLink, message.target_link);
    if (message.mtu != 0) store_be32(options.put(kMtu, kUnit) + 4, message.mtu);
    for (const NdPrefix& prefix : message.all_prefixes()) {
        uint8_t* option = options.put(kPrefix, kPrefixBytes);
        option[2] = prefix.length;
        option[3] = prefix.on_link ? kOnLink : uint8_t{0};
        store_be32(option + 4, prefix.valid_s);
        store_ipv6(option + 16, prefix.prefix);
    }
    return static_cast<uint32_t>(options.end() - out);
}

}  // namespace synfin::wire
