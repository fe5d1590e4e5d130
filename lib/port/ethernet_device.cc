#include "port/ethernet_device.hh"

#include <linux/bpf.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_version.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>
#include <string_view>

#include "port/driver_facts.hh"
#include "port/eal.hh"
#include "port/multicast_groups.hh"
#include "port/rss_settings.hh"

namespace synfin::port {

namespace {

constexpr uint16_t kVlanTag = 4;
constexpr uint16_t kEthernetHeader = 14 + kVlanTag;
constexpr uint16_t kDescriptors = 1024;
constexpr uint32_t kHeldPackets =
    8192;  // for packets that an engine and its application hold, and pool caches

/// On each queue, this many of the device's verdicts are compared with the packets.
constexpr uint32_t kAudits = 1024;

/// Large packets of an engine, in addition to those in the device's tx ring.
constexpr uint32_t kHeldLarge = 128;

/// Drivers' names of the counters for frames shorter than 64 bytes, and longer than the limit.
constexpr std::string_view kRuntNames[] = {"rx_undersize_errors", "rx_undersized_errors",
                                           "rx_fragmented_errors", "rx_fragment_errors"};
constexpr std::string_view kGiantNames[] = {"rx_oversize_errors", "rx_jabber_errors"};

/// The driver's smallest buffer, if known before the driver reports it.
uint32_t least_buffer(const DeviceSpec& spec, uint32_t frame) {
    if (spec.kind == DeviceKind::af_xdp) return frame + XDP_PACKET_HEADROOM;
    return 0;
}

uint32_t packets_per_engine(const DeviceConfig& config) {
    return (config.packets != 0 ? config.packets : 4 * kDescriptors + kHeldPackets) + config.impair.held();
}

/// Bytes of an engine's large packets, in case the device supports TSO.
uint64_t most_large_bytes(const DeviceConfig& config, uint16_t frame) {
    if (config.spec.kind != DeviceKind::pci || config.no_offload || !has_use_for_large(frame)) return 0;
    return uint64_t{kDescriptors + kHeldLarge} * PacketSize::for_frame(kLargeFrame, 0).total;
}

/// A virtual device's name is unique in the process, because a closed one may be opened again.
unsigned next_vdev_index() {
    static unsigned index = 0;
    return index++;
}

std::vector<uint8_t> make_rss_key(HashKey secret, size_t bytes) {
    std::vector<uint8_t> key(bytes);
    for (size_t i = 0; i < bytes; ++i)
        key[i] = static_cast<uint8_t>(siphash(secret, i, 0x727373 /* "rss" */));
    return key;
}

}  // namespace

std::unique_ptr<Device> EthernetDevice::open(const DeviceConfig& config, Refusal& refusal) {
    std::unique_ptr<EthernetDevice> device(new EthernetDevice(config));
    const auto facts = check_host(config.spec, device->device_mtu(), config.engines, refusal);
    if (!facts) return nullptr;
    device->frame_ = static_cast<uint16_t>(device->device_mtu() + kEthernetHeader);
    const PacketSize size = PacketSize::for_frame(device->frame_, least_buffer(config.spec, device->frame_));
    const EalState* eal = start_eal({config.no_huge, config.verbose,
                                     config.engines * (uint64_t{packets_per_engine(config)} * size.total +
                                                       most_large_bytes(config, device->frame_)),
                                     config.spec.kind == DeviceKind::pci ? config.spec.target : ""},
                                    refusal);
    if (eal == nullptr) return nullptr;
    device->report_.memory = eal->memory;
    device->report_.hugepages = eal->hugepages;

    const bool good = device->attach(*facts, refusal) && device->configure(refusal) &&
                      device->make_pools(refusal) && device->set_up_queues(refusal) && device->start(refusal);
    if (!good) return nullptr;
    device->receive_groups();
    device->plan_steering();
    device->wait_for_link();
    device->make_ports();
    device->find_frame_counters();
    EthernetDevice* self = device.get();
    device->link_watch_ = std::make_unique<LinkWatch>(
        Link{device->report_.link_up, device->report_.link_mbps}, [self] { return self->ask_link(); });
    return device;
}

EthernetDevice::~EthernetDevice() {
    link_watch_.reset();
    ports_.clear();
    if (started_) rte_eth_dev_stop(id_);
    if (!attached_) return;
    rte_eth_dev_close(id_);
    if (info_.device != nullptr) rte_dev_remove(info_.device);
}

bool EthernetDevice::refuse(int error, const std::string& what, Refusal& refusal) const {
    const int code = error < 0 ? -error : error;
    return refusal.because(code == EACCES || code == EPERM ? Error::no_permission
                           : code == ENOMEM                ? Error::no_memory
                                                           : Error::device_failed,
                           config_.spec.text + ": " + what + " (" + rte_strerror(code) + ")" + eal_hint());
}

bool EthernetDevice::attach(const HostFacts& facts, Refusal& refusal) {
    const DeviceKind kind = config_.spec.kind;
    VdevNeeds needs;
    needs.index = next_vdev_index();
    needs.frame = frame_;
    needs.ring = kDescriptors;
    needs.queues = static_cast<uint16_t>(config_.engines);
    if (kind == DeviceKind::af_xdp) needs.queues = std::min(needs.queues, facts.interface->channels);
    if (!probe(devargs(config_.spec, needs), refusal)) return false;
    attached_ = true;
    if (config_.spec.is_kernel_interface())
        interface_ = static_cast<int>(if_nametoindex(config_.spec.target.c_str()));
    if (const int error = rte_eth_dev_info_get(id_, &info_); error != 0)
        return refuse(error, "the driver does not report its capabilities", refusal);
    return true;
}

bool EthernetDevice::probe(const std::string& args, Refusal& refusal) {
    const std::string name = args.substr(0, args.find(','));
    if (rte_eth_dev_get_port_by_name(name.c_str(), &id_) == 0) {
        if (config_.spec.kind == DeviceKind::pci) return true;  // found when DPDK was started
        return refusal.because(Error::in_use, config_.spec.text + ": a device " + name + " is already open");
    }
    const int error = rte_dev_probe(args.c_str());
    if (error != 0) return refuse(error, "DPDK's driver refused it", refusal);
    if (rte_eth_dev_get_port_by_name(name.c_str(), &id_) == 0) return true;
    return refusal.because(Error::no_device, config_.spec.text + ": no DPDK driver accepted it" + eal_hint());
}

/// A card may fill in verdicts without a request (seen: "good" for every frame while the offload is off), and
/// a driver's verdicts may be false: see DevicePort::audit().
RxScrutiny EthernetDevice::choose_scrutiny() const {
    RxScrutiny scrutiny;
    scrutiny.kernel_checksums = is_host_memory(config_.spec);
    scrutiny.forget = (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK) & ~offloads_.rx_verdicts;
    scrutiny.audits = offloads_.rx_verdicts != 0 ? kAudits : 0;
    // For a virtual function, the physical function's driver may strip tags without a request (seen: Linux's
    // igb).
    scrutiny.vid = caps_.vid;
    scrutiny.retag = config_.vlan && caps_.vid == 0 && config_.spec.kind == DeviceKind::pci;
    for (uint16_t queue = 0; queue < queues_.rx; ++queue) {
        rte_eth_rxq_info queue_info{};
        if (rte_eth_rx_queue_info_get(id_, queue, &queue_info) == 0)
            scrutiny.join |= queue_info.scattered_rx != 0;
    }
    return scrutiny;
}

bool EthernetDevice::configure(Refusal& refusal) {
    queues_ = plan_queues(config_.spec, config_.engines, info_);
    rte_eth_conf conf{};
    if (queues_.rss) {
        rss_key_ = make_rss_key(config_.key, rss_key_bytes(info_));
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_key = rss_key_.data();
        conf.rx_adv_conf.rss_conf.rss_key_len = rss_key_bytes(info_);
        conf.rx_adv_conf.rss_conf.rss_hf = queues_.rss_types;
    }
    offloads_ = plan_offloads(config_, info_, frame_, least_buffer(config_.spec, frame_));
    caps_ = offloads_.caps;
    report_.offloads = offloads_.report;
    conf.rxmode.offloads = offloads_.rx;
    conf.txmode.offloads = offloads_.tx;
    if (const int error = rte_eth_dev_configure(id_, queues_.rx, queues_.tx, &conf); error != 0)
        return refuse(error, "the driver refused its configuration", refusal);
    return set_mtu(conf, refusal);
}

/// Devices allow one tag beyond their MTU. The second tag counts towards the MTU.
uint16_t EthernetDevice::device_mtu() const noexcept {
    return static_cast<uint16_t>(config_.mtu + (config_.outer_vlan ? kVlanTag : 0));
}

/// Kernel interfaces already have their MTU (check_host() verified it), memory devices have none.
bool EthernetDevice::set_mtu(rte_eth_conf& conf, Refusal& refusal) {
    const DeviceKind kind = config_.spec.kind;
    if (kind != DeviceKind::pci && kind != DeviceKind::vdev && kind != DeviceKind::tap) return true;
    uint16_t now = 0;
    const uint16_t wanted = device_mtu();
    if (rte_eth_dev_get_mtu(id_, &now) == 0 && now == wanted) return true;
    int error = rte_eth_dev_set_mtu(id_, wanted);
    if (error == -ENOTSUP) {  // some drivers take the MTU only at configuration
        conf.rxmode.mtu = wanted;
        error = rte_eth_dev_configure(id_, queues_.rx, queues_.tx, &conf);
    }
    if (error == 0 || wanted <= now) return true;  // a larger MTU than ours does no harm
    return refuse(error, "the device refused an MTU of " + std::to_string(wanted), refusal);
}

bool EthernetDevice::make_pools(Refusal& refusal) {
    rx_descriptors_ = tx_descriptors_ = kDescriptors;
    if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors_, &tx_descriptors_);
        error != 0)
        return refuse(error, "the driver accepts no number of descriptors", refusal);
    const PacketSize& size = offloads_.packet;
    const uint32_t packets = packets_per_engine(config_);
    const uint32_t least = uint32_t{rx_descriptors_} + tx_descriptors_ + 1024;
    if (packets < least)
        return refusal.because(Error::invalid, std::to_string(packets) +
                                                   " packets for each engine: " + config_.spec.text +
                                                   " needs " + std::to_string(least) + " at least");
    report_.packets_per_engine = packets;
    report_.packet_bytes = size.total;
    return fill(pools_, packets, size, refusal) && (caps_.large_frame == 0 || make_large_pools(refusal));
}

