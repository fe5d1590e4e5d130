#pragma once
/// @file
/// Talks: the conversations of a generator's connections, each at its place in the same list of steps.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/mapped_array.hh"
#include "base/random.hh"
#include "corruption.hh"
#include "load_tally.hh"
#include "payload_pattern.hh"
#include "step_list.hh"
#include "synfin/application.hh"
#include "wake_list.hh"

namespace synfin::app {

/// A step begins when the one before it is complete, except that an expect begins while bytes are still being
/// sent: a peer may answer before it has read everything. Bytes that no step has expected yet stay in the
/// receive buffer.
/// @note cost: 64 bytes for each connection, and 32 more with a think. Nothing allocates after the
/// constructor.
class Talks {
  public:
    /// What the owner has to do with the connection.
    enum class Next : uint8_t {
        wait,  ///< nothing: an event or a pause comes
        end,   ///< the steps are complete: end it as the plan says
        fail   ///< reset it, because of `failure`
    };
    struct Outcome {
        Next next = Next::wait;
        Failure failure = Failure::kCount;
    };
    /// An event's connection and time, and the owner's books.
    struct Scene {
        uint32_t id;
        Connection connection;
        Instant now;
        bool is_stopped;  ///< unlimited repeats end
        LoadTally& tally;
        LoadTimes& times;
        CorruptionLog& corruptions;
    };

    /// @param ids records are named 1..ids
    /// @param verify whether expects of a size compare the bytes with the pattern
    Talks(std::shared_ptr<const StepList> steps, uint32_t ids, bool verify, uint64_t seed);

    void start(Instant now) noexcept { wakes_.start(now); }
    /// @param due latencies of the first response count from here
    void begin(uint32_t id, Instant due) noexcept { talks_[id] = Talk{.asked = due}; }
    void ended(uint32_t id) noexcept {
        if (steps_->has_pauses()) wakes_.remove(id);
    }
    // -- events of a connection that has not ended by its steps
    Outcome on_open(const Scene& scene) noexcept;
    Outcome on_data(const Scene& scene, RxView& view) noexcept;
    Outcome on_writable(const Scene& scene) noexcept;
    Outcome on_peer_fin(const Scene& scene) noexcept;
    Outcome on_wake(const Scene& scene) noexcept;
    /// Calls wake(id, connection) for each connection whose pause is over.
    template <typename Wake>
    void turn(Instant now, Wake&& wake) noexcept {
        if (steps_->has_pauses()) wakes_.turn(now, wake);
    }
    size_t memory_bytes(size_t ids) const noexcept {
        return ids * (sizeof(Talk) + (steps_->has_pauses() ? WakeList::kBytes : 0));
    }
    /// Whether the connection pauses: its peer owes nothing.
    bool is_pausing(uint32_t id) const noexcept { return steps_->has_pauses() && wakes_.is_pausing(id); }
    /// Whether the connection waits for the peer's FIN.
    bool awaits_fin(uint32_t id) const noexcept {
        const uint32_t step = talks_[id].step;
        return step < steps_->size() && (*steps_)[step].kind == Step::Kind::expect_close;
    }

  private:
    /// One connection's place. All zeros is the beginning.
    struct Talk {
        Instant asked{};             ///< from when on the present response's latency counts
        uint64_t sent = 0;           ///< bytes of the step that is being sent
        uint64_t heard = 0;          ///< bytes of the present expect or expect_close
        uint64_t pattern_sent = 0;   ///< bytes of the pattern in all sends so far
        uint64_t pattern_heard = 0;  ///< and in all expects
        uint32_t step = 0;
        uint32_t sending = 0;       ///< 1 + the step that is being sent; 0: none
        uint32_t matched = 0;       ///< expect within: bytes of the text that have been found
        uint32_t repeats_left = 0;  ///< 0: the present repeat has not been reached
        bool has_begun = false;     ///< the first byte of the present response has come
        bool is_holding = false;    ///< the stack keeps bytes that no step has taken
        bool fin_seen = false;
    };
    using Entry = StepList::Entry;
    static_assert(sizeof(Talk) == 64);
    /// The outcome that ends a walk; none: the next step is due.
    using Stop = std::optional<Outcome>;

    Outcome walk(const Scene& scene, Talk& talk, Bytes& bytes, bool in_data) noexcept;
    Stop take_step(const Scene& scene, Talk& talk, Bytes& bytes, bool in_data) noexcept;
    Duration drawn(const Sampler& pause) noexcept;
    static Stop finish(const Talk& talk, Bytes bytes) noexcept;
    void begin_send(const Scene& scene, Talk& talk) noexcept;
    void push(const Scene& scene, Talk& talk) noexcept;
    Stop expect(const Scene& scene, Talk& talk, const Entry& entry, Bytes& bytes, bool in_data) noexcept;
    Stop match(const Scene& scene, Talk& talk, const Entry& entry, Bytes& bytes) noexcept;
    bool search(Talk& talk, const Entry& entry, Bytes& bytes) const noexcept;
    Stop expect_close(const Scene& scene, Talk& talk, const Entry& entry, Bytes& bytes,
                      bool in_data) noexcept;
    void end_response(const Scene& scene, Talk& talk) const noexcept;
    void repeat(const Scene& scene, Talk& talk, const Entry& entry) noexcept;
    static Outcome failed(Failure failure) noexcept { return {Next::fail, failure}; }

    std::shared_ptr<const StepList> steps_;
    const PayloadPattern& pattern_;
    MappedArray<Talk> talks_;
    WakeList wakes_;
    Random random_;
    bool verify_;
};

}  // namespace synfin::app
