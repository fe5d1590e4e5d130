#pragma once
/// @file
/// Generator: the client application of `load` and `bench`. It opens connections, sends requests on them,
/// ends them, and counts each outcome. One engine can run several generators.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "arrivals.hh"
#include "base/mapped_array.hh"
#include "base/random.hh"
#include "due_list.hh"
#include "generator_plan.hh"
#include "handshakes.hh"
#include "http/http_response.hh"
#include "idle_queue.hh"
#include "interval_ring.hh"
#include "load_tally.hh"
#include "sampler.hh"
#include "silence_watch.hh"
#include "slot_pool.hh"
#include "source_sets.hh"
#include "synfin/stack.hh"
#include "talks.hh"

namespace synfin::app {

class Generator {
  public:
    /// @param place among the generators of the engine; place_of() finds it in the user_tags of its
    /// connections
    explicit Generator(GeneratorPlan plan, uint32_t place = 0);

    /// Begins to open connections.
    void start(Instant now) noexcept;
    /// One turn of the engine: packets, events, due connections. Returns whether anything happened.
    bool turn(Stack& stack, Instant now) noexcept;
    /// The generator's parts of a turn, for a caller that dispatches the events itself. Call begin() after
    /// stack.begin(), and act() after the events and before stack.end(). act() returns whether it opened a
    /// connection.
    void begin(Instant now) noexcept {
        now_ = now;
        tick_ = now.tick();
    }
    bool act(Stack& stack) noexcept;
    /// Stops opening connections, and ends those without a natural end, some with each turn. Connections that
    /// were due and are not open yet count as skipped (late).
    /// @param over connections without a natural end end evenly over this time; 0: as soon as possible. A
    ///   second call shortens it.
    void stop(Instant now, Duration over = {}) noexcept;
    /// Ends the run: resets all open connections, some with each turn. They count as pending or unfinished,
    /// and also as unanswered if the target has owed an answer for longer than kSilence and four times the
    /// p99 of its answers.
    /// @param answers_us the p99 of the answers that were handed over
    void cut(double answers_us = 0) noexcept;
    /// Hands over what was measured since the last time.
    bool hand_over(IntervalRing& to, Duration end, RunPart part, bool separates) noexcept {
        return to.offer(end, part, separates, tally_, times_);
    }
    static constexpr Duration kSilence = 1500ms;
    /// Open loop: whether all connections, or all requests that a connection is free for, due within the
    /// plan's duration have been offered.
    bool all_due_offered() const noexcept {
        return plan_.open_loop ? arrivals_.is_over()
                               : !has(Timing::arrivals) || idle_.empty() || arrivals_.is_over();
    }
    /// Whether stop() or cut() still has connections to end.
    bool ending() const noexcept { return sweep_ != Sweep::none; }
    /// Whether no connection is open or left to open.
    bool finished() const noexcept { return all_offered() && tally_.open_now() == 0; }
    /// Whether all concurrent connections of the plan, or all that remain, are established.
    bool is_full() const noexcept {
        return (tally_.open_now() == plan_.connections || all_offered()) && tally_.pending_now() == 0;
    }
    /// Whether the plan's limit has been reached.
    bool all_offered() const noexcept { return stopped_ || tally_.offered >= plan_.limit; }

    const LoadTally& tally() const noexcept { return tally_; }
    /// Without what was handed over.
    const LoadTimes& times() const noexcept { return times_; }
    const CorruptionLog& corruptions() const noexcept { return corruptions_; }
    /// The place of the generator that a connection belongs to, among those of its engine.
    static uint32_t place_of(uint64_t user_tag) noexcept { return static_cast<uint32_t>(user_tag >> 32); }
    /// Bytes of the generator's records of connections.
    size_t memory_bytes() const noexcept;

    // -- Application
    void on_open(Connection c) noexcept;
    void on_data(Connection c, RxView& view) noexcept;
    void on_writable(Connection c) noexcept;
    void on_peer_fin(Connection c) noexcept;
    void on_close(Connection c, const CloseInfo& why) noexcept;

