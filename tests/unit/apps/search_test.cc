/// @file
/// The search for the greatest load, against simulated targets.

#include "trials/search.hh"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "base/random.hh"

namespace synfin::app {
namespace {

struct Course {
    Search search;
    std::vector<SearchStep> steps;
    std::vector<TrialOutcome> outcomes;
};

/// Runs a search to its end. @param target the outcome of a trial
Course run(const SearchPlan& plan, const std::function<TrialOutcome(const SearchStep&)>& target) {
    Course course{Search(plan), {}, {}};
    while (const auto step = course.search.next()) {
        course.steps.push_back(*step);
        course.outcomes.push_back(target(*step));
        course.search.record(course.outcomes.back());
        if (course.steps.size() > Search::kMostSteps) {
            ADD_FAILURE() << "the search does not end";
            break;
        }
    }
    return course;
}

/// Carries up to this many.
auto up_to(uint64_t capacity) {
    return [capacity](const SearchStep& step) {
        return step.value <= capacity ? TrialOutcome::pass : TrialOutcome::fail;
    };
}

uint64_t found_of(const Course& course) {
    return course.search.found().value_or(0);
}

TEST(Search, FindsTheCapacityWithinTheResolution) {
    for (const uint64_t capacity : {1u, 7u, 999u, 1'000u, 1'001u, 14'900u, 123'456u, 999'999u}) {
        const Course done = run({}, up_to(capacity));
        EXPECT_LE(found_of(done), capacity);
        EXPECT_GE(static_cast<double>(found_of(done)), 0.99 * static_cast<double>(capacity) - 1) << capacity;
        EXPECT_EQ(done.search.limited_by(), SearchLimit::target);
        ASSERT_TRUE(done.search.upper_bound());
        EXPECT_GT(*done.search.upper_bound(), capacity);
        EXPECT_LE(done.steps.size(), 25u) << capacity;
    }
}

TEST(Search, GrowsGeometricallyFromTheFirstValueAndThenBisects) {
    const Course done = run({.first = 100, .resolution_ppm = 100'000}, up_to(750));
    std::vector<uint64_t> values;
    for (const SearchStep& each : done.steps) values.push_back(each.value);
    EXPECT_EQ(values, (std::vector<uint64_t>{100, 200, 400, 800, 566, 673, 734, 734}));
}

TEST(Search, OnlyTheValueFoundIsTriedForTheFullTime) {
    const Course done = run({.trial = 2s, .full = 60s}, up_to(5'000));
    for (size_t i = 0; i + 1 < done.steps.size(); ++i) {
        EXPECT_FALSE(done.steps[i].is_full);
        EXPECT_EQ(done.steps[i].duration, 2s);
    }
    EXPECT_TRUE(done.steps.back().is_full);
    EXPECT_EQ(done.steps.back().duration, 60s);
    EXPECT_EQ(done.steps.back().value, found_of(done));
}

TEST(Search, LooksLowerWhenAValueFailsTheFullTrial) {
    // A short trial cannot tell capacities above 1,000 from 1,200: a bucket is full at first.
    const auto bucket = [](const SearchStep& step) {
        return step.value <= (step.is_full ? 1'000u : 1'200u) ? TrialOutcome::pass : TrialOutcome::fail;
    };
    const Course done = run({}, bucket);
    EXPECT_LE(found_of(done), 1'000u);
    EXPECT_GE(found_of(done), 989u);
    EXPECT_EQ(done.search.limited_by(), SearchLimit::target);
    bool was_full = false;
    for (const SearchStep& each : done.steps) {
        EXPECT_TRUE(each.is_full || !was_full) << "a short trial after a full one";
        was_full = each.is_full;
    }
}

TEST(Search, FindsNothingWhenNothingPasses) {
    const Course done =
        run({.first = 5'000, .least = 3}, [](const SearchStep&) { return TrialOutcome::fail; });
    EXPECT_FALSE(done.search.found());
    EXPECT_FALSE(done.search.lower_bound());
    EXPECT_EQ(done.search.upper_bound(), 3u);
    EXPECT_EQ(done.search.limited_by(), SearchLimit::target);
    EXPECT_EQ(done.steps.back().value, 3u);
}

TEST(Search, StopsAtTheCeilingWhenEverythingPasses) {
    const Course done = run({.most = 77'000}, [](const SearchStep&) { return TrialOutcome::pass; });
    EXPECT_EQ(found_of(done), 77'000u);
    EXPECT_EQ(done.search.limited_by(), SearchLimit::ceiling);
    EXPECT_FALSE(done.search.upper_bound());
    for (const SearchStep& each : done.steps) EXPECT_LE(each.value, 77'000u);
}

TEST(Search, TellsTheTestersLimitFromTheTargets) {
    const auto tester = [](const SearchStep& step) {
        return step.value <= 30'000 ? TrialOutcome::pass : TrialOutcome::invalid;
    };
    const Course done = run({}, tester);
    EXPECT_LE(found_of(done), 30'000u);
    EXPECT_GE(found_of(done), 29'600u);
    EXPECT_EQ(done.search.limited_by(), SearchLimit::tester);
    // Nothing is tried above the first value that was invalid twice.
    EXPECT_EQ(done.search.upper_bound().value_or(0) / 1'000, 30u);
    for (const SearchStep& each : done.steps) EXPECT_LE(each.value, 32'000u);
}

TEST(Search, TheTargetsLimitBelowTheTestersCounts) {
    const auto both = [](const SearchStep& step) {
        return step.value > 30'000   ? TrialOutcome::invalid
               : step.value > 20'000 ? TrialOutcome::fail
                                     : TrialOutcome::pass;
    };
    const Course done = run({}, both);
    EXPECT_LE(found_of(done), 20'000u);
    EXPECT_EQ(done.search.limited_by(), SearchLimit::target);
}

TEST(Search, RepeatsAnInvalidTrialOnce) {
    unsigned trials = 0;
    const auto hiccup = [&](const SearchStep& step) {
        return ++trials == 3 ? TrialOutcome::invalid : up_to(6'000)(step);
    };
    const Course done = run({}, hiccup);
    EXPECT_EQ(done.steps[2].value, done.steps[3].value);
    EXPECT_LE(found_of(done), 6'000u);
    EXPECT_GE(found_of(done), 5'940u);
    EXPECT_EQ(done.search.limited_by(), SearchLimit::target);
}

TEST(Search, EveryTrialInvalidFindsNothing) {
    const Course done = run({.first = 8}, [](const SearchStep&) { return TrialOutcome::invalid; });
    EXPECT_FALSE(done.search.found());
    EXPECT_EQ(done.search.limited_by(), SearchLimit::tester);
    EXPECT_EQ(done.steps.size(), 8u);  // 8, 4, 2, 1, each twice
}

TEST(Search, AShortTrialTooSmallForACriterionDoesNotCountAgainstTheValue) {
    const auto small = [](const SearchStep& step) {
        return step.value > 9'000 ? TrialOutcome::fail
               : step.is_full     ? TrialOutcome::pass
                                  : TrialOutcome::undecidable;
    };
    const Course done = run({}, small);
    EXPECT_GE(found_of(done), 8'910u);
}

TEST(Search, AFullTrialTooSmallEndsTheSearch) {
    const auto small = [](const SearchStep& step) {
        return step.value > 9'000 ? TrialOutcome::fail : TrialOutcome::undecidable;
    };
    const Course done = run({}, small);
    EXPECT_FALSE(done.search.found());
    EXPECT_TRUE(done.search.is_undecidable());
    EXPECT_TRUE(done.steps.back().is_full);
}

TEST(Search, ANoisyTargetIsFoundNearItsCapacity) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        Random random(seed);
        // Its capacity varies by up to 3 % from trial to trial, and by less over a longer one.
        const auto noisy = [&](const SearchStep& step) {
            const double width = step.is_full ? 0.01 : 0.03;
            const double noise = (static_cast<double>(random.below(2'001)) / 1'000 - 1) * width;
            return static_cast<double>(step.value) <= 50'000 * (1 + noise) ? TrialOutcome::pass
                                                                           : TrialOutcome::fail;
        };
        const Course done = run({}, noisy);
        EXPECT_GE(found_of(done), 47'500u) << seed;
        EXPECT_LE(found_of(done), 50'500u) << seed;
        EXPECT_LE(done.steps.size(), 40u) << seed;
    }
}

TEST(Search, EndsWithinItsStepsWhateverTheOutcomes) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        Random random(seed);
        const auto any = [&](const SearchStep&) { return static_cast<TrialOutcome>(random.below(4)); };
        const Course done = run({.first = 1 + random.below(1'000'000), .resolution_ppm = 1}, any);
        EXPECT_LE(done.steps.size(), Search::kMostSteps);
        if (const auto found = done.search.found(), upper = done.search.upper_bound(); found && upper) {
            EXPECT_LT(*found, *upper);
        }
    }
}

TEST(Search, StopKeepsWhatWasFound) {
    Search search({});
    search.record(TrialOutcome::pass);
    search.stop();
    EXPECT_FALSE(search.next());
    EXPECT_FALSE(search.found());
    EXPECT_EQ(search.lower_bound(), 1'000u);
    EXPECT_EQ(search.limited_by(), SearchLimit::none);
}

}  // namespace
}  // namespace synfin::app
