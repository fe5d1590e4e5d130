#pragma once
/// @file
/// Initial sequence numbers (RFC 6528, RFC 9293 3.4.1) and timestamp offsets (RFC 7323 5.4, 7.1).

#include <cstdint>
#include <span>
#include <vector>

#include "base/aes128.hh"
#include "base/four_tuple.hh"
#include "base/siphash.hh"
#include "base/tuple.hh"
#include "synfin/units.hh"
#include "tcp/seq.hh"

namespace synfin::tcp {

/// A keyed pseudo-random function of both addresses and both ports of a connection (RFC 6528 3). It does not
/// depend on the process: with one key every process computes the same value, whatever the order of its local
/// addresses.
/// @note cost: 20 instructions with AES, against 140 with SipHash; each connection needs it. IPv6 takes two
/// AES blocks, one after the other, because the state after the local address is kept: 16 bytes for each.
class TuplePrf {
  public:
    /// @param local4,local6 the engine's addresses, IPv4 first, that Tuple::local_index indexes
    ///        (net::LocalAddresses); the IPv4 ones must outlive this object.
    /// @throws std::bad_alloc
    TuplePrf(HashKey key, std::span<const Ipv4> local4, std::span<const Ipv6> local6)
        : f_(key),
          local4_(local4.data()),
          count4_(static_cast<uint32_t>(local4.size())),
          // Messages of three blocks and of one block must not share a key: see Aes128::mac().
          f6_({siphash(key, 6, 0), siphash(key, 6, 1)}) {
        after_local_.reserve(local6.size());
        for (const Ipv6& each : local6) after_local_.push_back(begin(each));
    }

    uint64_t operator()(const FourTuple& name) const noexcept { return f_(name.word0(), name.local.value); }
    uint64_t operator()(const FourTuple6& name) const noexcept {
        return end(begin(name.local), name.remote, name.ports());
    }
    /// Of an IPv4 connection.
    uint64_t operator()(const Tuple& t) const noexcept {
        return (*this)(FourTuple{Ipv4{t.remote_addr}, t.remote_port, t.local_port, local4_[t.local_index]});
    }
    /// Of an IPv6 connection; its tuple holds only a fold of the peer's address.
    uint64_t operator()(const Tuple& t, const Ipv6& remote) const noexcept {
        return end(after_local_[t.local_index - count4_], remote, static_cast<uint32_t>(t.word0() >> 32));
    }
    /// Of a connection of either family; `remote` is read for IPv6 only.
    uint64_t operator()(const Tuple& t, const Ipv6* remote) const noexcept {
        if (t.local_index >= count4_) [[unlikely]]
            return (*this)(t, *remote);
        return (*this)(t);
    }

  private:
    /// The message of an IPv6 connection: local address, remote address, ports.
    Aes128::MacState begin(const Ipv6& local) const noexcept {
        const auto [low, high] = local.words();
        return f6_.begin_mac(low, high);
    }
    uint64_t end(const Aes128::MacState& after_local, const Ipv6& remote, uint32_t ports) const noexcept {
        const auto [low, high] = remote.words();
        return f6_.mac(after_local, low, high, ports, 0);
    }

    Aes128 f_;
    const Ipv4* local4_;
    uint32_t count4_;
    Aes128 f6_;
    std::vector<Aes128::MacState> after_local_;  ///< of each IPv6 address
};

/// ISN = M + F(tuple, secret), where M is a clock of 4 us (RFC 9293 MUST-8, MUST-9). If clock and key last
/// until the host reboots, a tuple's ISNs increase across processes, too, so a peer that holds the tuple in
/// TIME-WAIT accepts the SYN.
class InitialSequenceNumbers {
  public:
    /// @throws std::bad_alloc
    InitialSequenceNumbers(HashKey key, std::span<const Ipv4> local4, std::span<const Ipv6> local6 = {})
        : f_(key, local4, local6) {}
    Seq of(const Tuple& t, Instant now) const noexcept { return at(now, f_(t)); }
    /// Of an IPv6 connection.
    Seq of(const Tuple& t, const Ipv6& remote, Instant now) const noexcept { return at(now, f_(t, remote)); }
    /// Of a connection of either family; `remote` is read for IPv6 only.
    Seq of(const Tuple& t, const Ipv6* remote, Instant now) const noexcept { return at(now, f_(t, remote)); }

  private:
    static Seq at(Instant now, uint64_t f) noexcept {
        const auto m = static_cast<uint32_t>(static_cast<uint64_t>(now.ns()) / 4000);
        return Seq(m + static_cast<uint32_t>(f));
    }

    TuplePrf f_;
};

/// Offsets that are added to the millisecond clock for TSval (RFC 7323 5.4). Each tuple has its own (7.1),
/// which never changes, so that RFC 6191 works across incarnations of a tuple and across processes that share
/// the key. They use other bits of the AES block than ISNs, so neither reveals the other, even under one key.
/// @note cost: 19 instructions per segment; caching offsets would take as many.
class TimestampOffsets {
  public:
    /// @throws std::bad_alloc
    TimestampOffsets(HashKey key, std::span<const Ipv4> local4, std::span<const Ipv6> local6 = {})
        : f_(key, local4, local6) {}
    uint32_t of(const Tuple& t) const noexcept { return static_cast<uint32_t>(f_(t) >> 32); }
    /// Of an IPv6 connection.
    uint32_t of(const Tuple& t, const Ipv6& remote) const noexcept {
        return static_cast<uint32_t>(f_(t, remote) >> 32);
    }
    /// Of a connection of either family; `remote` is read for IPv6 only.
    uint32_t of(const Tuple& t, const Ipv6* remote) const noexcept {
        return static_cast<uint32_t>(f_(t, remote) >> 32);
    }

  private:
    TuplePrf f_;
};

}  // namespace synfin::tcp
