#pragma once
/// @file
/// ConnectionTimers: time-outs of a server's connections. All waits of one kind have the same length, so each
/// kind needs only a list, in the order in which the waits began.

#include <cstdint>
#include <utility>
#include <vector>

#include "base/mapped_array.hh"
#include "synfin/connection.hh"

namespace synfin::app {

/// The limits of a server's connections; 0: none.
struct TimeOuts {
    Duration idle{};  ///< without a byte in either direction, while no response is due
    Duration head{};  ///< from the first byte of a request's head to its last
    Duration send{};  ///< without an acknowledgement of new data, while data is queued
};

/// A list for each kind of wait, linked through one record of 28 bytes per connection, at the connection's
/// index. A connection is in one list at most.
/// @note cost: arm() and disarm() touch the record and two neighbours. If the same wait began at most 1/64 of
///       its time ago, arm() does not restart it and touches only the record, so a wait may end that much
///       early. turn() reads the head of each list.
class ConnectionTimers {
  public:
    /// Kinds of wait. From `delay` on: one for each delay given to the constructor.
    enum Wait : uint8_t { none, idle, head, send, linger, delay };
    static constexpr uint8_t kMostWaits = 255;
    /// How long a server goes on reading after its FIN (RFC 9112 9.6).
    static constexpr Duration kLinger = 2s;
    static constexpr uint32_t kMostPerTurn = 64;

    /// @param max_connections the largest index of a connection; memory is touched on demand
    /// @param delays          further kinds, at most kMostWaits - delay
    ConnectionTimers(uint32_t max_connections, const TimeOuts& time_outs,
                     const std::vector<Duration>& delays = {});

    /// Starts this wait and ends any other. If this kind of wait has no limit, the connection waits for
    /// nothing. A connection that waits for `send` is checked several times within the limit: see progress().
    void arm(Connection c, uint8_t wait, Instant now) noexcept {
        if (!is_limited_ && wait < linger) return;
        const List& list = lists_[wait];
        Record& record = records_[c.index()];
        if (record.wait == wait && record.generation == c.generation() &&
            now.tick() - record.since <= list.slack)
            return;
        relink(c, wait, now.tick());
    }
    /// As arm(), but does not restart a running wait of the same kind.
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

    /// Removes up to kMostPerTurn expired connections from their lists, and calls over(connection, wait) for
    /// each.
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

    /// Whether TimeOuts has a limit. Without one, only connections with other kinds of wait need disarm().
    bool is_limited() const noexcept { return is_limited_; }

    /// The result of progress().
    enum class Progress : uint8_t {
        delivered,  ///< no data is queued: the connection waits for `idle`, from the time of its last arm()
        waiting,    ///< new data was acknowledged, or the limit has not passed: it waits for `send` again
        stalled     ///< the limit has passed without an acknowledgement of new data; it waits for nothing
    };
    Progress progress(Connection c, Instant now) noexcept;

    /// Removes the connection that has been silent longest from its list, for at least kLeastSilence: an idle
    /// one, else one with a partial head. Returns the empty handle if there is none.
    Connection take_silent(Instant now) noexcept;
    static constexpr Duration kLeastSilence = 200ms;

    /// A byte per connection for the owner; it persists until it is set again.
    uint8_t mark(Connection c) const noexcept { return records_[c.index()].mark; }
    void set_mark(Connection c, uint8_t mark) noexcept { records_[c.index()].mark = mark; }

  private:
    using Generation = decltype(std::declval<const Connection&>().generation());
    struct Record {
        uint32_t previous, next;  ///< indices; 0: none
        uint32_t since;           ///< tick of arm()
        uint32_t acknowledged;    ///< SND.UNA when progress was last seen
        uint32_t progress_at;     ///< the tick of the last progress
        Generation generation;
        uint8_t wait;
        uint8_t mark;
    };
    struct List {
        uint32_t first = 0, last = 0;
        uint32_t ticks = 0;  ///< 0: no limit
        uint32_t slack = 0;  ///< arm() does not move a connection that began to wait at most this long ago
    };
    /// How often a connection in the `send` list is checked within the limit.
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