bool EthernetDevice::make_large_pools(Refusal& refusal) {
    const PacketSize size = PacketSize::for_frame(caps_.large_frame, 0);
    const uint32_t packets = tx_descriptors_ + kHeldLarge;
    report_.large_per_engine = packets;
    report_.large_bytes = size.total;
    return fill(large_pools_, packets, size, refusal);
}

/// One pool for each engine.
bool EthernetDevice::fill(std::vector<PacketPool>& pools, uint32_t packets, const PacketSize& size,
                          Refusal& refusal) {
    for (unsigned engine = 0; engine < config_.engines; ++engine) {
        PacketPool pool = make_pool(packets, size, rte_eth_dev_socket_id(id_), Access::device, refusal);
        if (!pool) return false;
        pools.push_back(std::move(pool));
    }
    return true;
}

bool EthernetDevice::set_up_queues(Refusal& refusal) {
    const int node = rte_eth_dev_socket_id(id_);
    for (uint16_t queue = 0; queue < queues_.rx; ++queue)
        if (const int error = rte_eth_rx_queue_setup(id_, queue, rx_descriptors_, static_cast<unsigned>(node),
                                                     nullptr, pools_[queue].get());
            error != 0)
            return refuse(error,
                          "rx queue " + std::to_string(queue) + " could not be set up" +
                              (config_.spec.kind == DeviceKind::af_xdp
                                   ? "; another process may use it: ip link show dev " + config_.spec.target +
                                         " shows its XDP program"
                                   : ""),
                          refusal);
    for (uint16_t queue = 0; queue < queues_.tx; ++queue)
        if (const int error =
                rte_eth_tx_queue_setup(id_, queue, tx_descriptors_, static_cast<unsigned>(node), nullptr);
            error != 0)
            return refuse(error, "tx queue " + std::to_string(queue) + " could not be set up", refusal);
    return true;
}

