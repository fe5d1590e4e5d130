#pragma once
/// @file
/// SourceSets: the source addresses that each target (call) can be reached from, and whose turn it is.

#include <cstdint>
#include <utility>
#include <vector>

#include "source_turns.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// A set for each family; link-local IPv6 addresses are one of their own (RFC 6724 5, rule 2): they serve
/// link-local targets, and global addresses serve global ones. Link-local targets fall back to global
/// sources.
class SourceSets {
  public:
    /// @param targets by call
    SourceSets(const std::vector<IpAddress>& sources, const std::vector<IpAddress>& targets, unsigned engine,
               unsigned engines) {
        std::vector<IpAddress> by_kind[kKinds];
        for (const IpAddress& source : sources) by_kind[kind_of(source)].push_back(source);
        size_t calls[kKinds] = {};
        for (const IpAddress& target : targets) {
            size_t kind = kind_of(target);
            if (kind == kLinkLocal && by_kind[kind].empty()) kind = kGlobal6;
            kind_of_call_.push_back(static_cast<uint8_t>(kind));
            ++calls[kind];
        }
        for (size_t kind = 0; kind < kKinds; ++kind) {
            const size_t n = by_kind[kind].size();
            sets_.push_back({std::move(by_kind[kind]), SourceTurns(n, calls[kind], engine, engines)});
        }
    }

    /// How many sources a call has; 0: none of its family.
    size_t size(uint32_t call) const noexcept { return sets_[kind_of_call_[call]].addresses.size(); }
    /// The next source of a call. The call has one.
    const IpAddress& next(uint32_t call) noexcept {
        Set& set = sets_[kind_of_call_[call]];
        return set.addresses[set.turns.next()];
    }

  private:
    static constexpr size_t kV4 = 0, kGlobal6 = 1, kLinkLocal = 2, kKinds = 3;
    static size_t kind_of(const IpAddress& addr) noexcept {
        return addr.is_v4() ? kV4 : addr.v6.is_link_local() ? kLinkLocal : kGlobal6;
    }
    struct Set {
        std::vector<IpAddress> addresses;
        SourceTurns turns;
    };
    std::vector<Set> sets_;  ///< by kind
    std::vector<uint8_t> kind_of_call_;
};

}  // namespace synfin::app
