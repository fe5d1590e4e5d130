/// Tuples are spread over all source addresses, and each address meets each target.
#include "traffic/source_turns.hh"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace synfin::app {
namespace {

TEST(SourceTurns, EachSourceMeetsEachCallEquallyOften) {
    for (size_t sources = 1; sources <= 12; ++sources)
        for (size_t calls = 1; calls <= 12; ++calls) {
            SourceTurns turns(sources, calls, 0, 1);
            std::map<std::pair<size_t, size_t>, unsigned> met;
            for (size_t i = 0; i < 2 * sources * calls; ++i) ++met[{turns.next(), i % calls}];
            ASSERT_EQ(met.size(), sources * calls) << sources << " sources, " << calls << " calls";
            for (const auto& [pair, times] : met)
                ASSERT_EQ(times, 2u) << sources << " sources, " << calls << " calls";
        }
}

TEST(SourceTurns, AFewConnectionsUseAsManySources) {
    for (const size_t calls : {1u, 2u, 8u}) {
        SourceTurns turns(8, calls, 0, 1);
        std::set<size_t> used;
        for (int i = 0; i < 8; ++i) used.insert(turns.next());
        EXPECT_EQ(used.size(), 8u) << calls << " calls";
    }
}

TEST(SourceTurns, EnginesBeginAtPlacesOfTheirOwn) {
    std::set<size_t> first;
    for (unsigned engine = 0; engine < 4; ++engine) first.insert(SourceTurns(100, 1, engine, 4).next());
    EXPECT_EQ(first, (std::set<size_t>{0, 25, 50, 75}));
    EXPECT_EQ(SourceTurns(2, 1, 3, 4).next(), 1u);
    EXPECT_EQ(SourceTurns(1, 1, 3, 4).next(), 0u);
}

}  // namespace
}  // namespace synfin::app
