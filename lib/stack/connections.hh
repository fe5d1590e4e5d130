#pragma once
/// @file
/// Connections: everything of one engine except packets: the records of its connections, the table that finds
/// them, timers, listeners, queued bytes. It passes segments and calls of the application to the core,
/// performs the core's effects, and lists the segments to send. queue_engine.hh brings packets to it.

#include <cstdint>
#include <optional>

#include "base/address_hash.hh"
#include "base/worklist.hh"
#include "buf/block_pool.hh"
#include "buf/byte_queue.hh"
#include "buf/reassembly.hh"
#include "net/connection_table.hh"
#include "net/ephemeral_ports.hh"
#include "net/icmp_errors.hh"
#include "net/local_addresses.hh"
#include "net/segment_in.hh"
#include "net/segment_out.hh"
#include "net/source_addresses.hh"
#include "stack/application_timers.hh"
#include "stack/connection_marks.hh"
#include "stack/delayed_acks.hh"
#include "stack/events.hh"
#include "stack/keys.hh"
#include "stack/known_path_mtus.hh"
#include "stack/listeners.hh"
#include "stack/owned_ports.hh"
#include "stack/paced.hh"
#include "stack/rate_limits.hh"
#include "stack/receive_windows.hh"
#include "stack/records.hh"
#include "synfin/counters.hh"
#include "synfin/event.hh"
#include "synfin/mailbox.hh"
#include "synfin/stack_config.hh"
#include "tcp/core.hh"
#include "tcp/isn.hh"
#include "tcp/pmtu.hh"
#include "time/timer_wheel.hh"

namespace synfin::stack {

/// A received segment with the results of the look-ups that are made for all segments of a burst in parallel.
struct Incoming : net::SegmentIn {
    uint32_t hash = 0;
    const net::ConnectionTable::Bucket* home = nullptr;
    net::ConnectionTable::Candidate candidate;
    const Tuple* record = nullptr;  ///< the tuple of the candidate's record
};

using net::SegmentOut;

class Connections : private Records {
  public:
    /// @param start the present time, for calls before the first turn.
    /// @param owned_ports owned ports of the engine's queue.
    Connections(const StackConfig& config, const Keys& keys, Instant start, OwnedPorts owned_ports);
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    // -- calls of the application (connection_calls.cc, active_opens.cc); see synfin/stack.hh and
    // synfin/connection.hh
    Result<ListenerId> listen(uint16_t port, const ListenOptions& options) noexcept;
    Result<void> unlisten(ListenerId listener) noexcept;
    Result<void> unlisten(uint16_t port, std::optional<IpAddress> addr) noexcept;
    void unlisten_all() noexcept;
    Result<Connection> connect(const Endpoint& peer, const ConnectOptions& options) noexcept;
    Result<uint32_t> send(uint32_t index, uint32_t generation, Bytes data, bool is_static) noexcept;
    /// Sends the pieces as if they were contiguous.
    Result<uint32_t> send_pieces(uint32_t index, uint32_t generation, std::span<const Bytes> pieces) noexcept;
    Result<uint32_t> receive(uint32_t index, uint32_t generation, MutableBytes into) noexcept;
    Result<void> resume(uint32_t index, uint32_t generation) noexcept;
    Result<void> shutdown(uint32_t index, uint32_t generation) noexcept;
    Result<void> close(uint32_t index, uint32_t generation) noexcept;
    Result<void> abort(uint32_t index, uint32_t generation) noexcept;
    Result<void> set_no_delay(uint32_t index, uint32_t generation, bool on) noexcept;
    Result<void> set_user_timeout(uint32_t index, uint32_t generation, Duration timeout) noexcept;
    uint32_t room(uint32_t index, uint32_t generation) const noexcept;
    Result<ConnectionInfo> info(uint32_t index, uint32_t generation) const noexcept;
    /// 0 if the connection is gone.
    uint64_t user_tag(uint32_t index, uint32_t generation) const noexcept {
        return holders_[index].generation == generation ? holders_[index].user_tag : 0;
    }
    void set_user_tag(uint32_t index, uint32_t generation, uint64_t user_tag) noexcept {
        if (find(index, generation) != nullptr) holders_[index].user_tag = user_tag;
    }
    /// The control block of a handle; null if the connection is gone.
    tcp::Tcb* find(uint32_t index, uint32_t generation) noexcept {
        return const_cast<tcp::Tcb*>(std::as_const(*this).find(index, generation));  // NOLINT(*-const-cast)
    }
    const tcp::Tcb* find(uint32_t index, uint32_t generation) const noexcept {
        SYNFIN_DCHECK(index <= tcbs_.capacity());
        const tcp::Tcb* tcb = tcbs_.at(index);  // record 0 and unused records are not kOpened
        return holders_[index].generation == generation && tcb->has(tcp::kOpened) ? tcb : nullptr;
    }

