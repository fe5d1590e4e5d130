#include "command/command_line.hh"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>

namespace synfin::app {
namespace {

Exit nothing(const Config&) {
    return Exit::done;
}
constexpr Subcommand kBench{Command::bench, "bench", "measures", "  synfin bench\n", "", nothing};
constexpr Subcommand kServe{Command::serve, "serve", "serves", "  synfin serve --app http\n", "", nothing};
constexpr Subcommand kLoad{Command::load, "load", "loads", "  synfin load http://10.0.0.2/\n",
                           "TARGET",      nothing};
constexpr std::array kAll = {&kBench, &kServe, &kLoad};

Request parse(const std::vector<std::string>& arguments) {
    return parse_command_line(arguments, kAll);
}
std::string refusal(const std::vector<std::string>& arguments) {
    try {
        parse(arguments);
    } catch (const UserError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        return error.what();
    }
    return {};
}

TEST(CommandLine, OptionsAndTargets) {
    const Request request =
        parse({"load", "http://10.0.0.2:80/", "tcp://10.0.0.3:7", "-c", "64k", "-R", "1M", "-d", "30s",
               "--address", "10.0.0.1/24", "--address", "10.0.0.4/24", "--connect-only"});
    ASSERT_EQ(request.subcommand, &kLoad);
    EXPECT_EQ(request.config.load.targets.size(), 2u);
    EXPECT_EQ(request.config.load.connections, 64'000u);
    EXPECT_EQ(request.config.load.rate, 1'000'000u);
    EXPECT_EQ(request.config.load.duration, 30s);
    EXPECT_EQ(request.config.addresses.size(), 2u);
    EXPECT_TRUE(request.config.load.connect_only);
    EXPECT_EQ(parse({"bench", "-c", "8"}).config.bench.connections, 8u);
}

TEST(CommandLine, OptionsBeatSetAndSetBeatsTheFile) {
    const std::string path = testing::TempDir() + "command_line_test.yaml";
    std::ofstream(path) << "device: a\naddress: 10.0.0.9/24\ntcp:\n  msl: 1s\nserve:\n  backlog: 5\n";
    const Request request = parse({"serve", "--msl", "3s", "-f", path, "--set", "tcp.msl=2s", "--set",
                                   "serve.backlog=6", "--address", "10.0.0.1/24"});
    std::remove(path.c_str());
    EXPECT_EQ(request.config.device, "a");
    EXPECT_EQ(request.config.tcp.msl, 3s);
    EXPECT_EQ(request.config.serve.backlog, 6u);
    ASSERT_EQ(request.config.addresses.size(), 1u) << "a list is replaced, not added to";
    EXPECT_EQ(request.config.addresses[0].text(), "10.0.0.1/24");
}

TEST(CommandLine, Refusals) {
    EXPECT_EQ(refusal({"bench", "-f", ""}), "--file: expected a name, found nothing");
    EXPECT_EQ(refusal({"serve", "--adress", "1.2.3.4/8"}),
              "unknown option '--adress'; did you mean '--address'?");
    EXPECT_EQ(refusal({"serve", "--adress=1.2.3.4/8"}),
              "unknown option '--adress'; did you mean '--address'?");
    EXPECT_EQ(refusal({"laod"}), "unknown subcommand 'laod'; did you mean 'load'?");
    EXPECT_EQ(refusal({"serve", "surplus"}), "unexpected argument 'surplus'");
    EXPECT_EQ(refusal({"load", "-c", "many"}),
              "--connections: expected a count such as 1000, 64k or 1M, found 'many'");
    EXPECT_EQ(refusal({"serve", "--app", "htp"}),
              "--app: expected echo|discard|chargen|http, found 'htp'; did you mean 'http'?");
    EXPECT_NE(refusal({"serve", "--app"}), "");
    EXPECT_NE(
        refusal({"serve", "-f", "/nonexistent.yaml"}).find("/nonexistent.yaml: can't be read: No such file"),
        std::string::npos);
}

TEST(CommandLine, HelpHasAnExample) {
    EXPECT_NE(parse({"--help"}).text.find("serve"), std::string::npos);
    EXPECT_NE(parse({}).text.find("serve"), std::string::npos);
    for (const Subcommand* subcommand : kAll) {
        const Request request = parse({std::string(subcommand->name), "--help"});
        EXPECT_EQ(request.subcommand, nullptr);
        EXPECT_NE(request.text.find("Examples:\n  synfin " + std::string(subcommand->name)),
                  std::string::npos)
            << request.text;
    }
}

TEST(CommandLine, HelpShowsDefaults) {
    const std::string serve = parse({"serve", "--help"}).text, load = parse({"load", "--help"}).text;
    // Lines are wrapped: blanks count as one.
    const auto flat = [](const std::string& text) {
        std::string out;
        for (const char c : text)
            if (const char blank = c == '\n' ? ' ' : c; blank != ' ' || !out.ends_with(' ')) out += blank;
        return out;
    };
    for (const char* part : {"largest IP packet (default: 1500B)", "(default: 1048576)", "(default: 60s)",
                             "(default: until interrupted)", "(default: 30s)"})
        EXPECT_NE(flat(serve).find(part), std::string::npos) << part << "\n" << serve;
    for (const char* part : {"(default: 10s, or until --count)", "(default: GET)", "(default: failed<1%)",
                             "(default: 32768-60999)"})
        EXPECT_NE(flat(load).find(part), std::string::npos) << part << "\n" << load;
}

}  // namespace
}  // namespace synfin::app