bool EthernetDevice::start(Refusal& refusal) {
    if (const int error = rte_eth_dev_start(id_); error != 0)
        return refuse(error, "the device did not start", refusal);
    started_ = true;
    // With two tags, a card may filter by the outer one or by the first 802.1Q tag.
    for (const auto vid : {config_.outer_vlan, config_.vlan}) {
        if (!vid || !offloads_.filters_vlans) continue;
        if (const int error = rte_eth_dev_vlan_filter(id_, *vid, 1); error != 0)
            return refuse(error, "the device refused to let VLAN " + std::to_string(*vid) + " pass", refusal);
    }
    rte_ether_addr address{};
    if (const int error = rte_eth_macaddr_get(id_, &address); error != 0)
        return refuse(error, "the device does not report its MAC address", refusal);
    std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), caps_.mac.octets.begin());
    // The driver reports the address of the tap's kernel end; our end needs another one.
    if (config_.spec.kind == DeviceKind::tap) {
        caps_.mac.octets[0] = static_cast<uint8_t>((caps_.mac.octets[0] & 0xfe) | 0x02);
        caps_.mac.octets[5] ^= 0x01;
    }
    return true;
}

void EthernetDevice::plan_steering() {
    if (config_.engines == 1) {
        report_.steering_why = "one core";
        plan_ = std::make_unique<SteeringPlan>(1, config_.key);
        return;
    }
    std::string why_not = "one rx queue";
    if (config_.spec.is_kernel_interface()) why_not = "the kernel distributes flows by its own hash";
    RssSettings rss;
    if (queues_.rss) why_not = settle_rss(id_, info_, queues_, rss_key_, rss);
    if (!queues_.rss || !why_not.empty()) {
        report_.steering_why = why_not + "; the polling cores forward packets to their engines";
        plan_ = std::make_unique<SteeringPlan>(config_.engines, config_.key);
        return;
    }
    report_.steering_why = "Toeplitz with our key, " + std::to_string(info_.reta_size) +
                           " table entries read back; source ports are chosen by prediction";
    plan_ = std::make_unique<SteeringPlan>(config_.engines, config_.key, RssPrediction(rss.key, rss.reta));
    if (rss.hashes_v6)
        plan_->predict_v6(RssPrediction6(rss.key, rss.reta));
    else if (!config_.addresses6.empty())
        report_.steering_why += "; the polling cores forward IPv6, whose ports the device does not hash";
}

