#pragma once
/// @file
/// Host: one side: the real core with a minimal substitute for lib/stack: one tuple, one slot for its record
/// in any of the three sizes, one Flow, and an application that records its events. It performs Effects in
/// the order of lib/stack/arrival.cc, events.cc and timers.cc, and checks the guarantees to the core and the
/// application.

#include <bit>
#include <cstddef>
#include <optional>

#include "scenario.hh"
#include "witness.hh"

namespace synfin::exhaustive {

/// One step of a host: input, time and output.
struct Turn {
    const Ground& ground;
    uint32_t tick;
    Witness& witness;
    Input input;
    Packet out[8] = {};
    unsigned out_count = 0;
    unsigned side = 0;                ///< whose step it is: the sender of the segments in `out`
    bool returned_to_listen = false;  ///< a half-open record returned to LISTEN (MUST-11)

    /// Whether the output is more than an ACK.
    bool sends_text_or_flag() const noexcept {
        for (unsigned i = 0; i < out_count; ++i)
            if (out[i].segment().span() != 0) return true;
        return false;
    }
    tcp::Context context() const noexcept {
        tcp::Now now;
        now.tick = tick;
        now.us = tick * 1000;
        return ground.context(side, now);
    }
};

class Host {
  public:
    Host(const Scenario& scenario, unsigned side) noexcept {
        head_.side = static_cast<uint8_t>(side);
        head_.connects_left = scenario.side[side].connects;
    }

    /// Whether the application may make the call now. Calls that would be refused are not explored.
    bool may(Call call, const Ground& ground, uint32_t tick) const noexcept;
    void call(Call call, Turn& turn) noexcept;
    void arrive(const Packet& packet, Turn& turn) noexcept;
    /// The tick at which fire() has something to do; none when nothing runs (a timestamp that comes of age
    /// after 24 days is none).
    std::optional<uint32_t> next_deadline(const Ground& ground, uint32_t tick) const noexcept;
    /// Fires the first timer that is due; turn.tick is at or after next_deadline().
    void fire(Turn& turn) noexcept;

    /// CLOSED when there is no record, whether the port listens or not.
    tcp::State state() const noexcept;
    bool listens(const Ground& g) const noexcept { return g.scenario.side[head_.side].listens; }
    bool has_connection() const noexcept { return head_.has_connection != 0; }
    bool has_second_line() const noexcept { return head_.slot == kOpen && tcb_.flow != 0; }
    /// The last record did not end by FIN in both directions.
    bool ended_abruptly() const noexcept { return head_.ended_abruptly != 0; }
    /// A FIN that came out of order waits for the text before it.
    bool fin_kept() const noexcept { return head_.kept_fin != 0; }
    /// The next timer to fire is that of a tail loss probe or of reordering.
    bool awaits_probe() const noexcept {
        return head_.slot == kOpen && (tcb_.deadline_kind == tcp::DeadlineKind::tail_loss_probe ||
                                       tcb_.deadline_kind == tcp::DeadlineKind::reorder);
    }
    bool fin_queued() const noexcept { return head_.slot == kOpen && tcb_.has(tcp::kFinQueued); }
    /// Both records are the ends of one connection.
    bool is_peer_of(const Host& other) const noexcept;

    /// The progress of retransmission: while it stays equal, retransmission has had no effect.
    struct Progress {
        tcp::State state = tcp::State::closed;
        tcp::Seq una, rcv_nxt;
        bool operator==(const Progress&) const noexcept = default;
    };
    Progress progress() const noexcept;

    /// Checks the conditions that must hold between any two steps, of this side and between both.
    void check(const Host& peer, const Ground& ground, Witness& witness) const noexcept;
    /// Whether the host may rest with no timer running and nothing in flight.
    void check_rest(const Host& peer, Witness& witness) const noexcept;
    /// Every byte that the application sent in the connection of both sides has arrived.
    bool all_delivered_to(const Host& peer) const noexcept;

    /// Zeroes fields that will not be read, and moves all times back by `ticks`, a multiple of kGrain.
    void normalise(uint32_t ticks) noexcept;

    /// Visits the bytes that make up the state, the head first: it says which parts follow.
    template <typename Self, typename Visit>
    static void for_each_part(Self& self, Visit&& visit) {
        visit(&self.head_, sizeof(Head));
        switch (self.head_.slot) {
            case kNone: break;
            case kHalfOpen: visit(&self.half_open_, kHalfOpenBytes); break;
            case kTimeWait: visit(&self.time_wait_, sizeof(tcp::TimeWait)); break;
            case kOpen:
                visit(&self.tcb_, sizeof(tcp::Tcb));
                if (self.tcb_.flow == 0) break;
                visit(&self.flow_, sizeof(tcp::Flow));
                if (self.flow_.recovery == 0) break;
                visit(&self.recovery_, sizeof(tcp::RecoveryState));
                visit(self.recovery_.runs + self.recovery_.first,
                      self.recovery_.count * sizeof(tcp::SentRun));
                break;
        }
    }

  private:
    enum Slot : uint8_t { kNone, kHalfOpen, kOpen, kTimeWait };

