#pragma once
/// @file
/// ConnectionTable: maps a tuple's hash to the handle of its record; one cache line per lookup.

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/mapped_array.hh"
#include "base/siphash.hh"
#include "base/tuple.hh"
#include "synfin/check.hh"

namespace synfin::net {

/// Open addressing in buckets of one 64-byte line: ten two-byte tags that are compared at once, ten handles,
/// and the number of live entries that found this bucket full and went on to a following one. While that
/// number is 0, every lookup ends here, found or not. erase() decrements what insert() incremented, so the
/// table does not degrade with use.
///
/// The table does not hold the records; it asks the caller whether a handle's record matches. An entry costs
/// 8.5 bytes: a full table has 7.5 entries per bucket on average. One-byte tags would cost 7.1 bytes per
/// entry, but one of 30 lookups would read a wrong record, an extra line and page: with 10 M idle connections
/// 3 % fewer short connections per second (README.md).
///
/// The table starts small and doubles when full; the following inserts move its entries bucket by bucket. In
/// a table for millions, each of a thousand connections would occupy a cache line and a TLB entry of its own.
/// The table never shrinks.
class ConnectionTable {
  private:
    static constexpr uint32_t kSlotsPerBucket = 10;
    static constexpr uint32_t kEntriesPerTwo = 15;  // buckets when full: load 0.75
    static constexpr uint32_t kAllSlots = 0x55555;  // every second bit, as slots_with() has them
    static constexpr uint16_t kEmpty = 0;

  public:
    static constexpr uint32_t kNone = 0;  ///< no handle
    /// Least number of entries that a growing table starts with: 9 KiB.
    static constexpr uint32_t kLeastExpected = 1024;

    /// @param max_entries 1..2^31: insert() succeeds up to this number, whatever the hashes.
    /// @param key random and secret where the network can choose tuples.
    /// @param expected initial room in entries; the table may start with up to twice as many.
    ConnectionTable(uint32_t max_entries, HashKey key, uint32_t expected = ~uint32_t{0})
        : key_{siphash(key, 0, 0), siphash(key, 1, 0), siphash(key, 2, 0), siphash(key, 3, 0),
               siphash(key, 4, 0)},
          max_entries_(max_entries) {
        SYNFIN_CHECK(max_entries > 0 && max_entries <= uint32_t{1} << 31);
        while (max_entries >> (halvings_ + 1) >= std::max(expected, kLeastExpected)) ++halvings_;
        // The address space of all sizes is reserved at the start, the largest first. So growing makes no
        // system call for memory, and a line that was prefetched stays readable after the table has grown.
        lines_ = MappedArray<Bucket>(first_line(halvings_ + 1));
        room_ = max_entries >> halvings_;
        now_ = Buckets(&lines_[first_line(halvings_)], buckets_for(room_));
    }

    /// Pair-multiply-shift (Thorup, "High speed hashing for integers and strings", 2015, 3.5): strongly
    /// universal, so without the key nobody can choose tuples that collide more often than random ones.
    /// Nothing that the engine sends depends on it. The last multiplication spreads consecutive ports. It
    /// costs a tenth of SipHash, for every segment. A NIC's RSS hash cannot replace it: packets of one queue
    /// share its low bits, from which tag() is made.
    [[gnu::always_inline]] uint32_t hash(const Tuple& t) const noexcept {
        const auto ports = static_cast<uint32_t>(t.word0() >> 32);  // one load
        uint64_t h =
            (key_[0] + ports) * (key_[1] + t.remote_addr) + (key_[2] + t.local_index) * key_[3] + key_[4];
        h ^= h >> 32;
        return static_cast<uint32_t>((h * 0x9e3779b97f4a7c15u) >> 32);
    }

    /// Callers use only its address.
    struct alignas(64) Bucket {
        uint16_t tags[kSlotsPerBucket];     // 0; kEmpty or tag(hash)
        uint32_t passed;                    // 20; live entries that found this bucket full and went on
        uint32_t handles[kSlotsPerBucket];  // 24

