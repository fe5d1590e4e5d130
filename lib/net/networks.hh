#pragma once
/// @file
/// Networks: which addresses are on link, for one family.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "synfin/units.hh"

namespace synfin::net {

/// Prefixes are nested or disjoint, so each has at most one smallest network around it. Built once.
/// @note cost: a lookup is a binary search among the networks, plus one step for each level of nesting.
template <typename Address>
class Networks {
  public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    struct Network {
        Address first{}, last{};
        uint32_t own = 0;         ///< index of our first address with this prefix
        uint32_t around = kNone;  ///< position of the smallest network that contains this one
    };

    /// @param networks first, last and own of each, in any order; duplicates are allowed.
    void build(std::vector<Network> networks) {
        list_ = std::move(networks);
        std::sort(list_.begin(), list_.end(), [](const Network& a, const Network& b) {
            if (a.first != b.first) return a.first < b.first;
            return a.last != b.last ? b.last < a.last : a.own < b.own;
        });
        const auto is_same = [](const Network& a, const Network& b) {
            return a.first == b.first && a.last == b.last;
        };
        list_.erase(std::unique(list_.begin(), list_.end(), is_same), list_.end());
        uint32_t around = kNone;
        for (uint32_t i = 0; i < list_.size(); ++i) {
            while (around != kNone && list_[around].last < list_[i].first) around = list_[around].around;
            list_[i].around = around;
            around = i;
        }
    }

    bool contain(const Address& addr) const noexcept { return smallest(addr) != kNone; }

    /// The lowest `own` of all networks that contain the address; kNone: none does.
    uint32_t own_towards(const Address& addr) const noexcept {
        uint32_t own = kNone;
        for (uint32_t i = smallest(addr); i != kNone; i = list_[i].around) own = std::min(own, list_[i].own);
        return own;
    }

    const std::vector<Network>& all() const noexcept { return list_; }

  private:
    /// The smallest network that contains the address.
    uint32_t smallest(const Address& addr) const noexcept {
        const auto after =
            std::upper_bound(list_.begin(), list_.end(), addr,
                             [](const Address& value, const Network& n) { return value < n.first; });
        auto i = static_cast<uint32_t>(after - list_.begin()) - 1;  // kNone if it is before all networks
        while (i != kNone && list_[i].last < addr) i = list_[i].around;
        return i;
    }

    std::vector<Network> list_;
};

}  // namespace synfin::net
