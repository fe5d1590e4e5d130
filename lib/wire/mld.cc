#include "wire/mld.hh"

#include <cstring>

#include "wire/bytes.hh"

namespace synfin::wire {

namespace {
constexpr size_t kQuery1Bytes = 24, kQuery2Bytes = 28;

/// RFC 3810 5.1.3: milliseconds, from 32,768 on a floating-point number.
Duration response_time(uint16_t code) noexcept {
    if (code < 0x8000) return code * 1ms;
    return static_cast<int64_t>((code & 0xfffu) | 0x1000u) * (int64_t{1} << ((code >> 12 & 7u) + 3)) * 1ms;
}
}  // namespace

bool parse_mld_query(Bytes icmp, MldQuery& out) noexcept {
    // RFC 3810 8.1: the length tells the version.
    if (icmp.size() != kQuery1Bytes && icmp.size() < kQuery2Bytes) return false;
    const uint8_t* p = icmp.data();
    if (p[0] != kMldQuery) return false;
    out.version1 = icmp.size() == kQuery1Bytes;
    const uint16_t code = load_be16(p + 4);
    out.max_response = out.version1 ? code * 1ms : response_time(code);
    std::memcpy(out.group.octets.data(), p + 8, 16);
    if (out.version1) return true;
    return icmp.size() >= kQuery2Bytes + size_t{16} * load_be16(p + 26);
}

uint32_t write_mld_report2(uint8_t* out, uint8_t record_type, std::span<const Ipv6> groups) noexcept {
    std::memset(out, 0, 8);
    out[0] = kMldReport2;
    store_be16(out + 6, static_cast<uint16_t>(groups.size()));
    uint8_t* record = out + 8;
    for (const Ipv6& group : groups) {
        std::memset(record, 0, 4);  // no auxiliary data, no sources
        record[0] = record_type;
        std::memcpy(record + 4, group.octets.data(), 16);
        record += 20;
    }
    return static_cast<uint32_t>(record - out);
}

uint32_t write_mld_report1(uint8_t* out, const Ipv6& group) noexcept {
    std::memset(out, 0, 8);
    out[0] = kMldReport1;
    std::memcpy(out + 8, group.octets.data(), 16);
    return kQuery1Bytes;
}

}  // namespace synfin::wire