    /// The record's kind, the application's state, and the data of the checks. All of this is part of the
    /// state.
    struct Head {
        uint8_t side = 0;
        Slot slot = kNone;
        uint8_t connects_left = 0;
        uint8_t lives = 0;           ///< connections begun: the last one's number plus 1
        tcp::Seq iss, irs;           ///< of the record; irs is 0 before the peer's SYN
        uint8_t peer_life = 0;       ///< the number that irs is
        uint8_t synchronised = 0;    ///< irs is known
        uint8_t has_connection = 0;  ///< the application holds a handle: it is owed an end
        uint8_t told_open = 0;
        uint8_t told_fin = 0;
        uint8_t sent = 0;      ///< bytes given to send() in this life
        uint8_t received = 0;  ///< bytes handed to the application in this life
        uint8_t fin_taken = 0;
        uint8_t ended_abruptly = 0;
        uint8_t queued = 0;                ///< bytes in `queue`
        uint8_t queue[kMaxText] = {};      ///< the send queue, from SND.UNA
        uint8_t kept_text[kMaxText] = {};  ///< out-of-order text by its offset
        uint8_t kept_mask = 0;
        uint8_t kept_fin = 0;
        uint8_t kept_fin_offset = 0;
        uint8_t spare = 0;
        uint16_t time_wait_expiry = 0;  ///< a TimeWaitExpiry
        uint16_t spare2 = 0;
        uint32_t sent_mask = 0;       ///< bit of life * kMaxText + offset: given to send()
        uint32_t delivered_mask = 0;  ///< the same of the peer's: taken by the core
        uint32_t delayed_ack_due = 0;
        uint32_t half_open_due = 0;
    };
    static_assert(std::has_unique_object_representations_v<Head>);
    static_assert(kMaxLives * kMaxText <= 32);
    /// Without the padding at its end, which has no value.
    static constexpr size_t kHalfOpenBytes = offsetof(tcp::HalfOpen, is_paid) + 1;
    static_assert(kHalfOpenBytes + 9 == sizeof(tcp::HalfOpen));

    static uint32_t bit(unsigned life, unsigned offset) noexcept { return 1u << (life * kMaxText + offset); }
    tcp::Conn conn() noexcept {
        if (tcb_.flow == 0) return {tcb_};
        return {tcb_, &flow_, flow_.recovery != 0 ? &recovery_ : nullptr};
    }
    void need_recovery(const Turn& turn) noexcept;
    void normalise_recovery(uint32_t ticks) noexcept;
    void settle_recovery() noexcept;
    tcp::Flow& need_flow(const Turn& turn) noexcept;
    void need_cold(const Turn& turn) noexcept { need_flow(turn).cold = 1; }
    void release_flow() noexcept;
    tcp::TimeWaitExpiry time_wait_expiry() const noexcept {
        return std::bit_cast<tcp::TimeWaitExpiry>(head_.time_wait_expiry);
    }
    void set_time_wait_expiry(uint32_t tick) noexcept {
        tcp::TimeWaitExpiry expiry;
        expiry.set(tick);
        head_.time_wait_expiry = std::bit_cast<uint16_t>(expiry);
    }
    uint32_t receive_room(const tcp::Tcb& tcb, const Ground& ground) const noexcept;
    uint32_t half_open_deadline(const Ground& ground) const noexcept;

    // calls
    void connect(Turn& turn) noexcept;
    void send(Turn& turn) noexcept;
    // arrival
    bool is_ended_by(const Packet& rst) const noexcept;
    void receive(const Packet& packet, Turn& turn) noexcept;
    void arrive_listen(const Packet& packet, Turn& turn) noexcept;
    void arrive_half_open(const Packet& packet, Turn& turn) noexcept;
    void arrive_time_wait(const Packet& packet, Turn& turn) noexcept;
    void begin_life(Turn& turn) noexcept;
    void synchronise(tcp::Seq irs, Turn& turn) noexcept;
    // effects
    void perform(const Packet* packet, tcp::Effects& fx, Turn& turn) noexcept;
    void take_acked(uint32_t bytes, Turn& turn) noexcept;
    void deliver(const uint8_t* text, uint32_t len, Turn& turn) noexcept;
    void keep(const Packet& packet, const tcp::Effects& fx, Turn& turn) noexcept;
    void take_reassembled(Turn& turn) noexcept;
    void tell_end(tcp::CloseReason reason, Turn& turn) noexcept;
    void free_record(bool abruptly) noexcept;
    // sending
    void run_output(Turn& turn) noexcept;
    void reply(tcp::Tcb& tcb, const tcp::Effects& fx, Turn& turn) noexcept;
    void reply_rst(const tcp::Effects& fx, Turn& turn) noexcept;
    void add_blocks(const tcp::Tcb& tcb, tcp::Seq dup_left, tcp::Seq dup_right,
                    Packet& packet) const noexcept;
    void send_syn_ack(Turn& turn) noexcept;
    void emit(const tcp::Tcb& tcb, const tcp::Outgoing& out, Turn& turn,
              const tcp::Effects& fx = {}) noexcept;
    void put(const Packet& packet, Turn& turn) noexcept;

    bool has_unsent() const noexcept {
        return (tcb_.flow != 0 && tcp::after(flow_.snd_end, tcb_.snd.nxt)) ||
               (tcb_.has(tcp::kFinQueued) && !tcb_.has(tcp::kFinSent));
    }
    void check_state(Witness& witness) const noexcept;
    void check_scoreboard(const Host& peer, Witness& witness) const noexcept;

    Head head_;
    tcp::HalfOpen half_open_;
    tcp::TimeWait time_wait_;
    tcp::Tcb tcb_;
    tcp::Flow flow_;
    tcp::Recovery recovery_{};
};

}  // namespace synfin::exhaustive
