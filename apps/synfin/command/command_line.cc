#include "command_line.hh"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <list>
#include <map>

#include "config/fields.hh"
#include "config/yaml_config.hh"

#ifndef SYNFIN_VERSION
#define SYNFIN_VERSION "0.1.0"
#endif

namespace synfin::app {

namespace {

/// The texts that CLI11 collects for one subcommand. The fields parse them, so that options, YAML values and
/// --set give the same error messages.
struct Collected {
    const Subcommand* subcommand = nullptr;
    CLI::App* app = nullptr;
    std::map<const Field*, std::vector<std::string>> values;
    std::map<const Field*, bool> flags;
    std::optional<std::string> file;
    std::vector<std::string> sets;
    std::vector<std::string> positionals;
};

/// Whether the positional arguments are files to read, and nothing else is configured by a file.
bool takes_files(Command command) noexcept {
    return command == Command::check || command == Command::compare || command == Command::report;
}

std::string_view help_of_positionals(Command command) noexcept {
    if (command == Command::load)
        return "http://HOST[:PORT]/PATH or tcp://HOST:PORT, an IPv6 HOST in brackets";
    if (command == Command::compare)
        return "two results; runs that repeat one another as a list: A1.json,A2.json";
    if (command == Command::report) return "results, as --json writes them; - for standard input";
    return "the YAML file to check";
}

void add_options(Collected& into) {
    const Command command = into.subcommand->command;
    for (const Field& field : fields()) {
        if (!field.concerns(command) || field.options.empty()) continue;
        if (field.kind == Field::Kind::flag) {
            into.app->add_flag(std::string(field.options), into.flags[&field], field.help_text());
            continue;
        }
        CLI::Option* option =
            into.app->add_option(std::string(field.options), into.values[&field], field.help_text());
        option->type_name(std::string(field.value_name))->expected(1)->allow_extra_args(false);
        option->multi_option_policy(field.kind == Field::Kind::list ? CLI::MultiOptionPolicy::TakeAll
                                                                    : CLI::MultiOptionPolicy::TakeLast);
    }
    if (!takes_files(command)) {
        into.app->add_option("-f,--file", into.file, "YAML configuration; options and --set override it")
            ->type_name("FILE");
        into.app
            ->add_option("--set", into.sets,
                         "override one key of the configuration: path.to.key=value; "
                         "docs/configuration.md lists the keys")
            ->type_name("KEY=VALUE")
            ->expected(1)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    if (!into.subcommand->positional.empty()) {
        const std::string name(into.subcommand->positional);
        into.app->add_option(name, into.positionals, std::string(help_of_positionals(command)));
    }
    into.app->footer("Examples:\n" + std::string(into.subcommand->example));
    into.app->set_help_flag("-h,--help", "print this help");
}

/// Reports an unexpected word together with the nearest known one.
[[noreturn]] void refuse_extra(const CLI::App& app, const std::string& word,
                               std::span<const Subcommand* const> subcommands, bool in_subcommand) {
    std::vector<std::string> known;
    if (word.starts_with("-")) {
        for (const CLI::Option* option : app.get_options()) {
            for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
            for (const std::string& name : option->get_snames()) known.push_back("-" + name);
        }
    } else if (!in_subcommand) {
        for (const Subcommand* subcommand : subcommands) known.emplace_back(subcommand->name);
    }
    const std::string option = word.substr(0, word.find('='));
    const auto meant = nearest(option, known);
    const std::string_view what = word.starts_with("-") ? "unknown option"
                                  : in_subcommand       ? "unexpected argument"
                                                        : "unknown subcommand";
    const std::string help =
        in_subcommand ? fmt::format("synfin {} --help", app.get_name()) : "synfin --help";
    throw usage_error(
        fmt::format("{} '{}'{}", what, option, meant ? fmt::format("; did you mean '{}'?", *meant) : ""),
        fmt::format("run {} for a list", help));
}

Config effective_config(const Collected& collected) {
    Config config;
    if (collected.file) {
        if (collected.file->empty()) throw usage_error("--file: " + expected_but_found("a name", ""));
        read_yaml_file(config, *collected.file);
    }
    for (const std::string& assignment : collected.sets) apply_set(config, assignment);
    const auto give = [&](const Field& field, const std::vector<std::string>& values,
                          std::string_view shown) {
        bool first = true;
        for (const std::string& value : values) {
            const std::string why = field.set(config, value, std::exchange(first, false));
            if (!why.empty()) throw usage_error(fmt::format("{}: {}", shown, why));
        }
        if (!values.empty()) config.given.emplace_back(field.key);
    };
    for (const auto& [field, values] : collected.values)
        give(*field, values, field->options.substr(field->options.rfind("--")));
    for (const auto& [field, on] : collected.flags)
        if (on) give(*field, {"true"}, field->options);

    const auto& positionals = collected.positionals;
    if (collected.subcommand->command == Command::load)
        give(*find_field("load.target"), positionals, "TARGET");
    fill_classes(config);
    if (const Command command = collected.subcommand->command;
        command == Command::compare || command == Command::report)
        config.inputs = positionals;
    if (collected.subcommand->command == Command::check) {
        if (positionals.size() != 1)
            throw usage_error("check takes one file", "for example: synfin check config/serve-http.yaml");
        read_yaml_file(config, positionals.front());
    }
    return config;
}

}  // namespace

Request parse_command_line(const std::vector<std::string>& arguments,
                           std::span<const Subcommand* const> subcommands) {
    CLI::App app{"A TCP endpoint on DPDK that bypasses the kernel: load generator, server and benchmark.",
                 "synfin"};
    app.set_help_flag("-h,--help", "print this help");
    app.set_version_flag("--version", "synfin " SYNFIN_VERSION);
    app.footer(
        "Numbers may have units: 10s 250ms, 1M 64k, 64KiB 9000B. synfin SUBCOMMAND --help shows examples.");

    std::list<Collected> all;
    for (const Subcommand* subcommand : subcommands) {
        Collected& collected = all.emplace_back();
        collected.subcommand = subcommand;
        collected.app = app.add_subcommand(std::string(subcommand->name), std::string(subcommand->summary));
        add_options(collected);
    }
    // Collect unexpected words instead of allow_extras(false): refuse_extra() words the error.
    app.allow_extras();
    for (Collected& collected : all) collected.app->allow_extras();

    const auto asked = [&]() -> const Collected* {
        const auto found =
            std::find_if(all.begin(), all.end(), [](const Collected& c) { return c.app->parsed(); });
        return found == all.end() ? nullptr : &*found;
    };
    try {
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        return {nullptr, {}, app.help()};
    } catch (const CLI::CallForVersion&) {
        return {nullptr, {}, std::string("synfin " SYNFIN_VERSION "\n")};
    } catch (const CLI::ParseError& error) {
        const Collected* collected = asked();
        throw usage_error(error.what(), fmt::format("run synfin{}{} --help for a list", collected ? " " : "",
                                                    collected ? collected->subcommand->name : ""));
    }
    const Collected* collected = asked();
    if (const auto extras = app.remaining(); collected == nullptr && !extras.empty())
        refuse_extra(app, extras.front(), subcommands, false);
    if (collected == nullptr) return {nullptr, {}, app.help()};
    if (const auto extras = app.remaining(true); !extras.empty())
        refuse_extra(*collected->app, extras.front(), subcommands, true);
    return {collected->subcommand, effective_config(*collected), {}};
}

}  // namespace synfin::app
