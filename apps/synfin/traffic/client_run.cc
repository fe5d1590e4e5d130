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
    explicit Sorter(std::deque<Generator>& generators) noexcept : generators_(generators) {}
    void on_open(Connection c) noexcept { of(c.user_tag()).on_open(c); }
    void on_data(Connection c, RxView& view) noexcept { of(c.user_tag()).on_data(c, view); }
    void on_writable(Connection c) noexcept { of(c.user_tag()).on_writable(c); }
    void on_peer_fin(Connection c) noexcept { of(c.user_tag()).on_peer_fin(c); }
    void on_close(Connection c, const CloseInfo& why) noexcept { of(why.user_tag).on_close(c, why); }

  private:
    Generator& of(uint64_t user_tag) noexcept { return generators_[Generator::place_of(user_tag)]; }

    std::deque<Generator>& generators_;
};

/// Tells the generator when the opening ends: connections due later are not offered.
GeneratorPlan lasting(GeneratorPlan plan, Duration duration) {
    plan.duration = duration;
    return plan;
}

std::vector<IpAddress> targets_of(const ClientRun::Plan& plan) {
    std::vector<IpAddress> out;
    for (const GeneratorPlan& each : plan.load)
        for (const GeneratorPlan::Call& call : each.calls) out.push_back(call.peer.addr);
    if (plan.background)
        for (const GeneratorPlan::Call& call : plan.background->calls) out.push_back(call.peer.addr);
    return out;
}

}  // namespace

ClientRun::ClientRun(Plan plan, const std::atomic<bool>& stop)
    : targets_(targets_of(plan)),
      duration_(plan.duration),
      hold_(plan.hold),
      drain_(plan.drain),
      init_(plan.init),
      lead_for_(plan.lead),
      ramp_down_(plan.ramp_down),
      has_intervals_(plan.has_intervals),
      line_(plan.line),
      stop_(stop) {
    for (GeneratorPlan& each : plan.load)
        of_classes_.push_back(&generators_.emplace_back(lasting(std::move(each), plan.duration),
                                                        static_cast<uint32_t>(generators_.size())));
    lead_.resize(of_classes_.size());
    measured_.resize(of_classes_.size());
    // The cuts between the parts of the run: after the lead, the measured part and the ramp-down.
    const uint32_t separations = 1 + (lead_for_ > Duration::zero()) + (ramp_down_ > Duration::zero());
    if (has_intervals_)
        for (size_t i = 0; i < of_classes_.size(); ++i)
            rings_.push_back(std::make_unique<IntervalRing>(separations));
    if (plan.background)
        generators_.emplace_back(std::move(*plan.background), static_cast<uint32_t>(generators_.size()));
}

LoadTally ClientRun::sum_of(const std::vector<LoadTally>& tallies) noexcept {
    LoadTally sum;
    for (const LoadTally& each : tallies) sum += each;
    return sum;
}

LoadTally ClientRun::tally() const noexcept {
    LoadTally sum;
    for (const Generator* each : of_classes_) sum += each->tally();
    return sum;
}

void ClientRun::start(Instant now, const Counters& before) noexcept {
    came_ = started_ = now;
    counters_before_ = before;
}

/// Whether the engine may begin: the phase `init` is over, and the other engines are ready.
bool ClientRun::may_begin(Instant now) noexcept {
    if (stop_.load(std::memory_order_relaxed)) return true;
    if (now - came_ < init_) return false;
    if (line_ == nullptr) return true;
    if (!is_ready_) {
        is_ready_ = true;
        line_->ready(now);
    }
    const auto begin = line_->begin();
    if (!begin || now < *begin) return false;
    started_ = *begin;
    return true;
}

/// Resolves all targets before it opens a connection.
void ClientRun::reach(Stack& stack, Instant now) noexcept {
    if (!targets_.is_known(stack) && !stop_.load(std::memory_order_relaxed)) return;
    started_ = now;
    if (!may_begin(now)) return;
    until_ = now + kPatience;
    if (!targets_.any() && !stop_.load(std::memory_order_relaxed)) {
        is_unreached_ = true;
        measured_from_ = started_;
        end_measuring(stack, now);
        finish(stack, now);
        phase_ = Phase::over;
        return;
    }
    if (has_background()) {
        begin_opening(generators_.back(), now);
        phase_ = Phase::filling;
        return;
    }
    begin_intervals();
    for (Generator* each : of_classes_) begin_opening(*each, started_);
    phase_ = Phase::opening;
}

