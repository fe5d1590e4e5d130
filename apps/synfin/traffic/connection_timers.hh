#pragma once
/// @file
/// ConnectionTimers: how long a server's connections may do nothing. Every wait of one kind lasts equally
/// long, so that the connections that wait for it stand in the order in which they began: a list each, no
/// heap.

#include <cstdint>
#include <utility>
#include <vector>

#include "base/mapped_array.hh"
#include "synfin/connection.hh"

namespace synfin::app {

/// The limits of a server's connections; 0: none.
struct TimeOuts {
    Duration idle{};  ///< without a byte either way, while nothing is owed
    Duration head{};  ///< from the first byte of a request's head to its last
    Duration send{};  ///< without an acknowledgement of anything new, while something is to be sent
};

/// A list for each kind of wait, linked through one record of 28 bytes per connection, which lies at the
/// connection's own index. A connection is in one list at most.
/// @note cost: arm() and disarm() touch the record and two neighbours, and only the record when the
/// connection
///       began to wait not long ago (1/64 of the time): it then waits that much longer. turn() looks at the
///       head of each list.
class ConnectionTimers {
  public:
    /// Kinds of wait. From `delay` on: one for each delay that the constructor was given.
    enum Wait : uint8_t { none, idle, head, send, linger, delay };
    static constexpr uint8_t kMostWaits = 255;
    /// How long a server reads on after its FIN (RFC 9112 9.6).
    static constexpr Duration kLinger = 2s;
    static constexpr uint32_t kMostPerTurn = 64;

    /// @param max_connections the greatest index that a connection may have; memory is touched on demand
    /// @param delays          further kinds, at most kMostWaits - delay
    ConnectionTimers(uint32_t max_connections, const TimeOuts& time_outs,
                     const std::vector<Duration>& delays = {});

    /// The connection waits for this from now on, instead of whatever it waited for. Without a limit for it,
    /// for nothing. Waiting for `send`, it is looked at several times within the limit: see progress().
    void arm(Connection c, uint8_t wait, Instant now) noexcept {
        if (!is_limited_ && wait < linger) return;
        const List& list = lists_[wait];
        Record& record = records_[c.index()];
        if (record.wait == wait && record.generation == c.generation() &&
            now.tick() - record.since <= list.slack)
            return;
        relink(c, wait, now.tick());
    }
    /// As arm(), but one that waits for this already goes on doing so.
    void arm_once(Connection c, uint8_t wait, Instant now) noexcept {
        if (waits_for(c) != wait) arm(c, wait, now);
    }
    void disarm(Connection c) noexcept {
        if (Record& record = records_[c.index()]; record.wait != none && record.generation == c.generation())
            unlink(record);
    }
    uint8_t waits_for(Connection c) const noexcept {
        const Record& record = records_[c.index()];
        return record.generation == c.generation() ? record.wait : uint8_t{none};
    }

    /// Takes up to kMostPerTurn connections whose time is over from their lists, and calls over(connection,
    /// wait) for each.
    template <typename Over>
    void turn(Instant now, Over&& over) noexcept {
        uint32_t left = kMostPerTurn;
        for (size_t kind = idle; kind < lists_.size(); ++kind) {
            const auto wait = static_cast<uint8_t>(kind);
            const List& list = lists_[wait];
            while (list.first != 0 && now.tick() - records_[list.first].since >= list.ticks) {
                if (left-- == 0) return;
                const uint32_t index = list.first;
                Record& record = records_[index];
                unlink(record);
                over(Connection(owner_, index, record.generation), wait);
            }
        }
    }

    /// Whether there is a limit of TimeOuts. Without one, only a connection that was armed with another kind
    /// of wait need be disarmed.
    bool is_limited() const noexcept { return is_limited_; }

    /// What has become of a connection that waited for `send`, and is to be asked after.
    enum class Progress : uint8_t {
        delivered,  ///< nothing is to be sent: it waits for `idle` now, since it was last armed
        waiting,    ///< it waits for `send` again
        stalled     ///< the limit has passed without anything new acknowledged; it waits for nothing
    };
    Progress progress(Connection c, Instant now) noexcept;

    /// Takes the connection that has been silent longest from its list: that owes nothing and is owed
    /// nothing, else one that has begun a head. None is silent before kLeastSilence. The empty handle when
    /// there is none.
    Connection take_silent(Instant now) noexcept;
    static constexpr Duration kLeastSilence = 200ms;

    /// A byte of the owner's, for each connection, which stays until it is set again.
    uint8_t mark(Connection c) const noexcept { return records_[c.index()].mark; }
    void set_mark(Connection c, uint8_t mark) noexcept { records_[c.index()].mark = mark; }

  private:
    using Generation = decltype(std::declval<const Connection&>().generation());
    struct Record {
        uint32_t previous, next;  ///< indices; 0: none
        uint32_t since;           ///< tick of arm()
        uint32_t acknowledged;    ///< SND.UNA when progress was last seen
        uint32_t progress_at;     ///< the tick of that
        Generation generation;
        uint8_t wait;
        uint8_t mark;
    };
    struct List {
        uint32_t first = 0, last = 0;
        uint32_t ticks = 0;  ///< 0: no limit
        uint32_t slack = 0;  ///< ticks that a connection need not be moved for
    };
    /// A list of `send` is gone through this often within the limit.
    static constexpr uint32_t kLooks = 16;
    static constexpr uint32_t kMostLooksAtSilent = 16;

    void relink(Connection c, uint8_t wait, uint32_t since) noexcept;
    void link(uint32_t index, Record& record, uint8_t wait, uint32_t since) noexcept;
    void unlink(Record& record) noexcept;

    MappedArray<Record> records_;
    std::vector<List> lists_;
    uint32_t send_ticks_ = 0;  ///< the limit of `send`
    bool is_limited_ = false;
    stack::Connections* owner_ = nullptr;
};

}  // namespace synfin::app
