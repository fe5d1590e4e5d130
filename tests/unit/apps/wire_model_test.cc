#include "results/wire_model.hh"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace synfin::app {
namespace {

/// 3 GHz; 1,500 cycles at the client, 1,000 at the server; 3 frames of 100 bytes to the server, 3 of 130
/// back.
WireModel some_model() {
    WireModel model;
    model.hz = 3e9;
    model.client_cycles = 1'500;
    model.server_cycles = 1'000;
    model.to_server = {3, 100};
    model.to_client = {3, 130};
    return model;
}

TEST(WireModel, AFrameTakesWhatIeee8023Says) {
    // 64 bytes at 10 Gbit/s: 14.88 M a second, as every data sheet has it; 1,518: 812,744.
    EXPECT_EQ(wire_bytes(60), 84);
    EXPECT_EQ(wire_bytes(54), 84) << "padded";
    EXPECT_EQ(wire_bytes(61), 85);
    EXPECT_EQ(static_cast<int>(10e9 / 8 / wire_bytes(60)), 14'880'952);
    EXPECT_EQ(static_cast<int>(10e9 / 8 / wire_bytes(1'514)), 812'743);
}

TEST(WireModel, TheBusierDirectionFillsTheLink) {
    WireModel model = some_model();
    EXPECT_DOUBLE_EQ(model.to_client.bytes(), 3 * 154);
    EXPECT_DOUBLE_EQ(model.link_cps(10), 10e9 / 8 / 462);
    std::swap(model.to_client, model.to_server);
    EXPECT_DOUBLE_EQ(model.link_cps(10), 10e9 / 8 / 462) << "whichever it is";
    EXPECT_DOUBLE_EQ(model.link_cps(400), 40 * model.link_cps(10));
}

TEST(WireModel, CoresAddUpUntilTheWireIsFull) {
    const WireModel model = some_model();
    EXPECT_DOUBLE_EQ(model.cores_cps(model.server_cycles, 1), 3e6);
    EXPECT_DOUBLE_EQ(model.cores_cps(model.client_cycles, 8), 16e6);
    // 10 GbE carries 2.7056 M: less than one core of the server's does, more than one of the client's.
    EXPECT_EQ(model.cores_to_fill(model.server_cycles, 10), 1u);
    EXPECT_EQ(model.cores_to_fill(model.client_cycles, 10), 2u);
    // 100 GbE 27.056 M: ten cores do 30, nine 27.
    EXPECT_EQ(model.cores_to_fill(model.server_cycles, 100), 10u);
}

TEST(WireModel, JsonHasTheLesserOfCoresAndWire) {
    const auto json = to_json(some_model());
    const auto& links = json["server"]["links"];
    ASSERT_EQ(links.size(), kLinkGbits.size());
    EXPECT_EQ(links[0]["gbit_s"], 10);
    EXPECT_EQ(links[0]["cps_by_cores"]["1"], 2'705'628);
    EXPECT_EQ(links[2]["cps_by_cores"]["8"], 24'000'000);
    EXPECT_EQ(links[2]["cps_by_cores"]["16"], 27'056'277);
    EXPECT_EQ(links[2]["wire_limits_from_cores"], 10);
    EXPECT_DOUBLE_EQ(json["client"]["cycles_per_packet"], 250);
    for (const auto& link : links)
        for (const unsigned cores : kModelCores)
            EXPECT_LE(link["cps_by_cores"][std::to_string(cores)], link["wire_cps"]);
}

TEST(WireModel, TextMarksWhatTheWireLimits) {
    const std::string text = model_text(to_json(some_model()));
    EXPECT_NE(text.find("24.00 M "), text.npos) << text;
    EXPECT_NE(text.find("27.06 M*"), text.npos) << text;
    EXPECT_EQ(text.find("27.06 M "), text.npos) << text;
    EXPECT_NE(text.find("10 cores"), text.npos) << text;
}

nlohmann::ordered_json some_result() {
    return {
        {"host", {{"tsc_hz", 2'600'000'000u}}},
        {"rates",
         {{"cps", 1'000.0}, {"tx_pps", 3'000.0}, {"rx_pps", 4'000.0}, {"tx_bps", 2.4e6}, {"rx_bps", 6.4e6}}},
        {"cycles_per_connection", {{"client", 2'000.0}, {"server", 1'300.0}, {"both", 3'300.0}}}};
}

TEST(WireModel, TakesItsInputsFromTheResult) {
    const auto model = WireModel::of(some_result());
    ASSERT_TRUE(model);
    EXPECT_DOUBLE_EQ(model->hz, 2.6e9);
    EXPECT_DOUBLE_EQ(model->client_cycles, 2'000);
    EXPECT_DOUBLE_EQ(model->server_cycles, 1'300);
    EXPECT_DOUBLE_EQ(model->to_server.packets, 3);
    EXPECT_DOUBLE_EQ(model->to_server.frame, 100);
    EXPECT_DOUBLE_EQ(model->to_client.packets, 4);
    EXPECT_DOUBLE_EQ(model->to_client.frame, 200);
}

TEST(WireModel, NoneWithoutConnectionsThatEnd) {
    auto result = some_result();
    result["rates"]["cps"] = 0.0;
    EXPECT_FALSE(WireModel::of(result));
    result = some_result();
    result["cycles_per_connection"]["server"] = nullptr;
    EXPECT_FALSE(WireModel::of(result));
}

}  // namespace
}  // namespace synfin::app