        /// Bit 2i: slot i has this tag.
        uint32_t slots_with(uint16_t wanted) const noexcept {
            // Tags, passed and two handles.
            const __m256i all = _mm256_load_si256(reinterpret_cast<const __m256i*>(tags));
            const __m256i equal = _mm256_cmpeq_epi16(all, _mm256_set1_epi16(static_cast<short>(wanted)));
            return static_cast<uint32_t>(_mm256_movemask_epi8(equal)) & kAllSlots;
        }
        /// The slot of the lowest bit.
        static int slot_of(uint32_t slots) noexcept { return std::countr_zero(slots) / 2; }
    };

    static_assert(sizeof(Bucket) == 64);
    /// Fetches a hash's home bucket, and returns it for first_candidate().
    const Bucket* prefetch(uint32_t hash) const noexcept {
        const Bucket* bucket = now_.at(now_.home(hash));
        __builtin_prefetch(bucket);
        return bucket;
    }

    /// An entry, as it was when first_candidate() read it.
    struct Candidate {
        const uint32_t* place = &kNoPlace;  ///< where the entry is; kNoPlace: there is none
        uint32_t handle = kNone;
        /// Whether the handle is still in the table. @note cost: one compare, in a line that was prefetched.
        bool stands() const noexcept { return *place == handle; }

        static constexpr uint32_t kNoPlace = ~kNone;  ///< holds no handle
    };
    /// The most likely entry, found without reading the record: prefetch its record, and try it first. Reads
    /// the home bucket only.
    static Candidate first_candidate(const Bucket& home, uint32_t hash) noexcept {
        const uint32_t matches = home.slots_with(tag(hash));
        if (matches == 0) return {};
        const uint32_t* place = &home.handles[Bucket::slot_of(matches)];
        return {place, *place};
    }

    /// @param match bool(uint32_t handle): whether the handle's record has the wanted tuple.
    /// @return its handle or kNone.
    /// @note cost: one line, plus the record's line for each equal tag (with 10 M entries, a wrong record in
    /// 1 of 400 lookups). While the table grows, a second line for entries that are absent or not yet moved.
    template <typename Match>
    uint32_t find(uint32_t hash, Match&& match) const noexcept {
        const uint32_t found = now_.find(hash, match);
        if (found != kNone || !has_unmoved()) [[likely]]
            return found;
        return find_before(hash, match);
    }

    /// Adds a handle that is not in the table.
    /// @param records an object with uint32_t hash(uint32_t handle), the hash with which the handle was
    ///        added, and void prefetch(uint32_t handle), which fetches the memory that hash() reads. Called
    ///        while the table grows.
    /// @return false when the table holds max_entries.
    /// @note cost: while the table grows, a call also moves one bucket's entries or returns 64 KiB to the
    /// kernel.
    template <typename Records>
    bool insert(uint32_t hash, uint32_t handle, const Records& records) noexcept {
        SYNFIN_DCHECK(handle != kNone);
        if (size_ == room_ || is_growing()) [[unlikely]] {
            if (!grow(records)) return false;
        }
        now_.insert(hash, handle);
        ++size_;
        return true;
    }
    /// The same for a table that started with room for max_entries.
    bool insert(uint32_t hash, uint32_t handle) noexcept {
        SYNFIN_DCHECK(room_ == max_entries_ && !is_growing());
        return insert(hash, handle, Nobody{});
    }

    /// Removes a handle that was inserted under this hash.
    /// @return false if it is not there; nothing is changed then.
    bool erase(uint32_t hash, uint32_t handle) noexcept {
        if (!now_.erase(hash, handle) && !erase_before(hash, handle)) [[unlikely]]
            return false;
        --size_;
        return true;
    }

    /// Continues growing by as many steps as `inserts` inserts would. For a table with few inserts.
    template <typename Records>
    void grow_on(const Records& records, uint32_t inserts) noexcept {
        for (; inserts != 0 && is_growing(); --inserts) grow_on(records);
    }

    /// Replaces a handle in place, when a connection moved to another record.
    /// @return false if the old one is not there.
    bool replace(uint32_t hash, uint32_t old_handle, uint32_t new_handle) noexcept {
        SYNFIN_DCHECK(new_handle != kNone);
        if (now_.replace(hash, old_handle, new_handle)) [[likely]]
            return true;
        return replace_before(hash, old_handle, new_handle);
    }

    /// Lines that an unsuccessful lookup of this hash reads; usually 1. For tests and diagnosis.
    uint32_t lines_to_miss(uint32_t hash) const noexcept {
        return now_.lines_to_miss(hash) + (has_unmoved() ? before_.lines_to_miss(hash) : 0);
    }