  private:
    using Timing = GeneratorPlan::Timing;
    /// One connection, from connect() to on_close. Its id is the connection's user_tag. Small, because a run
    /// can hold tens of millions of connections.
    struct ConnectionRecord {
        Instant due{};            ///< when the connection was due: latencies count from here
        uint8_t failure = kNone;  ///< the failure that the generator found
        bool done = false;        ///< all requests and responses are complete; the connection is only closing
        bool cut : 1 = false;
        bool unexpected : 1 = false;  ///< a response had a status that was not expected
        bool peer_ended : 1 = false;  ///< done because the peer has sent FIN
        uint32_t heard = 0;           ///< tick of the last event from the peer, or of connect()
    };
    static_assert(sizeof(ConnectionRecord) == 16);
    /// The state of a connection's requests, by the same id; only for plans with requests.
    struct Exchange {
        Instant asked{};        ///< when the present request was due
        uint64_t received = 0;  ///< bytes of the present response
        uint32_t sent = 0;      ///< bytes of the present request
        uint32_t requests_left = 0;
        uint32_t call = 0;
        bool answered = false;     ///< at least one response has arrived
        bool resent = false;       ///< the request was sent before, on another connection
        bool resting : 1 = false;  ///< waits for the time of its next request: the peer owes nothing
        bool timed : 1 = false;    ///< due_list_ has the time of its last or next request
    };
    static_assert(sizeof(Exchange) == 32);
    /// A request to send again, on the next connection.
    struct Resend {
        Instant asked;
        uint32_t call;
        bool alone;  ///< the connection that sends it has no other request
    };
    /// A connection of this engine, without the part that all have in common.
    struct Handle {
        uint32_t index, generation;
    };
    static constexpr uint8_t kNone = 255;
    static constexpr uint32_t kNoEnd = ~uint32_t{0};
    static constexpr Skip kOpened = Skip::kCount;
    enum class Sweep : uint8_t { none, close, cut };

    static uint32_t id_of(uint64_t user_tag) noexcept { return static_cast<uint32_t>(user_tag); }
    uint64_t tag_of(uint32_t id) const noexcept { return place_ | id; }
    static uint32_t id_of(Connection c) noexcept { return id_of(c.user_tag()); }
    /// The record of an event's connection; null when the connection has ended already and on_close follows.
    ConnectionRecord* record_of(Connection c) noexcept {
        const uint32_t id = id_of(c);
        return id == 0 ? nullptr : &records_[id];
    }
    bool speaks() const noexcept {
        return plan_.purpose == GeneratorPlan::Purpose::tcp || plan_.purpose == GeneratorPlan::Purpose::http;
    }

    // -- generator_steps.cc; only with talks_
    Talks::Scene scene_of(uint32_t id, Connection c) noexcept;
    void follow(Connection c, ConnectionRecord& record, Talks::Outcome outcome) noexcept;
    void wake(uint32_t id, Connection c) noexcept;
    void on_unasked_data(Connection c, ConnectionRecord& record, RxView& view) noexcept;
    bool is_pausing(uint32_t id) const noexcept { return talks_ != nullptr && talks_->is_pausing(id); }
    /// After stop(): whether a connection ends between two requests. One with a number of requests to make
    /// goes on, as long as its requests have a time.
    bool ends_now(const Exchange& exchange) const noexcept {
        return exchange.resting && (exchange.requests_left == kNoEnd || has(Timing::arrivals));
    }
    bool has(Timing timing) const noexcept { return plan_.timing == timing; }
    bool is_resting(uint32_t id) noexcept {
        return plan_.timing != Timing::answers && exchanges_[id].resting;
    }
    ArrivalPlan arrival_plan() const;

    bool launch(Stack& stack) noexcept;
    uint64_t opens_now() const noexcept;
    void end_some(Stack& stack) noexcept;
    bool launch_due(Stack& stack, uint64_t at_most) noexcept;
    bool launch_more(Stack& stack, uint64_t at_most) noexcept;
    Skip open_one(Stack& stack, Instant due) noexcept;
    void begin_exchange(Exchange& exchange, uint32_t call, Instant due) noexcept;
    uint32_t requests_to_make() noexcept;
    static Skip skip_of(Error error) noexcept;
    void end_waiting() noexcept;
    uint64_t may_end() const noexcept;
    bool is_unanswered(const ConnectionRecord& record, bool established) const noexcept;
    uint32_t allowed_now() const noexcept;

