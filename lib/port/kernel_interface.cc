#include "port/kernel_interface.hh"

#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace synfin::port {

namespace {

/// A socket for interface ioctls.
class ControlSocket {
  public:
    explicit ControlSocket(const std::string& interface)
        : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        interface.copy(request_.ifr_name, IFNAMSIZ - 1);
    }
    ~ControlSocket() {
        if (fd_ >= 0) close(fd_);
    }
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    /// Selects the interface with this index.
    bool find(int index) noexcept {
        request_.ifr_ifindex = index;
        return ask(SIOCGIFNAME);
    }
    bool ask(unsigned long code) noexcept { return fd_ >= 0 && ioctl(fd_, code, &request_) == 0; }
    bool ethtool(void* command) noexcept {
        request_.ifr_data = static_cast<char*>(command);
        return ask(SIOCETHTOOL);
    }
    const ifreq& answer() const noexcept { return request_; }

  private:
    int fd_;
    ifreq request_{};
};

std::optional<uint32_t> get_value(const std::string& interface, uint32_t command) {
    ethtool_value value{command, 0};
    if (!ControlSocket(interface).ethtool(&value)) return std::nullopt;
    return value.data;
}

bool set_value(const std::string& interface, uint32_t command, uint32_t data) {
    ethtool_value value{command, data};
    return ControlSocket(interface).ethtool(&value);
}

bool gro_is_on(const std::string& interface) {
    return get_value(interface, ETHTOOL_GGRO).value_or(0) != 0;
}
bool set_gro(const std::string& interface, bool on) {
    return set_value(interface, ETHTOOL_SGRO, on);
}
bool lro_is_on(const std::string& interface) {
    return (get_value(interface, ETHTOOL_GFLAGS).value_or(0) & ETH_FLAG_LRO) != 0;
}
bool set_lro(const std::string& interface, bool on) {
    const auto flags = get_value(interface, ETHTOOL_GFLAGS);
    if (!flags) return false;
    return set_value(interface, ETHTOOL_SFLAGS,
                     on ? *flags | ETH_FLAG_LRO : *flags & ~uint32_t{ETH_FLAG_LRO});
}