    uint32_t size() const noexcept { return size_; }
    uint32_t capacity() const noexcept { return max_entries_; }
    /// Whether entries have still to be moved, or memory to be returned.
    bool is_growing() const noexcept { return before_.count() != 0; }
    /// Bytes of the present tables; pages become resident when first touched.
    size_t memory_bytes() const noexcept { return (size_t{now_.count()} + before_.count()) * sizeof(Bucket); }

    /// Calls f(uint32_t handle) for every entry, in no particular order. f must not change the table.
    /// @note cost: reads the whole table.
    template <typename F>
    void for_each(F&& f) const noexcept {
        for (const Buckets* part : {&now_, &before_})
            for (uint32_t b = 0; b < part->count(); ++b) part->for_each_in(b, f);
    }

  private:
    /// Never kEmpty. Made from the low bits of the hash, which home() uses least: the entries of one bucket
    /// differ in twelve of these bits in a table for 10 M, in eight in one for 100 M.
    static constexpr uint16_t tag(uint32_t hash) noexcept { return static_cast<uint16_t>(hash << 1 | 1); }

    bool has_unmoved() const noexcept { return done_ < before_.count(); }

    struct Nobody {
        static uint32_t hash(uint32_t) noexcept { return 0; }
        static void prefetch(uint32_t) noexcept {}
    };

    static constexpr uint32_t buckets_for(uint32_t entries) noexcept {
        return static_cast<uint32_t>(uint64_t{entries} * 2 / kEntriesPerTwo + 1);
    }
    /// First line, page-aligned, of the table for max_entries >> halvings.
    size_t first_line(uint32_t halvings) const noexcept {
        constexpr size_t kInPage = 4096 / sizeof(Bucket);
        size_t at = 0;
        for (uint32_t h = 0; h < halvings; ++h)
            at += (buckets_for(max_entries_ >> h) + kInPage - 1) / kInPage * kInPage;
        return at;
    }

    /// A table of one size, in zeroed memory.
    class Buckets {
      public:
        Buckets() noexcept = default;
        Buckets(Bucket* lines, uint32_t count) noexcept : lines_(lines), count_(count) {}

        uint32_t count() const noexcept { return count_; }
        const Bucket* at(uint32_t b) const noexcept { return &lines_[b]; }
        /// Uses the hash's high bits. Works for any number of buckets, so there is no rounding to a power of
        /// two.
        uint32_t home(uint32_t hash) const noexcept {
            return static_cast<uint32_t>((uint64_t{hash} * count_) >> 32);
        }

        template <typename Match>
        uint32_t find(uint32_t hash, Match& match) const noexcept {
            uint32_t b = home(hash);
            for (uint32_t probes = 0; probes < count_; ++probes, b = following(b)) {
                const Bucket& bucket = lines_[b];
                for (uint32_t m = bucket.slots_with(tag(hash)); m != 0; m &= m - 1) {
                    const uint32_t handle = bucket.handles[Bucket::slot_of(m)];
                    if (match(handle)) return handle;
                }
                if (bucket.passed == 0) [[likely]]
                    return kNone;
            }
            return kNone;
        }
        /// The table must have room.
        void insert(uint32_t hash, uint32_t handle) noexcept {
            uint32_t b = home(hash);
            uint32_t empty;
            while ((empty = lines_[b].slots_with(kEmpty)) == 0) {
                ++lines_[b].passed;
                b = following(b);
            }
            const int slot = Bucket::slot_of(empty);
            lines_[b].tags[slot] = tag(hash);
            lines_[b].handles[slot] = handle;
        }
        bool erase(uint32_t hash, uint32_t handle) noexcept {
            const Place place = locate(hash, handle);
            if (place.slot < 0) return false;
            for (uint32_t b = home(hash); b != place.bucket; b = following(b)) --lines_[b].passed;
            lines_[place.bucket].tags[place.slot] = kEmpty;
            lines_[place.bucket].handles[place.slot] = kNone;  // for Candidate::stands()
            return true;
        }
        bool replace(uint32_t hash, uint32_t old_handle, uint32_t new_handle) noexcept {
            const Place place = locate(hash, old_handle);
            if (place.slot < 0) return false;
            lines_[place.bucket].handles[place.slot] = new_handle;
            return true;
        }
        uint32_t lines_to_miss(uint32_t hash) const noexcept {
            uint32_t lines = 1;
            for (uint32_t b = home(hash); lines_[b].passed != 0 && lines < count_; ++lines) b = following(b);
            return lines;
        }
        template <typename F>
        void for_each_in(uint32_t b, F& f) const noexcept {
            for (uint32_t m = ~lines_[b].slots_with(kEmpty) & kAllSlots; m != 0; m &= m - 1)
                f(lines_[b].handles[Bucket::slot_of(m)]);
        }