/// Neighbours find us by multicast. Not needed without IPv6, and then the filter stays as it is.
void EthernetDevice::receive_groups() {
    if (config_.addresses6.empty()) return;
    if (config_.spec.kind == DeviceKind::af_xdp) {
        groups_ = std::make_unique<GroupMembership>(interface_, groups_of(config_.addresses6, caps_.mac));
        if (!groups_->why_not().empty()) report_.warnings.push_back(groups_->why_not());
        return;
    }
    if (config_.spec.kind != DeviceKind::pci && config_.spec.kind != DeviceKind::vdev) return;
    const auto groups = groups_of(config_.addresses6, caps_.mac);
    static_assert(sizeof(Mac) == sizeof(rte_ether_addr));
    std::vector<rte_ether_addr> list(groups.size());
    std::memcpy(list.data(), groups.data(), groups.size() * sizeof(Mac));
    if (list.size() <= kMostGroups &&
        rte_eth_dev_set_mc_addr_list(id_, list.data(), static_cast<uint32_t>(list.size())) == 0)
        return;
    if (rte_eth_allmulticast_enable(id_) == 0)
        report_.notes.push_back("receives all multicast frames: " +
                                (list.size() > kMostGroups
                                     ? std::to_string(list.size()) + " groups are more than a list takes"
                                     : std::string("the driver takes no list of groups")));
    else if (config_.spec.kind == DeviceKind::pci)  // virtual devices mostly have no filter
        report_.warnings.push_back(
            "the device does not let multicast frames in, so IPv6 neighbours do not find our addresses: give "
            "them static entries (ip -6 neigh add ADDRESS lladdr " +
            caps_.mac.text() + " dev INTERFACE)");
}