/// The clock of the run's parts and intervals starts with the first connection.
void ClientRun::begin_intervals() noexcept {
    measured_from_ = started_;
    if (lead_for_ > Duration::zero()) part_ = RunPart::lead;
    look_at_ = part_ == RunPart::lead ? started_ + lead_for_ : kNever;
    if (has_intervals_) look_at_ = std::min(look_at_, started_ + kInterval);
}

/// A part of the run or an interval has ended: before the packets of this turn.
void ClientRun::look_at_clock(const Stack& stack, Instant now) noexcept {
    if (part_ == RunPart::lead && now - started_ >= lead_for_ && phase_ == Phase::opening) {
        end_part(RunPart::sustain, lead_for_);
        measure_from(stack, now);
    } else if (part_ == RunPart::ramp_down && now - ended_ >= ramp_down_) {
        end_part(RunPart::drain, *end_of(RunPart::sustain) + ramp_down_);
    }
    look_at_ = part_ == RunPart::lead        ? started_ + lead_for_
               : part_ == RunPart::ramp_down ? ended_ + ramp_down_
                                             : kNever;
    if (!has_intervals_) return;
    if (const auto whole = static_cast<uint32_t>((now - started_) / kInterval); whole > cuts_) {
        cuts_ = whole;
        // The end of the opening is a cut of its own.
        if (phase_ != Phase::opening || whole * kInterval != duration_) hand_over(whole * kInterval, false);
    }
    look_at_ = std::min(look_at_, started_ + (cuts_ + 1) * kInterval);
}

void ClientRun::hand_over(Duration end, bool separates) noexcept {
    for (size_t i = 0; i < rings_.size(); ++i)
        static_cast<void>(generators_[i].hand_over(*rings_[i], end, part_, separates));
}

void ClientRun::end_part(RunPart next, Duration at) noexcept {
    part_ends_[static_cast<size_t>(part_)] = at;
    hand_over(at, true);
    part_ = next;
}

/// The measured part begins.
void ClientRun::measure_from(const Stack& stack, Instant now) noexcept {
    measured_from_ = now;
    for (size_t i = 0; i < lead_.size(); ++i) lead_[i] = generators_[i].tally();
    lead_counters_ = stack.counters() - counters_before_;
    cycles_before_ = cycles;
}

bool ClientRun::turn(Stack& stack, Instant now) noexcept {
    if (phase_ == Phase::reaching) reach(stack, now);
    if (now >= look_at_) [[unlikely]]
        look_at_clock(stack, now);
    const bool busy = generators_.size() == 1 ? generators_.front().turn(stack, now) : turn_all(stack, now);
    switch (phase_) {
        case Phase::reaching: break;
        case Phase::filling: fill(now); break;
        case Phase::settling:
            if (now >= until_ || stop_.load(std::memory_order_relaxed)) begin_measuring(stack, now);
            break;
        case Phase::opening: open(stack, now); break;
        case Phase::draining:
            if (are_drained(of_classes_, now)) finish(stack, now);
            break;
        case Phase::emptying: {
            Generator* const background = &generators_.back();
            if (are_drained({&background, 1}, now)) phase_ = Phase::over;
            break;
        } break;
        case Phase::over: break;
    }
    return busy;
}

bool ClientRun::turn_all(Stack& stack, Instant now) noexcept {
    Sorter sorter(generators_);
    for (Generator& each : generators_) each.begin(now);
    bool busy = stack.begin(now);
    while (const Event* event = stack.next_event()) stack.dispatch(sorter, *event);
    for (Generator& each : generators_) busy |= each.act(stack);
    return stack.end() || busy;
}

void ClientRun::fill(Instant now) noexcept {
    if (background()->tally().established != background_established_) {
        background_established_ = background()->tally().established;
        until_ = now + kPatience;
    }
    if (!background()->is_full() && now < until_ && !stop_.load(std::memory_order_relaxed)) return;
    phase_ = Phase::settling;
    until_ = now + kSettle;
}