    // -- timers and messages of the application
    Result<TimerId> after(Duration delay, uint64_t tag) noexcept;
    Result<void> cancel(TimerId timer) noexcept { return application_timers_.cancel(timer); }
    Mailbox& mailbox() noexcept { return mailbox_; }

    // -- events (events.cc)
    const Event* next_event() noexcept;
    /// Like next_event(), but returns null before an event of a marked connection. For callers that deliver
    /// several events at once and learn only later how much of the data was taken.
    const Event* next_event_of_others(const ConnectionMarks& shown) noexcept;
    void taken(const Event& event, uint32_t bytes) noexcept;

    const Counters& counters() const noexcept { return counters_; }
    Occupancy occupancy() const noexcept;
    const StackConfig& config() const noexcept { return config_; }
    void for_each(void (*visit)(void* context, const ConnectionInfo&), void* context) const;
    RecordCount records() const noexcept { return {tcbs_.used(), half_opens_.used(), time_waits_.used()}; }
    uint32_t visit_open(uint32_t from, uint32_t at_most, void (*visit)(void* context, Connection),
                        void* context) noexcept;
    static constexpr uint32_t kTcbBytes = sizeof(tcp::Tcb);
    MemoryUse memory() const noexcept;

    // -- for the packet side (queue_engine.hh)

    /// Starts a turn: `now` is the time of everything until the next turn.
    void set_now(Instant now) noexcept {
        now_ = now;
        core_now_ = context_.now = tcp::Now(now);
        posts_told_ = 0;
        if (now - timers_ran_at_ >= kLongSilence) [[unlikely]]
            follow_silence();
    }
    Instant now() const noexcept { return now_; }
    const net::LocalAddresses& addresses() const noexcept { return addresses_; }
    net::LocalAddresses& addresses() noexcept { return addresses_; }  ///< for router advertisements
    /// A router has lowered the MTU of the link for IPv6; holds for new connections.
    void set_mtu6(uint16_t mtu) noexcept { params_.mss6 = tcp::Params(config_.tcp, mtu).mss6; }
    /// Folds IPv6 peers for Tuple::remote_addr; the packet side must use this one.
    const AddressFold& fold() const noexcept { return fold_; }
    /// Also used by the packet side.
    Counters& counters() noexcept { return counters_; }

    /// Finding a segment's connection takes three steps, each for a whole burst. The first prefetches the
    /// line of the table; the second reads it and prefetches the record; the third is arrive().
    void begin_lookup(Incoming& segment) const noexcept {
        segment.hash = table_.hash(segment.tuple);
        segment.home = table_.prefetch(segment.hash);
    }
    void look_ahead(Incoming& segment) const noexcept {
        segment.candidate = net::ConnectionTable::first_candidate(*segment.home, segment.hash);
        segment.record = tuple_of(segment.candidate.handle);
        __builtin_prefetch(segment.record);
    }
    /// Processes an IPv4 segment. Its text must stay valid until the next turn. (arrival.cc)
    void arrive(const Incoming& segment) noexcept;
    /// look_ahead() and arrive() of IPv6 segments, which also compare the peer's whole address.
    void look_ahead6(Incoming& segment) const noexcept {
        look_ahead(segment);
        peers6_.prefetch(segment.candidate.handle);
    }
    void arrive6(const Incoming& segment) noexcept;
    /// Processes an ICMP error that quotes our segment. (arrival.cc, path_change.cc)
    void arrive_error(const net::SegmentError& error) noexcept;

    // -- opens that wait for a next hop's MAC address (unreachable.cc): records in SYN-SENT and half-open
    // ones, by numbers from 1 to opens()
    uint32_t opens() const noexcept { return tcbs_.capacity() + half_opens_.capacity(); }
    /// The number of the open with this tuple; 0: the tuple is in neither state.
    /// @param remote6 IPv6: the peer's address. IPv4: not read.
    uint32_t open_of(const Tuple& tuple, const Ipv6* remote6) const noexcept;
    /// The peer of the open; none if its record has been reused.
    std::optional<IpAddress> peer_of_open(uint32_t open) const noexcept;
    /// Ends an existing open whose next hop does not answer: on_close reports it, or the half-open record is
    /// freed.
    void end_unreachable(uint32_t open) noexcept;

