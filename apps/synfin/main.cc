#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <exception>

#include "command_line.hh"
#include "subcommand.hh"
#include "user_error.hh"

int main(int argc, char** argv) {
    using namespace synfin::app;
    static constexpr std::array kSubcommands = {&kBenchCommand, &kServeCommand,   &kLoadCommand,
                                                &kCheckCommand, &kDevicesCommand, &kDoctorCommand};
    // The first instruction of a set that the processor lacks would kill.
    const auto lacks = [](const char* set, const char* mend) {
        std::fprintf(stderr, "synfin: error: this processor has no %s\n  %s\n", set, mend);
        return static_cast<int>(Exit::failed);
    };
#ifdef __AVX512F__
    if (__builtin_cpu_supports("avx512f") == 0)
        return lacks("AVX-512, which the command was built for",
                     "build it on this machine, or with MARCH=x86-64-v3 scripts/build-profiled.sh DIR");
#endif
    if (__builtin_cpu_supports("avx2") == 0) return lacks("AVX2", "use another one");
    if (__builtin_cpu_supports("aes") == 0)
        return lacks("AES instructions", "use another one, or switch them on in the BIOS");
    try {
        const Request request = parse_command_line({argv + 1, argv + argc}, kSubcommands);
        if (request.subcommand != nullptr) return static_cast<int>(request.subcommand->run(request.config));
        fmt::print("{}", request.text);
        return static_cast<int>(Exit::done);
    } catch (const UserError& error) {
        fmt::print(stderr, "synfin: error: {}\n", error.what());
        if (!error.mend().empty()) fmt::print(stderr, "  {}\n", error.mend());
        return static_cast<int>(error.exit());
    } catch (const std::exception& error) {
        fmt::print(stderr, "synfin: error: {}\n", error.what());
        return static_cast<int>(Exit::failed);
    }
}