void ClientRun::begin_measuring(const Stack& stack, Instant now) noexcept {
    counters_before_ = stack.counters();
    cycles_before_ = cycles;
    started_ = now;
    begin_intervals();
    for (Generator* each : of_classes_) begin_opening(*each, now);
    phase_ = Phase::opening;
}

/// A run that is stopped earlier opens nothing: a signal may arrive while a device or the background
/// connections open.
void ClientRun::begin_opening(Generator& generator, Instant now) noexcept {
    if (!stop_.load(std::memory_order_relaxed)) generator.start(now);
}

void ClientRun::open(const Stack& stack, Instant now) noexcept {
    if (!filled_ && all([](const Generator& each) { return each.is_full(); })) filled_ = now;
    const bool held = hold_ && filled_ && now - *filled_ >= *hold_;
    const bool is_late = !all([](const Generator& each) { return each.all_due_offered(); });
    const Duration late = is_late ? kCatchUp : Duration::zero();
    const bool time_over = duration_ > Duration::zero() && now - started_ >= duration_ + late;
    if (stop_.load(std::memory_order_relaxed) || held || time_over) {
        end_measuring(stack, now);
        // A signal ends a run without its ramp-down.
        const Duration over = stop_.load(std::memory_order_relaxed) ? Duration::zero() : ramp_down_;
        for (Generator* each : of_classes_) begin_draining(*each, now, over);
        phase_ = Phase::draining;
    } else if (all([](const Generator& each) { return each.finished(); })) {
        end_measuring(stack, now);
        finish(stack, now);
    }
}

void ClientRun::end_measuring(const Stack& stack, Instant now) noexcept {
    ended_ = now;
    if (part_ == RunPart::lead) measure_from(stack, now);  // nothing was measured
    for (size_t i = 0; i < measured_.size(); ++i) {
        measured_[i] = generators_[i].tally();
        measured_[i] -= lead_[i];
    }
    measured_counters_ = stack.counters() - counters_before_ - lead_counters_;
    measured_cycles_ = cycles - cycles_before_;
    // The planned end, because the engines reach it in turns of their own.
    const bool as_planned = duration_ > Duration::zero() && now - started_ >= duration_;
    const bool ramps = ramp_down_ > Duration::zero() && !stop_.load(std::memory_order_relaxed);
    end_part(ramps ? RunPart::ramp_down : RunPart::drain, as_planned ? duration_ : now - started_);
    if (ramps) look_at_ = std::min(look_at_, now + ramp_down_);
}

void ClientRun::begin_draining(Generator& generator, Instant now, Duration over) noexcept {
    generator.stop(now, over);
    until_ = now + over + drain_;
    cut_ = false;
}

/// How long the answers to this generator took that it has handed over.
double ClientRun::answers_us_of(const Generator& generator) const noexcept {
    for (size_t i = 0; i < rings_.size(); ++i)
        if (of_classes_[i] == &generator) return rings_[i]->answers_us();
    return 0;
}

/// Whether all connections have ended. Resets those that are left after `drain_`.
bool ClientRun::are_drained(std::span<Generator* const> some, Instant now) noexcept {
    bool have_finished = true, are_ending = false;
    for (const Generator* each : some) {
        have_finished &= each->finished();
        are_ending |= each->ending();
    }
    if (have_finished) return true;
    if (part_ == RunPart::ramp_down && stop_.load(std::memory_order_relaxed)) {
        end_part(RunPart::drain, now - started_);
        for (Generator* each : some) begin_draining(*each, now, Duration::zero());
    }
    if (are_ending) {
        until_ = now + (cut_ ? kCut : drain_);
    } else if (now >= until_) {
        if (cut_) return true;
        for (Generator* each : some)
            if (!each->finished()) each->cut(answers_us_of(*each));
        cut_ = true;
        until_ = now + kCut;
    }
    return false;
}

/// The last of the generator's connections has ended.
void ClientRun::finish(const Stack& stack, Instant now) noexcept {
    emptied_ = now;
    part_ends_[static_cast<size_t>(part_)] = now - started_;
    counters_ = stack.counters() - counters_before_;
    phase_ = Phase::over;
    if (!has_background()) return;
    begin_draining(generators_.back(), now, Duration::zero());
    phase_ = Phase::emptying;
}

}  // namespace synfin::app