      private:
        struct Place {
            uint32_t bucket;
            int slot;  // negative: nowhere
        };
        uint32_t following(uint32_t b) const noexcept { return b + 1 == count_ ? 0 : b + 1; }
        Place locate(uint32_t hash, uint32_t handle) const noexcept {
            uint32_t b = home(hash);
            for (uint32_t probes = 0; probes < count_; ++probes, b = following(b)) {
                for (uint32_t m = lines_[b].slots_with(tag(hash)); m != 0; m &= m - 1) {
                    const int slot = Bucket::slot_of(m);
                    if (lines_[b].handles[slot] == handle) return {b, slot};
                }
                if (lines_[b].passed == 0) break;
            }
            return {0, -1};
        }

        Bucket* lines_ = nullptr;
        uint32_t count_ = 0;
    };

    template <typename Match>
    [[gnu::cold, gnu::noinline]] uint32_t find_before(uint32_t hash, Match& match) const noexcept {
        return before_.find(hash, match);
    }
    [[gnu::cold, gnu::noinline]] bool erase_before(uint32_t hash, uint32_t handle) noexcept {
        return has_unmoved() && before_.erase(hash, handle);
    }
    [[gnu::cold, gnu::noinline]] bool replace_before(uint32_t hash, uint32_t old_handle,
                                                     uint32_t new_handle) noexcept {
        return has_unmoved() && before_.replace(hash, old_handle, new_handle);
    }

    void begin_to_grow() noexcept {
        before_ = now_;
        room_ = max_entries_ >> --halvings_;
        now_ = Buckets(&lines_[first_line(halvings_)], buckets_for(room_));
        done_ = 0;
    }
    /// Makes room for another entry. False: the table holds max_entries.
    template <typename Records>
    [[gnu::cold, gnu::noinline]] bool grow(const Records& records) noexcept {
        if (size_ == room_) {
            if (size_ == max_entries_) return false;
            while (is_growing()) grow_on(records);
            begin_to_grow();
        }
        grow_on(records);
        return true;
    }
    /// Moves the next bucket's entries to the new table. After the last bucket, returns the old memory piece
    /// by piece: returning a large table at once would delay a turn.
    template <typename Records>
    [[gnu::noinline]] void grow_on(const Records& records) noexcept {
        constexpr uint32_t kAtOnce = 1024;
        const uint32_t count = before_.count();
        if (done_ < count) {
            auto prefetch = [&](uint32_t handle) noexcept { records.prefetch(handle); };
            if (done_ + 1 < count) before_.for_each_in(done_ + 1, prefetch);
            auto move = [&](uint32_t handle) noexcept {
                const uint32_t hash = records.hash(handle);
                const bool was_there = before_.erase(hash, handle);
                SYNFIN_CHECK(was_there);
                now_.insert(hash, handle);
            };
            before_.for_each_in(done_++, move);
        } else if (done_ - count < count) {
            lines_.forget(first_line(halvings_ + 1) + (done_ - count), std::min(kAtOnce, 2 * count - done_));
            done_ = std::min(done_ + kAtOnce, 2 * count);
        } else {
            before_ = Buckets();
        }
    }

    std::array<uint64_t, 5> key_;
    uint32_t size_ = 0;
    uint32_t room_ = 0;  ///< entries that now_ has room for
    uint32_t max_entries_;
    uint32_t halvings_ = 0;      ///< room_ = max_entries >> halvings_
    uint32_t done_ = 0;          ///< buckets of before_ that were moved, then those returned
    MappedArray<Bucket> lines_;  ///< of all sizes
    Buckets now_;
    Buckets before_;  ///< the old table, while the table grows
};

}  // namespace synfin::net
