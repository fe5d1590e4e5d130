#include "report/page.hh"

#include <gtest/gtest.h>

#include <regex>

#include "report/chart_lines.hh"
#include "report/html_text.hh"
#include "report/result_csv.hh"
#include "stored_samples.hh"

namespace synfin::app {
namespace {

using nlohmann::ordered_json;

size_t count(const std::string& text, const std::string& word) {
    size_t n = 0;
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++n;
    return n;
}

TEST(Escaped, LeavesNoMarkup) {
    EXPECT_EQ(escaped("a<b>&\"'\n\x01"), "a&lt;b&gt;&amp;&quot;&#39;  ");
    EXPECT_EQ(escaped("µ\xFF"), "µ\xEF\xBF\xBD");
    EXPECT_EQ(escaped("abcdef", 3), "abc…");
    EXPECT_EQ(escaped("aµ", 2), "a…") << "a character is not cut";
}

TEST(Page, ShowsVerdictFiguresAndCharts) {
    const std::string page = report_page({stored_load("a", 12'345, 100)});
    EXPECT_NE(page.find("✓ Passed: valid, the criterion met"), page.npos);
    EXPECT_NE(page.find("12,345<small> /s</small>"), page.npos);
    EXPECT_NE(page.find("<h1>http://10.0.0.2:80/</h1>"), page.npos);
    for (const char* title :
         {"Connections per second", "Open connections", "Time to connect", "Failures per second",
          "Share of connections that took longer", "Failures by cause"})
        EXPECT_NE(page.find(title), page.npos) << title;
    EXPECT_EQ(count(page, "<svg class=\"drawing\""), count(page, "<desc id=")) << "each chart is described";
    EXPECT_EQ(page.find("nan"), page.npos);
    EXPECT_EQ(page.find(" inf"), page.npos);
}

TEST(Page, SaysWhatWasMissed) {
    StoredResult result = stored_load("a", 1'000, 100);
    result.json["passed"] = false;
    result.json["criteria"][0]["verdict"] = "fail";
    EXPECT_NE(report_page({result}).find("✕ Failed: 1 of 1 criteria missed"), std::string::npos);
    result.json["valid"] = false;
    result.json["invalid_because"] = {"the generator was late"};
    const std::string page = report_page({result});
    EXPECT_NE(page.find("✕ Not valid"), page.npos);
    EXPECT_NE(page.find("<li>the generator was late</li>"), page.npos);
}

TEST(Page, OverlaysSeveralResults) {
    const std::string page =
        report_page({stored_load("before", 1'000, 100), stored_load("after", 1'200, 90, 30, 2)});
    EXPECT_NE(page.find("A before"), page.npos);
    EXPECT_NE(page.find("B after"), page.npos);
    EXPECT_NE(page.find("+20.0 %"), page.npos);
    EXPECT_NE(page.find("</span> better</span>"), page.npos);
}

/// Every string of the result is a script that must not run.
void poison(ordered_json& json) {
    const std::string script = "\"'><script>alert(1)</script><img src=http://evil/>";
    if (json.is_string()) json = script;
    if (!json.is_structured()) return;
    for (auto& each : json) poison(each);
    if (json.is_object()) json[script] = 5;
}

TEST(Page, EscapesEveryTextOfAResult) {
    StoredResult result = stored_load("<script>", 1'000, 100);
    result.json["classes"]["web"] = {{"latency_us", result.json["latency_us"]},
                                     {"connections", result.json["connections"]}};
    result.json["phases"] = {{{"name", "ramp-up"}, {"from_s", 0}, {"to_s", 5}}};
    result.json["search"] = {
        {"found", 5}, {"unit", "/s"}, {"trials", {{{"value", 5}, {"outcome", "pass"}, {"why", "x"}}}}};
    result.json["repeats"] = {
        {"n", 5}, {"of", "cps"}, {"why", {"x"}}, {"figures", {{"cps", {{"unit", "x"}, {"median", 1}}}}}};
    result.json["cores"] = {{{"core", "x"}, {"role", "x"}}};
    for (const char* kept : {"whole", "config", "invalid_because", "warnings", "host"}) {
        StoredResult poisoned = result;
        if (std::string_view(kept) == "whole")
            poison(poisoned.json);
        else
            poison(poisoned.json[kept]);
        for (const auto& page : {report_page({poisoned}), report_page({poisoned, result})}) {
            EXPECT_EQ(page.find("<script"), page.npos) << kept;
            EXPECT_EQ(page.find("<img"), page.npos) << kept;
        }
    }
}

TEST(Page, TakesEveryShape) {
    // Each value in turn is replaced by values of other types.
    const StoredResult whole = stored_load("a", 1'000, 100, 3);
    for (const auto& [key, value] : whole.json.items())
        for (const char* other : {"null", "[]", "{}", "[[]]", "{\"a\": {\"b\": 1e308}}", "-1e300", "\"x\""}) {
            StoredResult result = whole;
            result.json[key] = ordered_json::parse(other);
            EXPECT_NE(report_page({result}).find("</html>"), std::string::npos);
            EXPECT_NE(to_csv({result}).find("result,class"), std::string::npos);
        }
    StoredResult extreme = whole;
    for (auto& point : extreme.json["series"]) {
        point["t"] = 1e308;
        point["completed"] = -1e308;
        point["latency"]["connect"]["p99"] = 0;
    }
    EXPECT_EQ(report_page({extreme}).find("nan"), std::string::npos);
}

TEST(Page, FetchesNothing) {
    const std::string page = report_page({stored_load("a", 1'000, 100)});
    const std::regex fetching(R"((src|href|action|xlink:href)\s*=|url\(|@import)");
    EXPECT_FALSE(std::regex_search(page, fetching));
}

TEST(Page, ADayIsNoLargerThanAnHour) {
    const size_t hour = report_page({stored_load("a", 1'000, 100, 3'600)}).size(),
                 day = report_page({stored_load("a", 1'000, 100, 86'400)}).size();
    EXPECT_LT(hour, 600'000u);
    EXPECT_LT(day, hour + hour / 10);
}

TEST(Thinned, KeepsLeastAndGreatest) {
    std::vector<ChartPoint> points;
    for (int i = 0; i < 10'000; ++i)
        points.push_back({static_cast<double>(i), i == 7'777 ? 99.0 : i == 1'234 ? -5.0 : 1.0});
    const auto few = thinned(points, 100);
    EXPECT_LE(few.size(), 100u);
    EXPECT_TRUE(std::any_of(few.begin(), few.end(), [](const ChartPoint& point) { return point.y == 99; }));
    EXPECT_TRUE(std::any_of(few.begin(), few.end(), [](const ChartPoint& point) { return point.y == -5; }));
    EXPECT_TRUE(std::is_sorted(few.begin(), few.end(),
                               [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; }));
}

TEST(Page, NothingFailedIsAFlatLine) {
    const std::string page = report_page({stored_load("a", 1'000, 100)});
    const size_t from = page.find("<figcaption>Failures per second");
    ASSERT_NE(from, page.npos);
    const std::string chart = page.substr(from, page.find("</figure>", from) - from);
    EXPECT_NE(chart.find("bottom:100.00%\">1</span>"), chart.npos)
        << "the axis must not end at a rounding error";
}

TEST(SlowerPoints, FallFromOneToTheLastSample) {
    const auto points = slower_points(stored_load("a", 1'000, 100).json, "connect");
    ASSERT_GT(points.size(), 5u);
    EXPECT_EQ(points.front().y, 1);
    EXPECT_NEAR(points.back().y, 1.0 / 20'000, 1e-9);
    const auto at_two =
        std::find_if(points.begin(), points.end(), [](const ChartPoint& point) { return point.x > 200; });
    EXPECT_NEAR(at_two->y, 0.01, 0.0005) << "1 % took ten times as long";
}

TEST(Csv, HasARowForEachValue) {
    StoredResult result = stored_load("=a,b", 1'000, 100, 2);
    const std::string csv = to_csv({result});
    EXPECT_TRUE(csv.starts_with("result,class,t_s,figure,value,unit\r\n"));
    EXPECT_NE(csv.find("\"'=a,b\",,,cps,1000,/s\r\n"), csv.npos) << csv.substr(0, 400);
    EXPECT_NE(csv.find("\"'=a,b\",,2,open,64,connections\r\n"), csv.npos);
    EXPECT_NE(csv.find(",,1,connect.p50,100,us\r\n"), csv.npos);
}

}  // namespace
}  // namespace synfin::app
