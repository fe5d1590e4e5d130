#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include "command_line.hh"
#include "config/user_error.hh"
#include "port/limits.hh"
#include "subcommand.hh"

namespace {

// Marks code that runs before the processor's instruction sets are checked.
#define SYNFIN_ANY_PROCESSOR gnu::target("arch=x86-64")

[[SYNFIN_ANY_PROCESSOR, gnu::noinline]] void need(bool has, const char* set_and_mend) {
    if (has) return;
    std::fputs("synfin: error: this processor has no ", stderr);
    std::fputs(set_and_mend, stderr);
    std::_Exit(static_cast<int>(synfin::app::Exit::failed));
}

/// Runs before the constructors of static objects: an instruction that the processor lacks would kill the
/// process without a message.
[[SYNFIN_ANY_PROCESSOR, gnu::constructor(101)]] void check_processor() {
    __builtin_cpu_init();
#ifdef __AVX512F__
    need(__builtin_cpu_supports("avx512f") != 0,
         "AVX-512, which the command was built for\n  build it on this machine, or with MARCH=x86-64-v3 "
         "scripts/build-profiled.sh DIR\n");
#endif
    need(__builtin_cpu_supports("avx2") != 0, "AVX2\n  use another one\n");
    need(__builtin_cpu_supports("aes") != 0,
         "AES instructions\n  use another one, or switch them on in the BIOS\n");
}

/// Opens closed standard streams on /dev/null. Otherwise the first file opened would get the number of one,
/// and messages would be written into it.
void open_standard_streams() {
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO) fd = dup(fd);
    if (fd >= 0) close(fd);
}

/// Does not use fmt::print, which throws when standard error can't be written.
void say(const std::string& line) noexcept {
    std::fputs(line.c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) {
    using namespace synfin::app;
    open_standard_streams();
    static constexpr std::array kSubcommands = {&kBenchCommand,   &kServeCommand,   &kLoadCommand,
                                                &kCheckCommand,   &kDevicesCommand, &kDoctorCommand,
                                                &kCompareCommand, &kReportCommand};
    try {
        const Request request = parse_command_line({argv + 1, argv + argc}, kSubcommands);
        if (request.subcommand != nullptr) return static_cast<int>(request.subcommand->run(request.config));
        fmt::print("{}", request.text);
        return static_cast<int>(Exit::done);
    } catch (const UserError& error) {
        say(fmt::format("synfin: error: {}\n", error.what()));
        if (!error.mend().empty()) say(fmt::format("  {}\n", error.mend()));
        return static_cast<int>(error.exit());
    } catch (const std::bad_alloc&) {
        say("synfin: error: out of memory: " + synfin::port::memory_remedy() + "\n");
        return static_cast<int>(Exit::failed);
    } catch (const std::exception& error) {
        say(fmt::format("synfin: error: {}\n", error.what()));
        return static_cast<int>(Exit::failed);
    }
}
