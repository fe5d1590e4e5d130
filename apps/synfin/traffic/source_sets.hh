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
    class Set {
      public:
        Set(std::vector<IpAddress> addresses, size_t calls, unsigned engine, unsigned engines)
            : addresses_(std::move(addresses)),
              size_(addresses_.size()),
              turns_(size_, calls, engine, engines) {}
        size_t size() const noexcept { return size_; }
        /// The next source. There is one.
        const IpAddress& next() noexcept { return addresses_[turns_.next()]; }

      private:
        std::vector<IpAddress> addresses_;
        size_t size_;
        SourceTurns turns_;
    };

    /// @param targets by call
    SourceSets(const std::vector<IpAddress>& sources, const std::vector<IpAddress>& targets, unsigned engine,
               unsigned engines) {
        std::vector<IpAddress> by_kind[kKinds];
        for (const IpAddress& source : sources) by_kind[kind_of(source)].push_back(source);
        const auto kind_for = [&](const IpAddress& target) {
            const size_t kind = kind_of(target);
            return kind == kLinkLocal && by_kind[kind].empty() ? kGlobal6 : kind;
        };
        size_t calls[kKinds] = {};
        std::vector<size_t> kinds;
        for (const IpAddress& target : targets) {
            kinds.push_back(kind_for(target));
            ++calls[kinds.back()];
        }
        sets_.reserve(kKinds);
        for (size_t kind = 0; kind < kKinds; ++kind)
            sets_.emplace_back(std::move(by_kind[kind]), calls[kind], engine, engines);
        for (const size_t kind : kinds) set_of_call_.push_back(&sets_[kind]);
    }
    SourceSets(const SourceSets&) = delete;
    SourceSets& operator=(const SourceSets&) = delete;

    /// The sources of a call; empty: none of its family.
    /// @note cost: a load.
    Set& of(uint32_t call) noexcept { return *set_of_call_[call]; }

  private:
    static constexpr size_t kV4 = 0, kGlobal6 = 1, kLinkLocal = 2, kKinds = 3;
    static size_t kind_of(const IpAddress& addr) noexcept {
        return addr.is_v4() ? kV4 : addr.v6.is_link_local() ? kLinkLocal : kGlobal6;
    }

    std::vector<Set> sets_;  ///< by kind; fixed
    std::vector<Set*> set_of_call_;
};

}  // namespace synfin::app
