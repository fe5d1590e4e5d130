#include "net/router_discovery.hh"

#include <algorithm>

#include "wire/ipv6.hh"

namespace synfin::net {

namespace {
constexpr uint32_t kForever = 0xffff'ffff;  ///< seconds
}

RouterDiscovery::RouterDiscovery(LocalAddresses& ours, const Mac& mac, bool on, bool sends, uint16_t mtu,
                                 Counters& counters) noexcept
    : ours_(ours),
      counters_(counters),
      mac_(mac),
      configured_(ours.gateway6()),
      is_on_(on && ours.count6() != 0),
      sends_(sends),
      most_mtu_(mtu),
      mtu_(mtu) {
    if (is_on_) due_ = Instant{};
}

bool RouterDiscovery::hear(const Ipv6& router, const wire::NdMessage& message, Instant now) noexcept {
    if (!is_on_) {
        counters_.drop(DropReason::router_ignored);
        return false;
    }
    uint32_t ignored = message.prefixes_left_out;
    uint32_t i = 0;
    while (i < router_count_ && routers_[i].address != router) ++i;
    if (message.router_lifetime_s == 0) {
        if (i < router_count_) remove_router(i, now);
    } else if (i < router_count_ || router_count_ < kMostRouters) {
        routers_[i] = {router, now + std::chrono::seconds(message.router_lifetime_s)};
        if (i == router_count_) ++router_count_;
        use_gateway();
    } else {
        ++ignored;
    }
    for (const wire::NdPrefix& prefix : message.all_prefixes()) {
        if (!prefix.on_link || prefix.prefix.is_link_local() || prefix.prefix.is_multicast()) continue;
        ignored += hear_prefix(prefix, now) ? 0 : 1;
    }
    use_prefixes();
    // RFC 4861 6.3.4: only values that every IPv6 link must carry, and that this link can carry.
    if (message.mtu >= wire::kLeastIpv6Mtu && message.mtu <= most_mtu_)
        mtu_ = static_cast<uint16_t>(message.mtu);
    if (ignored != 0) counters_.drop(DropReason::router_ignored);
    schedule();
    return i < router_count_;
}

/// @return false: it is ignored. A prefix of length 0 would leave no use for a gateway.
bool RouterDiscovery::hear_prefix(const wire::NdPrefix& prefix, Instant now) noexcept {
    const Cidr cidr{prefix.prefix, prefix.length};
    uint32_t i = 0;
    while (i < prefix_count_ &&
           (prefixes_[i].cidr.prefix != cidr.prefix || !cidr.contains(prefixes_[i].cidr.addr)))
        ++i;
    if (prefix.valid_s == 0) {
        if (i < prefix_count_) prefixes_[i] = prefixes_[--prefix_count_];
        return true;
    }
    if (i == prefixes_.size() || prefix.length == 0) return false;
    prefixes_[i] = {cidr, prefix.valid_s == kForever ? kNever : now + std::chrono::seconds(prefix.valid_s)};
    if (i == prefix_count_) ++prefix_count_;
    return true;
}

void RouterDiscovery::no_router(const Ipv6& neighbour, Instant now) noexcept {
    for (uint32_t i = 0; i < router_count_; ++i) {
        if (routers_[i].address != neighbour) continue;
        remove_router(i, now);
        schedule();
        return;
    }
}

/// Without another router, it asks again.
void RouterDiscovery::remove_router(uint32_t i, Instant now) noexcept {
    std::copy(routers_.begin() + i + 1, routers_.begin() + router_count_, routers_.begin() + i);
    --router_count_;
    use_gateway();
    if (router_count_ != 0) return;
    asked_ = 0;
    has_given_up_ = false;
    // Not sooner after the last solicitation than RTR_SOLICITATION_INTERVAL: forged advertisements that come
    // and go would otherwise make us flood all routers.
    ask_at_ = std::max(ask_at_, now);
}

/// The gateway does not answer: it becomes the last choice (RFC 4861 6.3.6).
void RouterDiscovery::use_next_router() noexcept {
    std::rotate(routers_.begin(), routers_.begin() + 1, routers_.begin() + router_count_);
    use_gateway();
}

void RouterDiscovery::expire(Instant now) noexcept {
    for (uint32_t i = router_count_; i-- != 0;)
        if (now >= routers_[i].until) remove_router(i, now);
    const uint32_t before = prefix_count_;
    for (uint32_t i = prefix_count_; i-- != 0;)
        if (now >= prefixes_[i].until) prefixes_[i] = prefixes_[--prefix_count_];
    if (prefix_count_ != before) use_prefixes();
}

/// The next time at which poll() has to look.
void RouterDiscovery::schedule() noexcept {
    due_ = kNever;
    if (router_count_ == 0 && !has_given_up_) due_ = ask_at_;
    if (router_count_ > 1) due_ = check_at_;
    for (uint32_t i = 0; i < router_count_; ++i) due_ = std::min(due_, routers_[i].until);
    for (uint32_t i = 0; i < prefix_count_; ++i) due_ = std::min(due_, prefixes_[i].until);
}

void RouterDiscovery::use_gateway() noexcept {
    const Ipv6& gateway = router_count_ == 0 ? configured_ : routers_[0].address;
    if (gateway == ours_.gateway6()) return;
    ours_.set_gateway6(gateway);
    counters_.add(Counter::router_changes);
}

void RouterDiscovery::use_prefixes() noexcept {
    std::array<Cidr, LocalAddresses::kMostLearned> all;
    for (uint32_t i = 0; i < prefix_count_; ++i) all[i] = prefixes_[i].cidr;
    ours_.set_learned(std::span<const Cidr>(all).first(prefix_count_));
}

DiscoveryPacket RouterDiscovery::solicitation() const noexcept {
    DiscoveryPacket out;
    out.source = ours_.link_local6();
    out.destination = kAllRouters;
    out.to = multicast_mac(kAllRouters);
    out.nd.type = wire::kNdRouterSolicitation;
    out.nd.source_link = mac_;
    return out;
}

}  // namespace synfin::net
