#pragma once
/// @file
/// Reassembly: text that arrived ahead of RCV.NXT, until the hole before it is filled (RFC 9293 3.10.7.4,
/// "segments with higher beginning sequence numbers SHOULD be held", SHLD-31).
///
/// Text is copied out of the packets. A peer that leaves holes open can hold blocks, which are limited, but
/// no packet buffers, which all connections need.

#include <cstdint>
#include <span>

#include "buf/block_pool.hh"
#include "buf/byte_queue.hh"
#include "synfin/units.hh"

namespace synfin::buf {

/// One SACK block (RFC 2018 3): the sequence numbers of its first byte, and of the byte after its last.
struct SackBlock {
    uint32_t left = 0;
    uint32_t right = 0;
    bool operator==(const SackBlock&) const noexcept = default;
};

/// The outcome of insert().
enum class Insert : uint8_t {
    stored,     ///< new text is kept (all new text, unless a pool ran out)
    duplicate,  ///< the segment has nothing new
    full,       ///< nothing is kept: no range, block or record is left
};

/// The out-of-order text of all connections of one engine, with one record for each connection that has any.
/// A connection keeps its record's index; 0 means no record, and every call accepts it. Sequence numbers are
/// those of the wire in host byte order, within 2^31 of the connection's RCV.NXT.
///
/// Ranges are disjoint, not adjacent, and sorted by sequence number. Where segments overlap, the bytes that
/// arrived first stay. Not thread-safe.
class ReassemblyPool {
  public:
    /// Per connection. A slow start that overshoots leaves a hole for every second packet of a round trip.
    static constexpr uint32_t kMaxRanges = 256;

    /// @param blocks     holds the text; must outlive this pool.
    /// @param records    the most connections that can hold out-of-order text at one time.
    /// @param max_ranges 1..kMaxRanges, per connection.
    /// @param max_bytes  of text, per connection. The caller also trims segments to the receive window; this
    ///        limit applies for any window.
    /// @throws std::bad_alloc when there is no address space.
    ReassemblyPool(BlockPool& blocks, uint32_t records, uint32_t max_ranges = kMaxRanges,
                   uint32_t max_bytes = 1u << 30);

    /// Keeps the new text of a segment and the position of its FIN. Ignores text before rcv_nxt or past a
    /// known FIN. Takes a record and sets index if there is something to keep and no record yet.
    /// @note cost: O(ranges), and a copy of the new bytes.
    Insert insert(uint32_t& index, uint32_t rcv_nxt, uint32_t seq, Bytes bytes, bool fin) noexcept;

    /// The contiguous bytes that start exactly at rcv_nxt, or none. Drops text before rcv_nxt, which has
    /// since arrived in order, first. Valid until the next call for this connection.
    Bytes front(uint32_t& index, uint32_t rcv_nxt) noexcept;
    /// Drops the first n bytes; n <= front().size(). Frees the record and sets index to 0 when nothing is
    /// left.
    void pop(uint32_t& index, uint32_t n) noexcept;

    /// Moves all contiguous bytes that start exactly at rcv_nxt to the end of `queue`. It moves blocks and
    /// needs no new one, so it cannot fail. Frees the record and sets index to 0 when nothing is left.
    /// @return how many bytes were moved.
    uint32_t move_front(uint32_t& index, uint32_t rcv_nxt, ByteQueue& queue) noexcept;

    /// Whether the FIN's sequence number is rcv_nxt.
    bool fin_reached(uint32_t index, uint32_t rcv_nxt) const noexcept {
        return index != 0 && records_[index].has_fin && records_[index].fin_seq == rcv_nxt;
    }

    /// Writes the held ranges, most recently touched first (RFC 2018 4). Call it after front() is exhausted,
    /// so that no reported range touches RCV.NXT.
    /// @return how many blocks were written: at most blocks.size().
    uint8_t sack_blocks(uint32_t index, std::span<SackBlock> blocks) const noexcept;

    /// The first part of [seq, seq + len) that is already held, for D-SACK (RFC 2883); empty if none is.
    SackBlock held_part(uint32_t index, uint32_t seq, uint32_t len) const noexcept;

    /// Drops a connection's text and FIN, and sets index to 0.
    void release(uint32_t& index) noexcept;

    uint32_t bytes(uint32_t index) const noexcept { return index == 0 ? 0 : records_[index].bytes; }
    uint32_t ranges(uint32_t index) const noexcept { return index == 0 ? 0 : records_[index].count; }
    uint32_t records_in_use() const noexcept { return in_use_; }

  private:
    struct Range {
        uint32_t left;   ///< sequence number of the first byte
        uint32_t right;  ///< of the byte after the last
        uint32_t stamp;  ///< Record::clock when a segment last touched the range
        ByteQueue queue;
    };
    struct alignas(64) Record {
        uint32_t next_free;
        uint32_t count;  ///< ranges
        uint32_t bytes;  ///< in all ranges
        uint32_t clock;
        uint32_t fin_seq;
        bool has_fin;
        Range ranges[kMaxRanges];
    };

    uint32_t allocate() noexcept;
    void free_if_empty(uint32_t& index) noexcept;
    void drop_before(Record& record, uint32_t rcv_nxt) noexcept;
    void drop_front(Record& record, uint32_t n) noexcept;
    Insert store(Record& record, uint32_t seq, Bytes bytes) noexcept;
    static void open_gap(Record& record, uint32_t at) noexcept;
    static void close_gap(Record& record, uint32_t at) noexcept;

    BlockPool& blocks_;
    MappedArray<Record> records_;
    const uint32_t max_ranges_;
    const uint32_t max_bytes_;
    uint32_t free_ = 0;
    uint32_t touched_ = 0;  ///< records above this were never used
    uint32_t in_use_ = 0;
};

}  // namespace synfin::buf
