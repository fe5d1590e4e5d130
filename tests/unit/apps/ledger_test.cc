#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "results/ledger_report.hh"

namespace synfin::app {
namespace {

void turn(Ledger& ledger, bool busy) {
    ledger.begin_turn();
    for (size_t i = 0; i < kStages; ++i) ledger.stamp(static_cast<Stage>(i));
    ledger.end_turn(busy);
}

TEST(Ledger, CountsBusyTurnsWhileItIsKept) {
    Ledger ledger;
    turn(ledger, true);
    EXPECT_EQ(ledger.turns(), 0u);
    EXPECT_EQ(ledger.stamps(), 0u);
    ledger.keep(true);
    turn(ledger, false);
    EXPECT_EQ(ledger.turns(), 0u);
    EXPECT_EQ(ledger.cycles(Stage::core), 0u);
    turn(ledger, true);
    turn(ledger, true);
    EXPECT_EQ(ledger.turns(), 2u);
    EXPECT_EQ(ledger.stamps(), 2 * kStages);
    for (size_t i = 0; i < kStages; ++i) EXPECT_GT(ledger.cycles(static_cast<Stage>(i)), 0u) << i;
    EXPECT_GT(Ledger::stamp_cycles(), 1.0);
}

TEST(Ledger, IsReportedByEndAndConnection) {
    Ledger ledgers[4];
    for (Ledger& ledger : ledgers) {
        ledger.keep(true);
        turn(ledger, true);
    }
    const LedgerOf engines[] = {
        {ledgers[0], 30, 31}, {ledgers[1], 20, 21}, {ledgers[2], 10, 11}, {ledgers[3], 40, 43}};
    const auto json = ledger_json(engines, 10);
    const auto both = static_cast<double>(ledgers[1].cycles(Stage::emit) + ledgers[3].cycles(Stage::emit));
    EXPECT_DOUBLE_EQ(json["server"]["emit"].get<double>(), both / 10);
    const auto& per_packet = json["per_packet"]["server"];  // 60 were received, 64 sent
    EXPECT_DOUBLE_EQ(per_packet["emit"].get<double>(), both / 64);
    const auto lookups =
        static_cast<double>(ledgers[1].cycles(Stage::lookup) + ledgers[3].cycles(Stage::lookup));
    EXPECT_DOUBLE_EQ(per_packet["lookup"].get<double>(), lookups / 60);
    EXPECT_DOUBLE_EQ(per_packet["total"].get<double>() * 124, json["server"]["total"].get<double>() * 10);
    EXPECT_DOUBLE_EQ(json["client"]["connections_per_turn"].get<double>(), 5.0);
    double stages = 0;
    for (size_t i = 0; i < kStages; ++i) stages += json["client"][name(static_cast<Stage>(i))].get<double>();
    EXPECT_DOUBLE_EQ(json["client"]["total"].get<double>(), stages);
    const std::string text = ledger_text(json);
    for (size_t i = 0; i < kStages; ++i) EXPECT_NE(text.find(name(static_cast<Stage>(i))), std::string::npos);
}

}  // namespace
}  // namespace synfin::app
