#pragma once
/// @file
/// Reassembly: text that arrived ahead of RCV.NXT, until the hole before it is filled (RFC 9293 3.10.7.4,
/// "segments with higher beginning sequence numbers SHOULD be held", SHLD-31).
///
/// Text is copied out of the packets: a peer that leaves holes open can hold blocks, which are bounded, but
/// no packet buffers, which everybody needs.

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

/// What became of a segment.
enum class Insert : uint8_t {
    stored,     ///< some of it was new and is kept (all of it, unless a pool ran dry on the way)
    duplicate,  ///< nothing in it was new
    full,       ///< nothing is kept: no range, no block or no record left
};

/// The out-of-order text of all connections of one engine: one record for each connection that has any.
/// A connection keeps a record's index; 0 is none. Every call takes index 0 for an empty store. Sequence
/// numbers are the wire's, in host byte order; all of one connection lie within 2^31 of its RCV.NXT.
///
/// Ranges are disjoint, not adjacent, sorted by sequence number. Where segments overlap the bytes that came
/// first stay. Not thread-safe.
class ReassemblyPool {
  public:
    static constexpr uint32_t kMaxRanges = 32;  ///< holes per connection + 1, at most

    /// @param blocks     where the text is kept; must outlive the pool.
    /// @param records    connections that can hold out-of-order text at one time.
    /// @param max_ranges 1..kMaxRanges, per connection.
    /// @param max_bytes  of text, per connection. The receive window is the bound that the caller keeps by
    ///                   trimming segments to it; this one holds whatever the window.
    /// @throws std::bad_alloc when there is no address space.
    ReassemblyPool(BlockPool& blocks, uint32_t records, uint32_t max_ranges = kMaxRanges,
                   uint32_t max_bytes = 1u << 30);

    /// Keeps what is new of a segment's text, and where its FIN is. Text before rcv_nxt, or past a FIN that
    /// is known, is ignored. Takes a record (and sets index) when there is something to keep and none yet.
    /// @note cost: O(ranges), and a copy of the new bytes.
    Insert insert(uint32_t& index, uint32_t rcv_nxt, uint32_t seq, Bytes bytes, bool fin) noexcept;

    /// Contiguous bytes that start exactly at rcv_nxt, or none. Text before rcv_nxt, which came in order
    /// meanwhile, is forgotten first. Valid until the next call for this connection.
    Bytes front(uint32_t& index, uint32_t rcv_nxt) noexcept;
    /// Drops the first n bytes; n <= front().size(). A record with nothing left is given back, index is 0
    /// then.
    void pop(uint32_t& index, uint32_t n) noexcept;

    /// Moves the contiguous bytes that start exactly at rcv_nxt, all of them, to the end of `queue`. Blocks
    /// change hands; none is needed, so this cannot fail. A record with nothing left is given back.
    /// @return how many bytes.
    uint32_t move_front(uint32_t& index, uint32_t rcv_nxt, ByteQueue& queue) noexcept;

    /// Whether the FIN is the next in sequence.
    bool fin_reached(uint32_t index, uint32_t rcv_nxt) const noexcept {
        return index != 0 && records_[index].has_fin && records_[index].fin_seq == rcv_nxt;
    }

    /// Fills in what is held, the range touched by the latest segment first, the next latest next (RFC 2018
    /// 4). Call after front() has been exhausted, so that nothing reported touches RCV.NXT.
    /// @return how many were filled: at most blocks.size().
    uint8_t sack_blocks(uint32_t index, std::span<SackBlock> blocks) const noexcept;

    /// The first part of [seq, seq + len) that is held already, for D-SACK (RFC 2883); empty: none.
    SackBlock held_part(uint32_t index, uint32_t seq, uint32_t len) const noexcept;

    /// Forgets a connection's text and FIN; index is 0 then.
    void release(uint32_t& index) noexcept;

    uint32_t bytes(uint32_t index) const noexcept { return index == 0 ? 0 : records_[index].bytes; }
    uint32_t ranges(uint32_t index) const noexcept { return index == 0 ? 0 : records_[index].count; }
    uint32_t records_in_use() const noexcept { return in_use_; }

  private:
    struct Range {
        uint32_t left;   ///< sequence number of the first byte
        uint32_t right;  ///< of the byte after the last
        uint32_t stamp;  ///< Record::clock when a segment last fell into it
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
