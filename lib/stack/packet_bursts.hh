#pragma once
/// @file
/// PacketBursts: the packets that an engine holds: the received burst, packets kept for reuse, and the burst
/// to send.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "buf/queue_pair.hh"
#include "synfin/ledger.hh"

namespace synfin::stack {

/// Frames are built in packets of the received burst, last first, once nothing reads the burst any more:
/// these are in the cache and need no pool operation. So a SYN's buffer becomes the SYN-ACK, and a FIN's its
/// ACK. Setup and teardown need no new packets. Overload always drains, because nothing else in the engine
/// keeps packets.
template <buf::QueuePair P>
class PacketBursts {
  public:
    using Packet = typename P::Packet;
    static constexpr uint16_t kMost = 32;  ///< most packets in a burst; a queue may prefer fewer

    /// @param queue, ledger must outlive this object.
    PacketBursts(P& queue, Ledger& ledger) noexcept : queue_(queue), ledger_(ledger) {}
    ~PacketBursts() { release(); }
    PacketBursts(const PacketBursts&) = delete;
    PacketBursts& operator=(const PacketBursts&) = delete;

    /// Receives the next burst. It stays readable until the first place() or recycle_rest().
    std::span<Packet*> receive() noexcept {
        received_count_ = queue_.rx_burst(received_.data(), rx_burst_);
        return {received_.data(), received_count_};
    }
    uint16_t received() const noexcept { return received_count_; }

    /// A packet to build a frame in, from the received ones if possible. Null: the pool is empty, or the
    /// device takes nothing now. Then build nothing, so that nothing is lost.
    [[gnu::always_inline]] Packet* place() noexcept {
        if (tx_count_ == tx_burst_ && !flush()) return nullptr;
        if (received_count_ == 0) return take();
        Packet* packet = received_[--received_count_];
        if (queue_.reset(packet)) [[likely]]
            return packet;
        queue_.free(packet);
        return take();
    }
    /// A packet to build a frame in while the received burst is still being read. Null: the pool is empty.
    Packet* take() noexcept {
        if (spare_count_ != 0) return spare_[--spare_count_];
        return queue_.alloc();
    }
    void give_back(Packet* packet) noexcept {
        if (spare_count_ < kSpare && queue_.reset(packet)) {
            spare_[spare_count_++] = packet;
        } else {
            queue_.free(packet);
        }
    }
    /// Keeps or frees the rest of the received burst.
    void recycle_rest() noexcept {
        while (received_count_ != 0) give_back(received_[--received_count_]);
    }

    /// Adds a packet to the burst to send; passes a full burst to the device first. False: the device takes
    /// nothing, and the packet stays the caller's.
    bool add(Packet* packet) noexcept {
        if (tx_count_ == tx_burst_ && !flush()) return false;
        tx_[tx_count_++] = packet;
        return true;
    }
    /// Whether this many more packets, up to a whole burst, could be added. If not, first passes the burst to
    /// the device.
    bool has_room(uint16_t packets) noexcept {
        packets = std::min(packets, tx_burst_);
        return tx_count_ + packets <= tx_burst_ || (flush() && tx_count_ + packets <= tx_burst_);
    }
    bool has_unsent() const noexcept { return tx_count_ != 0; }
    /// Passes the burst to the device; refused packets stay. False: the device took nothing.
    bool flush() noexcept {
        ledger_.stamp(Stage::emit);
        const uint16_t taken = queue_.tx_burst(tx_.data(), tx_count_);
        ledger_.stamp(Stage::tx);
        if (taken != tx_count_) std::copy(tx_.begin() + taken, tx_.begin() + tx_count_, tx_.begin());
        tx_count_ = static_cast<uint16_t>(tx_count_ - taken);
        return taken != 0;
    }

    uint32_t held() const noexcept { return received_count_ + tx_count_; }  ///< received or to be sent
    uint32_t spare() const noexcept { return spare_count_; }                ///< kept for reuse
    /// Frees every packet.
    void release() noexcept {
        while (received_count_ != 0) queue_.free(received_[--received_count_]);
        while (spare_count_ != 0) queue_.free(spare_[--spare_count_]);
        while (tx_count_ != 0) queue_.free(tx_[--tx_count_]);
    }

  private:
    static constexpr uint16_t kSpare = 64;

    P& queue_;
    Ledger& ledger_;
    const uint16_t rx_burst_ = std::min(queue_.caps().rx_burst, kMost);
    const uint16_t tx_burst_ = std::min(queue_.caps().tx_burst, kMost);
    uint16_t received_count_ = 0, spare_count_ = 0, tx_count_ = 0;
    std::array<Packet*, kMost> received_{};
    std::array<Packet*, kSpare> spare_{};
    std::array<Packet*, kMost> tx_{};
};

}  // namespace synfin::stack
