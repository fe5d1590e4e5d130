/// The duration of a connection's life and the number of retransmissions, by kind and loss rate. Every digit
/// must equal results.txt, so that each change of behaviour is seen. SYNFIN_UPDATE=1 rewrites the file.
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "committed_table.hh"
#include "life.hh"

namespace synfin::simulation {
namespace {

constexpr uint64_t kLivesPerCell = 60;

struct Column {
    const char* name;
    Faults faults;
    fakes::Family family = fakes::Family::v4;
};
constexpr Column kColumns[] = {
    {"no loss", {}},
    {"loss 1 %", {.loss = 10'000}},
    {"loss 5 %", {.loss = 50'000}},
    {"loss 20 %", {.loss = 200'000}},
    {"reorder 10 %", {.reorder = 100'000}},
    {"duplicate 10 %", {.duplicate = 100'000}},
    {"IPv6, no loss", {}, fakes::Family::v6},
    {"IPv6, loss 5 %", {.loss = 50'000}, fakes::Family::v6},
};

std::string table() {
    std::ostringstream out;
    out << "# Mean time until both ends were told of the end (ms), packets, segments sent again and "
           "timeouts\n"
           "# per life; "
        << kLivesPerCell
        << " lives each, the same seeds in each column. Made by "
           "tests/simulation/table_test.cc.\n";
    for (const auto& column : kColumns) {
        out << "\n" << column.name << "\n";
        for (uint64_t kind = 0; kind < static_cast<uint64_t>(Kind::kCount); ++kind) {
            int64_t duration_us = 0;
            uint64_t packets = 0, retransmitted = 0, timeouts = 0, complete = 0;
            for (uint64_t i = 0; i < kLivesPerCell; ++i) {
                const uint64_t seed = 100'000 + i * static_cast<uint64_t>(Kind::kCount) + kind;
                const auto result = live(seed, column.faults, column.family);
                EXPECT_EQ(result.failure, "");
                duration_us += result.duration / 1us;
                packets += result.packets;
                retransmitted += result.retransmitted;
                timeouts += result.timeouts;
                complete += result.complete;
            }
            char line[160];
            const auto per_life = [](uint64_t n) { return static_cast<double>(n) / kLivesPerCell; };
            std::snprintf(line, sizeof line,
                          "  %-22s %12.3f ms %8.2f packets %7.2f again %7.2f timeouts %3u complete\n",
                          name(static_cast<Kind>(kind)), per_life(static_cast<uint64_t>(duration_us)) / 1000,
                          per_life(packets), per_life(retransmitted), per_life(timeouts),
                          static_cast<unsigned>(complete));
            out << line;
        }
    }
    return out.str();
}

TEST(ResultTable, IsWhatItWas) {
    compare_with_committed(SYNFIN_RESULTS_FILE, table());
}

}  // namespace
}  // namespace synfin::simulation
