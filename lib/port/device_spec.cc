#include "port/device_spec.hh"

#include <algorithm>
#include <cctype>

namespace synfin::port {

namespace {

constexpr size_t kMaxInterfaceName = 15;  // IFNAMSIZ less its NUL
constexpr size_t kMaxSocketPath = 107;    // sockaddr_un::sun_path less its NUL
constexpr uint32_t kPage = 4096;

constexpr struct {
    DeviceKind kind;
    std::string_view word;
} kKinds[] = {
    {DeviceKind::pci, "pci"},   {DeviceKind::af_xdp, "af_xdp"}, {DeviceKind::af_packet, "af_packet"},
    {DeviceKind::tap, "tap"},   {DeviceKind::memif, "memif"},   {DeviceKind::vhost, "vhost"},
    {DeviceKind::ring, "ring"}, {DeviceKind::vdev, "vdev"},     {DeviceKind::virtio_user, "virtio-user"},
};

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

bool is_hex(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c); });
}

/// Completes [DDDD:]BB:DD.F with the domain. Empty when the text is no PCI address.
std::string pci_address(std::string_view text) {
    std::string full(text);
    if (full.size() == 7) full.insert(0, "0000:");
    const bool shape = full.size() == 12 && full[4] == ':' && full[7] == ':' && full[10] == '.';
    if (!shape) return {};
    const std::string_view view(full);
    const bool digits = is_hex(view.substr(0, 4)) && is_hex(view.substr(5, 2)) && is_hex(view.substr(8, 2)) &&
                        view[11] >= '0' && view[11] <= '7';
    return digits ? full : std::string();
}

bool good_interface(std::string_view text) {
    return !text.empty() && text.size() <= kMaxInterfaceName && text != "." && text != ".." &&
           std::none_of(text.begin(), text.end(),
                        [](unsigned char c) { return std::isspace(c) || c == '/' || c == ','; });
}

bool good_path(std::string_view text) {
    return !text.empty() && text.size() <= kMaxSocketPath && text.find(',') == text.npos;
}

}  // namespace

std::string_view name(DeviceKind kind) noexcept {
    for (const auto& known : kKinds)
        if (known.kind == kind) return known.word;
    return "?";
}

std::optional<DeviceSpec> parse_device(std::string_view text, Refusal& refusal) {
    const size_t colon = text.find(':');
    const std::string_view word = text.substr(0, colon);
    const std::string_view rest = colon == text.npos ? std::string_view() : text.substr(colon + 1);
    const auto* known = std::find_if(std::begin(kKinds), std::end(kKinds),
                                     [&](const auto& candidate) { return candidate.word == word; });
    auto refuse = [&](const std::string& expected) {
        refusal.because(Error::invalid, "device " + quoted(text) + ": expected " + expected);
        return std::nullopt;
    };
    if (known == std::end(kKinds)) {
        if (colon == text.npos && good_interface(text))
            return refuse("one of " + std::string(kDeviceForms) +
                          "; for an interface of the kernel: af_packet:" + std::string(text));
        return refuse("one of " + std::string(kDeviceForms));
    }

    DeviceSpec spec{known->kind, std::string(text), std::string(rest), MemifRole::client};
    switch (spec.kind) {
        case DeviceKind::ring:
            if (colon != text.npos)
                return refuse("'ring' alone, found ':" + std::string(rest) + "' after it");
            break;
        case DeviceKind::pci:
            spec.target = pci_address(rest);
            if (spec.target.empty())
                return refuse("a PCI address as pci:0000:3b:00.0, found " + quoted(rest));
            break;
        case DeviceKind::af_xdp:
        case DeviceKind::af_packet:
        case DeviceKind::tap:
            if (!good_interface(rest))
                return refuse("an interface name of 1 to 15 characters after '" + std::string(word) +
                              ":', found " + quoted(rest));
            break;
        case DeviceKind::memif: {
            const size_t comma = rest.find(',');
            const std::string_view role = comma == rest.npos ? "client" : rest.substr(comma + 1);
            spec.target = std::string(rest.substr(0, comma));
            if (role != "client" && role != "server")
                return refuse("memif:PATH,server or memif:PATH,client, found " + quoted(role));
            spec.role = role == "server" ? MemifRole::server : MemifRole::client;
            if (!good_path(spec.target))
                return refuse("the path of a socket (1 to 107 bytes), found " + quoted(spec.target));
            break;
        }
        case DeviceKind::vhost:
        case DeviceKind::virtio_user:
            if (!good_path(rest))
                return refuse("the path of a socket (1 to 107 bytes, no comma), found " + quoted(rest));
            break;
        case DeviceKind::vdev:
            if (rest.empty()) return refuse("DPDK's devargs as vdev:net_null0,size=64");
            break;
    }
    return spec;
}

uint32_t af_packet_slot(uint32_t frame) noexcept {
    // The kernel puts its header (TPACKET2_HDRLEN, at most 80 bytes) and room for a VLAN tag before the
    // frame.
    const uint32_t needed = frame + 96;
    if (needed <= kPage / 2) return kPage / 2;
    return (needed + kPage - 1) / kPage *
           kPage;  // a block is then one slot, which need not be a power of two
}

std::string devargs(const DeviceSpec& spec, const VdevNeeds& needs) {
    const std::string index = std::to_string(needs.index);
    const std::string queues = std::to_string(needs.queues);
    switch (spec.kind) {
        case DeviceKind::ring:
        case DeviceKind::af_packet:
        case DeviceKind::memif: return {};
        case DeviceKind::pci:
        case DeviceKind::vdev: return spec.target;
        case DeviceKind::af_xdp:
            return "net_af_xdp" + index + ",iface=" + spec.target + ",start_queue=0,queue_count=" + queues;
        case DeviceKind::tap: return "net_tap" + index + ",iface=" + spec.target;
        case DeviceKind::vhost:
            return "net_vhost" + index + ",iface=" + spec.target + ",queues=1,client=0,tso=0";
        case DeviceKind::virtio_user:
            return "net_virtio_user" + index + ",path=" + spec.target +
                   ",queues=1,queue_size=" + std::to_string(needs.ring) + ",server=0";
    }
    return {};
}

}  // namespace synfin::port