    Bytes request_of(const Exchange& exchange) const noexcept;
    void first_request(Connection c, ConnectionRecord& record, uint32_t id) noexcept;
    void next_request(Connection c, ConnectionRecord& record, uint32_t id) noexcept;
    void request_due(Connection c, ConnectionRecord& record, uint32_t id, Instant due) noexcept;
    void rest(uint32_t id) noexcept;
    void rest_until(uint32_t id, Instant due) noexcept;
    void end_rest(uint32_t id) noexcept;
    bool send_due() noexcept;
    bool send_arrivals() noexcept;
    bool leave(uint32_t id, bool was_established) noexcept;
    void count_missed(uint32_t id, bool was_resting) noexcept;
    void count_unsent(uint64_t requests, Instant first_due) noexcept;
    void end_between_requests(Connection c, ConnectionRecord& record, Exchange& exchange) noexcept;
    Connection connection_of(uint32_t id) const noexcept {
        return Connection(owner_, handles_[id].index, handles_[id].generation);
    }
    void speak(Connection c, Exchange& exchange) noexcept;
    void pump(Connection c) noexcept;
    void response_complete(Connection c, ConnectionRecord& record, Exchange& exchange,
                           bool peer_keeps) noexcept;
    bool count_status(ConnectionRecord& record, unsigned status) noexcept;
    void end(Connection c, ConnectionRecord& record) noexcept;
    void peer_ended(uint32_t id, ConnectionRecord& record) noexcept;
    void send_again(const Exchange& exchange) noexcept;
    bool is_reset_between_requests(const ConnectionRecord& record, uint32_t id,
                                   const CloseInfo& why) const noexcept;
    void count_reset_between_requests(const ConnectionRecord& record, const Exchange& exchange) noexcept;
    Duration look(uint32_t id, Connection c) noexcept;
    Duration time_out(Connection c, ConnectionRecord& record) noexcept;
    void fail(Connection c, ConnectionRecord& record, Failure failure) noexcept;
    void on_response(Connection c, ConnectionRecord& record, uint32_t id, Bytes bytes,
                     bool is_first) noexcept;

    GeneratorPlan plan_;
    const uint64_t place_;  ///< in the upper half
    Arrivals arrivals_;     ///< of connections, or with Timing::arrivals of requests
    SlotPool<ConnectionRecord> records_;
    MappedArray<Exchange> exchanges_;      ///< by id, tcp and http only
    MappedArray<HttpResponse> responses_;  ///< by id, http only; valid when the exchange has received bytes
    KnownHead<HttpResponse> known_;
    MappedArray<Resend> resends_;  ///< a ring; never more than connections
    uint32_t resend_first_ = 0, resends_waiting_ = 0;
    std::unique_ptr<Talks> talks_;  ///< steps only
    CorruptionLog corruptions_;
    SilenceWatch silence_;
    // Timing other than answers:
    MappedArray<Handle> handles_;  ///< by id
    stack::Connections* owner_ = nullptr;
    DueList due_list_;      ///< think, heartbeat: the resting connections
    IdleQueue idle_;        ///< arrivals: the resting connections
    Instant idle_since_{};  ///< since when idle_ has not been empty
    Duration behind_{};     ///< how late this end is; what follows from it is no delay of the target
    Sampler think_;
    Instant stopped_at_{};
    Random random_;
    Handshakes handshakes_;  ///< closed loop
    LoadTally tally_;
    LoadTimes times_;
    uint32_t tick_ = 0;  ///< of now_
    Instant now_{}, start_{}, retry_at_{};
    Skip waits_for_ = Skip::kCount;  ///< closed loop: the resource that it waits for now
    Instant waits_since_{};
    uint32_t silence_ms_ = 0;  ///< see cut()
    uint32_t ending_now_ = 0;  ///< connections that are done but not closed yet
    Sweep sweep_ = Sweep::none;
    Instant pace_from_{};                  ///< stop(): when it began to end connections evenly
    Duration pace_for_{};                  ///< how long; 0: as soon as possible
    uint64_t paced_ = 0, pace_ended_ = 0;  ///< connections to end evenly, and those that were
    uint32_t sweep_next_ = 0;              ///< where the sweep goes on, see Stack::visit_open
    uint64_t next_call_ = 0;
    SourceSets sources_;
    bool stopped_ = true;
};

static_assert(Application<Generator>);

}  // namespace synfin::app