long bpf(int command, bpf_attr& attributes) {
    return syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

/// A program of two instructions that passes every frame: r0 = XDP_PASS; exit. Negative: errno.
int load_passing_program() {
    bpf_insn program[2]{};
    program[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
    program[0].dst_reg = BPF_REG_0;
    program[0].imm = XDP_PASS;
    program[1].code = BPF_JMP | BPF_EXIT;
    static const char license[] = "Apache-2.0";
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_XDP;
    load.insns = reinterpret_cast<uint64_t>(program);
    load.insn_cnt = 2;
    load.license = reinterpret_cast<uint64_t>(license);
    load.prog_flags = BPF_F_XDP_HAS_FRAGS;  // MTUs over a page; Linux 5.18
    int loaded = static_cast<int>(bpf(BPF_PROG_LOAD, load));
    if (loaded < 0 && errno == EINVAL) {
        load.prog_flags = 0;
        loaded = static_cast<int>(bpf(BPF_PROG_LOAD, load));
    }
    return loaded < 0 ? -errno : loaded;
}

/// Returns a BPF link, which keeps the program attached until it is closed. Negative: errno.
int attach_passing_program(int interface) {
    const int program = load_passing_program();
    if (program < 0) return program;
    bpf_attr attach{};
    attach.link_create.prog_fd = static_cast<uint32_t>(program);
    attach.link_create.target_ifindex = static_cast<uint32_t>(interface);
    attach.link_create.attach_type = BPF_XDP;
    attach.link_create.flags = XDP_FLAGS_DRV_MODE;
    const auto link = static_cast<int>(bpf(BPF_LINK_CREATE, attach));
    const int error = errno;
    close(program);  // the link holds it
    return link < 0 ? -error : link;
}

std::string interface_names() {
    std::string names;
    struct if_nameindex* all = if_nameindex();
    for (const struct if_nameindex* one = all; one != nullptr && one->if_index != 0; ++one)
        names += (names.empty() ? "" : ", ") + std::string(one->if_name);
    if_freenameindex(all);
    return names.empty() ? "none" : names;
}

}  // namespace

std::optional<InterfaceFacts> find_interface(const std::string& name, Refusal& refusal) {
    InterfaceFacts facts;
    facts.index = static_cast<int>(if_nametoindex(name.c_str()));
    if (facts.index == 0) {
        refusal.because(Error::no_device,
                        "no such interface: " + name + "; interfaces here: " + interface_names());
        return std::nullopt;
    }
    ControlSocket socket(name);
    if (socket.ask(SIOCGIFFLAGS)) facts.up = (socket.answer().ifr_flags & IFF_UP) != 0;
    if (socket.ask(SIOCGIFMTU))
        facts.mtu = static_cast<uint16_t>(std::clamp(socket.answer().ifr_mtu, 0, 65535));
    if (socket.ask(SIOCGIFHWADDR))
        std::copy_n(reinterpret_cast<const uint8_t*>(socket.answer().ifr_hwaddr.sa_data),
                    facts.mac.octets.size(), facts.mac.octets.begin());
    ethtool_drvinfo driver{};
    driver.cmd = ETHTOOL_GDRVINFO;
    if (socket.ethtool(&driver)) facts.driver = driver.driver;
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    if (socket.ethtool(&channels))
        facts.channels = static_cast<uint16_t>(
            std::clamp<uint32_t>(std::max(channels.combined_count, channels.rx_count), 1, 1024));
    return facts;
}

Link ask_kernel_link(int index) noexcept {
    ControlSocket socket("");
    if (!socket.find(index)) return {.up = false, .mbps = 0, .is_gone = errno == ENODEV};
    Link link;
    if (!socket.ask(SIOCGIFFLAGS)) return {.up = false, .mbps = 0, .is_gone = errno == ENODEV};
    constexpr short kUp = IFF_UP | IFF_RUNNING;
    link.up = (socket.answer().ifr_flags & kUp) == kUp;
    ethtool_cmd settings{};
    settings.cmd = ETHTOOL_GSET;
    if (link.up && socket.ethtool(&settings)) {
        const uint32_t mbps = ethtool_cmd_speed(&settings);
        link.mbps = mbps == static_cast<uint32_t>(SPEED_UNKNOWN) ? 0 : mbps;
    }
    return link;
}

bool kernel_speaks_ipv6(const std::string& name) {
    std::ifstream file("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6");
    char value = 0;
    return file.get(value) && value == '0';
}

WireLike::WireLike(const std::string& interface, const InterfaceFacts& facts)
    : interface_(interface), gro_was_on_(gro_is_on(interface)), lro_was_on_(lro_is_on(interface)) {
    if (facts.driver == "veth") {
        xdp_link_ = attach_passing_program(facts.index);
        if (xdp_link_ >= 0)
            notes_.push_back("XDP program that passes everything attached to " + interface +
                             ": the kernel's other end sends no TCP super-segments (undone at close)");
        else
            warnings_.push_back(
                "no XDP program on " + interface + " (" + std::strerror(-xdp_link_) +
                "): segments over the MTU will be lost; on the other end: ethtool -K PEER tso "
                "off gso off");
    }
    // After the program: attaching it switches GRO on.
    if (gro_is_on(interface)) {
        if (set_gro(interface, false))
            notes_.push_back("GRO switched off on " + interface + " (undone at close)");
        else
            warnings_.push_back("GRO is on on " + interface +
                                " and could not be switched off: merged segments will be lost; ethtool -K " +
                                interface + " gro off");
    }
    if (lro_was_on_) {
        if (set_lro(interface, false))
            notes_.push_back("LRO switched off on " + interface + " (undone at close)");
        else
            warnings_.push_back("LRO is on on " + interface +
                                " and could not be switched off: merged segments will be lost; ethtool -K " +
                                interface + " lro off");
    }
}

WireLike::~WireLike() {
    if (xdp_link_ >= 0) close(xdp_link_);
    if (gro_was_on_) set_gro(interface_, true);
    if (lro_was_on_) set_lro(interface_, true);
}

}  // namespace synfin::port