    /// Fires timers that are due, at most kTimersPerTurn. Returns how many fired.
    uint32_t run_timers() noexcept;
    /// Whether due timers remain because of that limit.
    bool timers_behind() const noexcept;
    /// The exact next time at which run_timers() has work. Reads all records.
    std::optional<Instant> next_deadline() noexcept;

    /// Whether there are segments to send or events to deliver.
    bool has_work() const noexcept { return has_replies() || has_output() || has_events(); }
    /// Whether there are replies of the core; they are sent before everything else.
    bool has_replies() const noexcept { return !control_.empty(); }
    /// Removes and returns the first reply, valid until the next reply is made.
    const SegmentOut& next_reply() noexcept { return control_.take(); }
    bool has_output() const noexcept { return !output_.empty(); }
    /// The next segment to send, valid until the next call; null: none. (send_segments.cc)
    const SegmentOut* next_out() noexcept;
    /// Whether connections wait for the time of their next burst: call run_timers() in each turn.
    bool has_paced() const noexcept { return !paced_.empty(); }
    bool has_events() const noexcept {
        return !events_.empty() || application_timers_.has_due() || mailbox_.has_signal();
    }
    /// Holds the text of segments to send.
    const buf::BlockPool& blocks() const noexcept { return blocks_; }
    /// Bytes of text that the device can cut into segments now (tcp::Context::large_text).
    void set_large_text(uint32_t bytes) noexcept { context_.large_text = bytes; }

  private:
    const tcp::Context& context() const noexcept { return context_; }

    StackConfig config_;
    tcp::Params params_;
    HashKey key_;
    net::LocalAddresses addresses_;
    AddressFold fold_;
    net::ConnectionTable table_;
    Counters counters_;
    Instant now_{};
    /// After an interval without a turn of this length, the wheel moves to the present before segments arm
    /// timers. Together with the longest deadline (24 days) it must stay below 2^31 ms.
    static constexpr Duration kLongSilence = std::chrono::hours(1);
    Instant timers_ran_at_{};
    tcp::Now core_now_{};
    tcp::TimestampOffsets ts_offsets_;
    tcp::Context context_;
    KnownPathMtus path_mtus_;
    net::SourceAddresses sources6_;
    OwnedPorts owned_ports_;

    static constexpr uint32_t kTimersPerTurn = 256;
    static constexpr uint32_t kPostsPerTurn = 256;
    static constexpr uint32_t kMostInARow = 32;        ///< segments of one connection while others wait
    static constexpr uint32_t kWritablesPerTick = 64;  ///< connections that waited for a block
    static constexpr uint32_t kLeastShare = 4'096;     ///< bytes that each connection may always queue
    static constexpr uint32_t kLeastShareBlocks = 3;  ///< large blocks that they take: two, and a part of one
    static constexpr uint32_t kGrowthPerTick = 16;    ///< buckets: about 10 us
    static constexpr uint32_t kMaxControl = 1024;     ///< waiting replies; more than one turn makes

