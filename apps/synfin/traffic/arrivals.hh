#pragma once
/// @file
/// Arrivals: one engine's part of an open loop's arrivals, one after the other.

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/random.hh"
#include "config/arrival_pattern.hh"
#include "sampler.hh"
#include "schedule.hh"

namespace synfin::app {

struct ArrivalPlan {
    ArrivalPattern pattern;
    std::span<const Duration> times;  ///< trace: of this engine's arrivals; must outlive the Arrivals
    double rate = 0;                  ///< per second over all engines
    Duration ramp{};                  ///< constant, poisson and bursts
    uint32_t engine = 0, engines = 1;
    uint64_t seed = 1;  ///< poisson
};

/// Engine i of n takes every n-th arrival, so that the engines together offer the exact number. Poisson
/// arrivals are the exception: each engine draws its own at its share of the rate, which together are a
/// Poisson process at the rate; their number varies.
/// @note cost: next() is a load; take() some divisions, for poisson also a logarithm.
class Arrivals {
  public:
    using Kind = ArrivalPattern::Kind;

    Arrivals() = default;
    /// @param limit    the most arrivals of this engine
    /// @param duration arrivals due later are none of ours; 0: no end
    Arrivals(const ArrivalPlan& plan, Instant start, uint64_t limit, Duration duration)
        : plan_(plan),
          schedule_(plan.pattern.kind == Kind::steps ? Schedule(start, plan.pattern.steps)
                                                     : Schedule(start, plan.rate, plan.ramp)),
          random_(plan.seed + kFirstSeed + plan.engine),
          limit_(limit) {
        const bool ends = duration > Duration::zero();
        if (ends) end_ = start + duration;
        if (plan_.pattern.kind == Kind::trace)
            limit_ = std::min<uint64_t>(limit_, plan_.times.size());
        else if (ends && plan_.pattern.kind != Kind::poisson)
            limit_ = std::min(limit_, of_this_engine(round_up(schedule_.due_within(duration))));
        advance();
    }

    /// When the next arrival is due; Schedule::kNever when there is none.
    Instant next() const noexcept { return next_; }
    bool is_over() const noexcept { return next_ == Schedule::kNever; }
    void take() noexcept {
        ++taken_;
        advance();
    }
    /// Takes all arrivals that are due by now, and returns how many. Their number can be anything when the
    /// engine was away, so the numbers of arrivals are searched by halves. Poisson arrivals beyond the first
    /// kMostDraws are replaced by their mean.
    uint64_t take_until(Instant now) noexcept {
        const uint64_t before = taken_;
        if (plan_.pattern.kind == Kind::poisson) {
            for (uint64_t left = kMostDraws; left != 0 && next_ <= now; --left) take();
            if (next_ <= now) {
                const Duration behind = std::min(now, end_) - next_;
                taken_ += static_cast<uint64_t>(plan_.rate / plan_.engines *
                                                std::chrono::duration<double>(behind).count());
                taken_ = std::min(taken_, limit_);
                next_ = Schedule::kNever;
            }
        } else if (next_ <= now) {
            uint64_t yes = taken_, no = taken_ + 1;
            while (no < limit_ && at(no) <= now) {
                const uint64_t step = 2 * (no - taken_);
                yes = no;
                no = std::min(limit_, taken_ + step);
            }
            while (no - yes > 1) {
                const uint64_t middle = yes + (no - yes) / 2;
                (at(middle) <= now ? yes : no) = middle;
            }
            taken_ = no;
            advance();
        }
        return taken_ - before;
    }
    static constexpr uint64_t kMostDraws = 1'000'000;

  private:
    static constexpr uint64_t kFirstSeed = 2'048;  ///< apart from those of the generators
    uint64_t number_of(uint64_t i) const noexcept { return i * plan_.engines + plan_.engine; }
    /// The number of arrivals of a burst that begins before the end.
    uint64_t round_up(uint64_t n) const noexcept {
        const uint64_t burst = plan_.pattern.burst;
        return (n + burst - 1) / burst * burst;
    }
    /// How many of the first n arrivals of all engines are ours.
    uint64_t of_this_engine(uint64_t n) const noexcept {
        return n > plan_.engine ? (n - plan_.engine - 1) / plan_.engines + 1 : 0;
    }
    /// When the i-th arrival of this engine is due; not for poisson.
    Instant at(uint64_t i) const noexcept {
        if (plan_.pattern.kind == Kind::trace) {
            return schedule_.start() + plan_.times[i];
        }
        const uint64_t number = number_of(i);
        return schedule_.due(number - number % plan_.pattern.burst);
    }
    void advance() noexcept {
        next_ = Schedule::kNever;
        if (taken_ >= limit_) return;
        if (plan_.pattern.kind == Kind::poisson)
            next_ = schedule_.due_at(drawn_ += exponential_of(random_) * plan_.engines);
        else
            next_ = at(taken_);
        const bool is_bounded = plan_.pattern.kind == Kind::poisson || plan_.pattern.kind == Kind::trace;
        if (is_bounded && next_ >= end_) next_ = Schedule::kNever;
    }

    ArrivalPlan plan_;
    Schedule schedule_;
    Random random_{0};
    uint64_t limit_ = 0;  ///< this engine's arrivals
    uint64_t taken_ = 0;
    double drawn_ = 0;  ///< poisson: the present arrival as a number of all engines' arrivals
    Instant next_ = Schedule::kNever, end_ = Schedule::kNever;
};

}  // namespace synfin::app
