#include "client_run.hh"

namespace synfin::app {

namespace {

/// Time for the last RSTs to leave. A RST needs no answer, only a turn or two.
constexpr Duration kCut = 100ms;
/// Filling ends when no background connection has been established for this long.
constexpr Duration kPatience = 5s;

/// Dispatches each event to the generator of its connection.
class Sorter {
  public:
    Sorter(Generator& first, Generator& second) noexcept : first_(first), second_(second) {}
    void on_open(Connection c) noexcept { of(c.user_tag()).on_open(c); }
    void on_data(Connection c, RxView& view) noexcept { of(c.user_tag()).on_data(c, view); }
    void on_writable(Connection c) noexcept { of(c.user_tag()).on_writable(c); }
    void on_peer_fin(Connection c) noexcept { of(c.user_tag()).on_peer_fin(c); }
    void on_close(Connection c, const CloseInfo& why) noexcept { of(why.user_tag).on_close(c, why); }

  private:
    Generator& of(uint64_t user_tag) noexcept { return Generator::is_second(user_tag) ? second_ : first_; }

    Generator& first_;
    Generator& second_;
};

/// Tells the generator when the opening ends: connections due later are not offered.
GeneratorPlan lasting(GeneratorPlan plan, Duration duration) {
    plan.duration = duration;
    return plan;
}

std::vector<IpAddress> targets_of(const ClientRun::Plan& plan) {
    std::vector<IpAddress> out;
    for (const GeneratorPlan::Call& call : plan.load.calls) out.push_back(call.peer.addr);
    if (plan.background)
        for (const GeneratorPlan::Call& call : plan.background->calls) out.push_back(call.peer.addr);
    return out;
}

}  // namespace

ClientRun::ClientRun(Plan plan, const std::atomic<bool>& stop)
    : targets_(targets_of(plan)),
      generator_(lasting(std::move(plan.load), plan.duration)),
      duration_(plan.duration),
      hold_(plan.hold),
      drain_(plan.drain),
      stop_(stop) {
    if (!plan.background) return;
    plan.background->second = true;
    background_.emplace(std::move(*plan.background));
}

void ClientRun::start(Instant now) noexcept {
    started_ = now;
}

/// Resolves all targets before it opens a connection.
void ClientRun::reach(Stack& stack, Instant now) noexcept {
    if (!targets_.is_known(stack) && !stop_.load(std::memory_order_relaxed)) return;
    until_ = now + kPatience;
    started_ = now;
    if (!targets_.any() && !stop_.load(std::memory_order_relaxed)) {
        is_unreached_ = true;
        end_measuring(stack, now);
        finish(stack, now);
        phase_ = Phase::over;
        return;
    }
    begin_opening(background_ ? *background_ : generator_, now);
    phase_ = background_ ? Phase::filling : Phase::opening;
}

bool ClientRun::turn(Stack& stack, Instant now) noexcept {
    if (phase_ == Phase::reaching) reach(stack, now);
    const bool busy = background_ ? turn_both(stack, now) : generator_.turn(stack, now);
    switch (phase_) {
        case Phase::reaching: break;
        case Phase::filling: fill(now); break;
        case Phase::settling:
            if (now >= until_ || stop_.load(std::memory_order_relaxed)) begin_measuring(stack, now);
            break;
        case Phase::opening: open(stack, now); break;
        case Phase::draining:
            if (is_drained(generator_, now)) finish(stack, now);
            break;
        case Phase::emptying:
            if (is_drained(*background_, now)) phase_ = Phase::over;
            break;
        case Phase::over: break;
    }
    return busy;
}

bool ClientRun::turn_both(Stack& stack, Instant now) noexcept {
    Sorter sorter(generator_, *background_);
    generator_.begin(now);
    background_->begin(now);
    bool busy = stack.begin(now);
    while (const Event* event = stack.next_event()) stack.dispatch(sorter, *event);
    busy |= generator_.act(stack);
    busy |= background_->act(stack);
    return stack.end() || busy;
}

void ClientRun::fill(Instant now) noexcept {
    if (background_->tally().established != background_established_) {
        background_established_ = background_->tally().established;
        until_ = now + kPatience;
    }
    if (!background_->is_full() && now < until_ && !stop_.load(std::memory_order_relaxed)) return;
    phase_ = Phase::settling;
    until_ = now + kSettle;
}

void ClientRun::begin_measuring(const Stack& stack, Instant now) noexcept {
    counters_before_ = stack.counters();
    cycles_before_ = cycles;
    started_ = now;
    begin_opening(generator_, now);
    phase_ = Phase::opening;
}

/// A run that is stopped earlier opens nothing: a signal may arrive while a device or the background
/// connections open.
void ClientRun::begin_opening(Generator& generator, Instant now) noexcept {
    if (!stop_.load(std::memory_order_relaxed)) generator.start(now);
}

void ClientRun::open(const Stack& stack, Instant now) noexcept {
    if (!filled_ && generator_.is_full()) filled_ = now;
    const bool held = hold_ && filled_ && now - *filled_ >= *hold_;
    const Duration late = generator_.all_due_offered() ? Duration::zero() : kCatchUp;
    const bool time_over = duration_ > Duration::zero() && now - started_ >= duration_ + late;
    if (stop_.load(std::memory_order_relaxed) || held || time_over) {
        end_measuring(stack, now);
        begin_draining(generator_, now);
        phase_ = Phase::draining;
    } else if (generator_.finished()) {
        end_measuring(stack, now);
        finish(stack, now);
    }
}

void ClientRun::end_measuring(const Stack& stack, Instant now) noexcept {
    ended_ = now;
    measured_ = generator_.tally();
    measured_counters_ = stack.counters() - counters_before_;
    measured_cycles_ = cycles - cycles_before_;
}

void ClientRun::begin_draining(Generator& generator, Instant now) noexcept {
    generator.stop(now);
    until_ = now + drain_;
    cut_ = false;
}

bool ClientRun::is_drained(Generator& generator, Instant now) noexcept {
    if (generator.finished()) return true;
    if (generator.ending()) {
        until_ = now + (cut_ ? kCut : drain_);
    } else if (now >= until_) {
        if (cut_) return true;
        generator.cut();
        cut_ = true;
        until_ = now + kCut;
    }
    return false;
}

/// The last of the generator's connections has ended.
void ClientRun::finish(const Stack& stack, Instant now) noexcept {
    emptied_ = now;
    counters_ = stack.counters() - counters_before_;
    phase_ = Phase::over;
    if (!background_) return;
    begin_draining(*background_, now);
    phase_ = Phase::emptying;
}

}  // namespace synfin::app