    // records
    std::optional<uint32_t> next_timer_tick() noexcept;
    void follow_silence() noexcept;
    /// The handle of a connection's record, or kNone; the first for IPv4 tuples, the second for IPv6, the
    /// third for either.
    uint32_t find_record(const Tuple& tuple, uint32_t hash) const noexcept;
    uint32_t find_record6(const Tuple& tuple, const Ipv6& remote, uint32_t hash) const noexcept;
    uint32_t find_either(const Tuple& tuple, const Ipv6* remote6, uint32_t hash) const noexcept {
        return is_v6(tuple) ? find_record6(tuple, *remote6, hash) : find_record(tuple, hash);
    }
    bool is_v6(const Tuple& tuple) const noexcept { return context_.is_v6(tuple); }
    /// The address of a record's IPv6 peer. IPv4: null.
    const Ipv6* remote6_of(const Tuple& tuple, uint32_t handle) const noexcept {
        return is_v6(tuple) ? &peers6_[handle] : nullptr;
    }
    IpAddress remote_of(const Tuple& tuple, uint32_t handle) const noexcept {
        return is_v6(tuple) ? IpAddress(peers6_[handle]) : IpAddress(Ipv4{tuple.remote_addr});
    }
    /// The records as the growing table asks for them.
    struct TableRecords {
        const Connections& of;
        uint32_t hash(uint32_t handle) const noexcept { return of.table_.hash(*of.tuple_of(handle)); }
        void prefetch(uint32_t handle) const noexcept { __builtin_prefetch(of.tuple_of(handle)); }
    };
    bool add_to_table(uint32_t hash, uint32_t handle) noexcept {
        return table_.insert(hash, handle, TableRecords{*this});
    }
    tcp::Flow& need_flow(tcp::Tcb& tcb) noexcept;
    /// Gives the connection a recovery record, if it has a Flow and the pool is not empty.
    void need_recovery(const tcp::Tcb& tcb) noexcept;
    /// The same at a timeout. While less than a quarter of the pool is free, connections to peers that do not
    /// answer give up theirs instead (tcp::yields_recovery()).
    void need_recovery_at_timeout(tcp::Tcb& tcb) noexcept;
    /// Frees the recovery record if it is not needed any more.
    void settle_recovery(const tcp::Tcb& tcb) noexcept;
    Cold* need_cold(tcp::Tcb& tcb) noexcept;
    void release_flow(tcp::Tcb& tcb) noexcept;
    void free_tcb(uint32_t index) noexcept;
    /// The receive window of a SYN or SYN-ACK, whose field is never scaled (RFC 7323 2.2), and of connections
    /// without window scaling.
    uint32_t syn_window() const noexcept { return std::min(params_.rcv_start, 65'535u); }
    /// How far the window of a connection may open. `handle`: of the record that `tcb` is, or was expanded
    /// from.
    /// @note cost: a connection that still has quick ACKs has received little, and no window of its own.
    uint32_t receive_limit(uint32_t handle, const tcp::Tcb& tcb) const noexcept {
        if (!tcb.has(tcp::kWindowScale)) return syn_window();
        return tcb.quick_acks() != 0 ? first_limit_ : tuned_limit(handle);
    }
    /// Bytes that the receive buffer can take now; 1 while the units of the window scale may still raise the
    /// window.
    uint32_t receive_room(uint32_t handle, const tcp::Tcb& tcb) const noexcept {
        const Cold* cold = cold_of(tcb);
        uint32_t limit = receive_limit(handle, tcb);
        if (cold == nullptr) return limit;
        limit = std::min(limit, fair_share());
        if (cold->held_bytes < limit) return limit - cold->held_bytes;
        return !blocks_.is_half_used() && cold->held_bytes - limit < tcp::most_rounding(tcb) ? 1 : 0;
    }
    /// While half of the blocks are in use, new connections keep the window of their SYN.
    void set_first_limit() noexcept {
        first_limit_ = blocks_.is_half_used() ? syn_window() : params_.rcv_start;
    }
    uint32_t tuned_limit(uint32_t handle) const noexcept;
    void note_received(uint32_t index, const tcp::Segment& seg) noexcept;
    /// Most bytes that one connection may keep in either direction, whatever its buffer sizes: see
    /// BlockPool::share().
    uint32_t fair_share() const noexcept { return std::max(kLeastShare, blocks_.share()); }
    /// What send() takes beyond SND.UNA: twice cwnd, so that the text of the next round trip is there while
    /// that of this one is acknowledged.
    uint32_t send_limit(const tcp::Flow* flow) const noexcept {
        const uint32_t cwnd = flow != nullptr ? std::min(flow->cwnd_bytes, 1u << 30) : 0;
        return std::min({std::max(params_.snd_start, 2 * cwnd), params_.snd_buffer, fair_share()});
    }
    std::optional<uint32_t> index_of(const std::optional<IpAddress>& addr, Error& error) const noexcept;
    void close_listener(uint16_t id) noexcept;

    template <typename Address>
    Result<Connection> open(Tuple tuple, const Address& remote, const ConnectOptions& options) noexcept;
    Result<Connection> connect6(Endpoint peer, ConnectOptions options) noexcept;

    /// `handle`: handle of the record that `tcb` is, or was expanded from; here and below.
    ConnectionInfo describe(uint32_t handle, const tcp::Tcb& tcb) const noexcept;
    void describe_recovery(const tcp::Tcb& tcb, ConnectionInfo& out) const noexcept;
    void describe_receiving(uint32_t handle, const tcp::Tcb& tcb, ConnectionInfo& out) const noexcept;
    void describe_timers(const tcp::Tcb& tcb, ConnectionInfo& out) const noexcept;
    [[gnu::cold, gnu::noinline]] void limit_to_path(uint32_t index) noexcept;
    uint16_t path_mtu(const IpAddress& remote) const noexcept;

    // arrival
    void arrive_icmp(const net::SegmentError& error) noexcept;
    void arrive_too_big(const net::SegmentError& error) noexcept;
    void arrive_unknown(const Incoming& in) noexcept;
    template <bool kIsV6>
    void arrive_at(uint32_t handle, const Incoming& in) noexcept;
    template <bool kIsV6>
    void arrive_open(uint32_t index, const Incoming& in) noexcept;
    void arrive_unpredicted(uint32_t index, const tcp::Segment& seg, Bytes text) noexcept;
    void arrive_half_open(uint32_t index, const Incoming& in) noexcept;
    void judge_half_open(uint32_t index, const Incoming& in) noexcept;
    void arrive_time_wait(uint32_t index, const Incoming& in) noexcept;
    void arrive_listen(uint16_t listener, const Incoming& in, std::optional<tcp::Seq> after_iss) noexcept;
    void answer_with_cookie(const Incoming& syn) noexcept;
    void make_half_open_a_cookie(tcp::HalfOpen& half_open, const Incoming& syn) noexcept;
    uint32_t alloc_half_open(bool is_paid) noexcept;
    void inherit(uint32_t listener, tcp::Tcb& tcb) noexcept;
    uint32_t yield_half_open() noexcept;
    void open_from_cookie(uint16_t listener, const Incoming& in) noexcept;
    /// Initialises the stack's part of a passive connection whose control block has just been made.
    void begin_life(uint32_t index) noexcept {
        tcp::Tcb& tcb = tcbs_[index];
        tcb.set(tcp::kOpened);
        if (!params_.nagle) tcb.set(tcp::kNoDelay);
    }
    uint32_t promote(const tcp::Tcb& tcb, const Incoming& in, uint32_t old_handle) noexcept;
    /// Performs the core's effects. A call of the application nearly always has output as its only effect.
    void perform(uint32_t index, Bytes text, tcp::Effects& fx) noexcept {
        if (!fx.is_output_at_most()) return perform_outlined(index, text, fx);
        if (fx.output) want_output(index, tcbs_[index]);
    }
    void perform_outlined(uint32_t index, Bytes text, tcp::Effects& fx) noexcept;
    template <bool kIsPredicted>
    void perform_inlined(uint32_t index, const Bytes& text, tcp::Effects& fx) noexcept;  // perform.hh
    void perform_unusual(uint32_t index, Bytes text, tcp::Effects& fx) noexcept;
    void note_black_hole(uint32_t index, uint16_t mtu) noexcept;
    void restore_mss(uint32_t index) noexcept;
    void keep_out_of_order(tcp::Tcb& tcb, Bytes text, tcp::Effects& fx) noexcept;
    void deliver(uint32_t index, Bytes data) noexcept;
    void lose(uint32_t index) noexcept;
    void keep(uint32_t index, Bytes data) noexcept;
    void hold_pending(uint32_t index) noexcept;
    void take_reassembled(uint32_t index) noexcept;
    void reply(uint32_t handle, tcp::Tcb& tcb, const tcp::Effects& fx) noexcept;
    /// `dup_left`, `dup_right`: those of Effects.
    void reply_ack(uint32_t handle, tcp::Tcb& tcb, tcp::Seq dup_left, tcp::Seq dup_right) noexcept;
    /// `remote6`: the peer's address. IPv4: not read. `tcb`: the connection's control block, if there is one.
    void reply_rst(const Tuple& tuple, const Ipv6* remote6, const tcp::Effects& fx,
                   const tcp::Tcb* tcb = nullptr) noexcept;
    void repeat_syn(uint32_t handle, tcp::Tcb& tcb) noexcept;
    SegmentOut* add_control() noexcept;
    void send_syn_ack(const tcp::HalfOpen& half_open, const Ipv6* remote6) noexcept;
    bool allow_challenge(uint32_t handle, const tcp::Tcb& tcb, bool seldom) noexcept;
    void want_output(uint32_t index, tcp::Tcb& tcb) noexcept {
        if (tcb.has(tcp::kInOutput)) return;
        tcb.set(tcp::kInOutput);
        output_.add() = index;
    }
    void wait_for_burst(uint32_t index, tcp::Recovery& rec) noexcept;
    uint32_t release_bursts() noexcept;
    void complete(uint32_t handle, const tcp::Tcb& tcb, SegmentOut& out) noexcept;
    void complete_inlined(uint32_t handle, const tcp::Tcb& tcb, SegmentOut& out) noexcept;
    void add_peer6(SegmentOut& out, const Ipv6& remote) const noexcept;
    bool next_by_call(uint32_t index, tcp::Tcb& tcb) noexcept;
    void add_sack_blocks(const tcp::Tcb& tcb, tcp::Seq dup_left, tcp::Seq dup_right,
                         SegmentOut& out) const noexcept;

    const Event* tell_one() noexcept;
    const Event* tell_timer_or_post() noexcept;
    bool tell_end(const PendingEvent& told, tcp::Tcb& tcb) noexcept;
    bool tell_held_or_unwanted(const PendingEvent& told, tcp::Tcb& tcb) noexcept;

    // ends
    void end(uint32_t index, tcp::CloseReason reason) noexcept;
    void finish(uint32_t index) noexcept;
    /// Adds an event of the record's present connection.
    [[gnu::always_inline]] PendingEvent& push(Event::Kind kind, uint32_t index) noexcept {
        return events_.push(kind, index, generation_of(index));
    }
    void push_close(uint32_t index, tcp::CloseReason reason, bool established) noexcept {
        PendingEvent& event = push(Event::Kind::close, index);
        event.reason = reason;
        event.established = established;
    }
    void take_turns(uint32_t index) noexcept;
    void push_held(uint32_t index) noexcept;
    void wait_for_block(uint32_t index) noexcept;
    void stop_waiting(uint32_t cold) noexcept;
    void serve_waiting() noexcept;
    void drain(uint32_t index, uint32_t bytes) noexcept;

    // timers
    /// Whether less than a sixteenth of the control blocks is left.
    bool are_records_scarce() const noexcept {
        return tcbs_.used() > tcbs_.capacity() - tcbs_.capacity() / 16;
    }
    std::optional<uint32_t> fire(uint32_t index) noexcept;
    void arm(uint32_t index, const tcp::Tcb& tcb) noexcept {
        if (tcb.deadline != tcp::kNoDeadline) wheel_.arm(index, tcb.deadline);
    }
    uint32_t fire_half_opens(uint32_t fired) noexcept;
    void remove_time_wait(uint32_t index, uint32_t hash) noexcept;
    bool yield_time_wait() noexcept;
    void release_half_open(uint32_t index) noexcept;
    void free_half_open(uint32_t index, uint32_t hash) noexcept;
    void reset_half_open(uint32_t index) noexcept;
    /// A tuple has left the table and TIME-WAIT; `handle` is that of its last record.
    void release_port(const Tuple& tuple, uint32_t handle) noexcept {
        if (ports_.has_refusals()) [[unlikely]]
            forget_refusal(tuple, handle);
    }
    void forget_refusal(const Tuple& tuple, uint32_t handle) noexcept;

    buf::BlockPool blocks_;
    buf::ReassemblyPool reassembly_;
    ReceiveWindows receive_windows_;
    uint32_t first_limit_;  ///< receive_limit() of a new connection
    TimerWheel wheel_;
    net::EphemeralPorts ports_;
    RateLimits rate_limits_;
    tcp::InitialSequenceNumbers isns_;

    Listeners listeners_;
    uint64_t open_token_ = 0;  ///< token of the listener while the core opens a connection; otherwise 0

    ApplicationTimers application_timers_;
    Mailbox mailbox_;
    uint32_t posts_told_ = 0;  ///< posts delivered in this turn

    DelayedAcks delayed_acks_;
    Paced paced_;

    uint32_t waiting_head_ = 0, waiting_tail_ = 0;  ///< FIFO of cold records that wait for a block

    Events events_;
    Event event_;
    Worklist<SegmentOut> control_;  ///< replies, RSTs, SYN-ACKs: sent before everything else
    SegmentOut out_;
    Worklist<uint32_t> output_;                   ///< connections that may have something to send
    uint32_t sends_in_a_row_ = 0, in_a_row_ = 0;  ///< which connection, and how many segments

    uint32_t cookies_sent_at_ = 0;  ///< tick; 0: never
    uint32_t ports_forgotten_ = 0;  ///< tick of the last note_release() for TIME-WAIT tuples
};

}  // namespace synfin::stack