Link EthernetDevice::ask_link() const {
    if (interface_ != 0)
        if (const Link link = ask_kernel_link(interface_); link.is_gone || !link.up) return link;
    const std::lock_guard lock(asking_);
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(id_, &link) != 0) return {};
    return {link.link_status == RTE_ETH_LINK_UP,
            link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed, false};
}

void EthernetDevice::find_frame_counters() {
    const auto find = [&](std::span<const std::string_view> names, std::vector<uint64_t>& ids) {
        for (const std::string_view name : names)
            if (uint64_t id = 0; rte_eth_xstats_get_id_by_name(id_, name.data(), &id) == 0) ids.push_back(id);
    };
    find(kRuntNames, runt_counters_);
    find(kGiantNames, giant_counters_);
}

void EthernetDevice::wait_for_link() {
    const DeviceKind kind = config_.spec.kind;
    // These get a link when a peer connects, which may be much later.
    const bool meets_a_peer = kind == DeviceKind::vhost || kind == DeviceKind::virtio_user;
    const Link link =
        port::wait_for_link([this] { return ask_link(); }, meets_a_peer ? Duration(0s) : config_.link_wait);
    report_.link_up = link.up;
    report_.link_mbps = link.mbps;
    if (!report_.link_up)
        (meets_a_peer ? report_.notes : report_.warnings)
            .push_back(meets_a_peer ? "no link yet: no peer has connected"
                                    : "no link: check the cable or the other end");
}

void EthernetDevice::make_ports() {
    const unsigned engines = config_.engines;
    const RxScrutiny scrutiny = choose_scrutiny();
    for (unsigned engine = 0; engine < engines; ++engine) {
        DevicePort::Queues queues;
        queues.device = id_;
        queues.rx = engine < queues_.rx ? static_cast<uint16_t>(engine) : DevicePort::kNone;
        queues.tx = engine < queues_.tx ? static_cast<uint16_t>(engine) : DevicePort::kNone;
        for (unsigned client = queues_.tx; client < engines; ++client)
            if (client % queues_.tx == engine) queues.tx_clients.push_back(client);
        queues.scrutiny = scrutiny;
        if (caps_.large_frame != 0) queues.large_pool = large_pools_[engine].get();
        ports_.push_back(std::make_unique<DevicePort>(engine, queues, *plan_, pools_[engine].get(), caps_));
    }
    report_.device = config_.spec.text;
    report_.driver = info_.driver_name;
    report_.dpdk = rte_version();
    report_.mac = caps_.mac;
    report_.mtu = config_.mtu;
    report_.engines = engines;
    report_.rx_queues = queues_.rx;
    report_.tx_queues = queues_.tx;
    report_.rx_descriptors = rx_descriptors_;
    report_.tx_descriptors = tx_descriptors_;
    report_.rx_burst = caps_.rx_burst;
    report_.tx_burst = caps_.tx_burst;
    report_.steering = plan_->kind();
}

DeviceStats EthernetDevice::stats() const {
    DeviceStats sum;
    add_device_counters(sum);
    for (const auto& port : ports_) add_port_counters(port->counters(), sum);
    add_link_history(link_watch_->history(), sum);
    return sum;
}

void EthernetDevice::add_device_counters(DeviceStats& sum) const {
    const std::lock_guard lock(asking_);
    rte_eth_stats device{};
    if (rte_eth_stats_get(id_, &device) == 0) {
        sum.rx_packets = device.ipackets;
        sum.rx_bytes = device.ibytes;
        sum.tx_packets = device.opackets;
        sum.tx_bytes = device.obytes;
        sum.rx_missed = device.imissed;
        sum.rx_errors = device.ierrors;
        sum.rx_no_buffer = device.rx_nombuf;
        sum.tx_errors = device.oerrors;
    }
    const auto read = [&](const std::vector<uint64_t>& ids) {
        std::vector<uint64_t> values(ids.size());
        const auto n = static_cast<unsigned>(ids.size());
        if (n == 0 || rte_eth_xstats_get_by_id(id_, ids.data(), values.data(), n) != static_cast<int>(n))
            return uint64_t{0};
        return std::accumulate(values.begin(), values.end(), uint64_t{0});
    };
    sum.runts = read(runt_counters_);
    sum.giants = read(giant_counters_);
}

}  // namespace synfin::port
