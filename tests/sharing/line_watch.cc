#include "line_watch.hh"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace synfin::sharing {

namespace {

constexpr uintptr_t kPage = 4096;
constexpr uintptr_t kLineBytes = 64;
constexpr size_t kMaxRanges = 4096;
constexpr size_t kMaxLines = 1u << 17;  // a power of two
constexpr size_t kMaxOpen = 8;          // pages that one instruction touches
constexpr greg_t kTrapFlag = 0x100;
constexpr greg_t kWriteFault = 2;

/// Everything that the handlers use, on pages of its own. The handlers call no function of any library:
/// resolving its address would touch what is forbidden.
struct alignas(kPage) Watch {
    std::array<Range, kMaxRanges> ranges;
    size_t range_count;
    std::array<Line, kMaxLines> lines;
    std::array<uintptr_t, kMaxOpen> open;
    size_t open_count;
    unsigned party;
    bool watching;
    uint64_t accesses;
};
Watch watch_state;

long raw_syscall(long number, long a, long b, long c) noexcept {
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

[[noreturn]] void fail(const char* why, size_t length) noexcept {
    raw_syscall(SYS_write, 2, reinterpret_cast<long>(why), static_cast<long>(length));
    for (;;) raw_syscall(SYS_exit_group, 70, 0, 0);
}
#define FAIL(why) fail(why "\n", sizeof(why))

void protect(uintptr_t begin, uintptr_t end, int protection) noexcept {
    if (raw_syscall(SYS_mprotect, static_cast<long>(begin), static_cast<long>(end - begin), protection) != 0)
        FAIL("line watch: mprotect failed");
}

Line& line_of(uintptr_t address) noexcept {
    const uintptr_t begin = address & ~(kLineBytes - 1);
    size_t at = (begin / kLineBytes * 0x9e3779b97f4a7c15u) >> 40 & (kMaxLines - 1);
    for (size_t tries = 0; tries < kMaxLines; ++tries, at = (at + 1) & (kMaxLines - 1)) {
        Line& line = watch_state.lines[at];
        if (line.address == 0) line.address = begin;
        if (line.address == begin) return line;
    }
    FAIL("line watch: more lines than there is room for");
}

void on_fault(int, siginfo_t* info, void* context) noexcept {
    Watch& w = watch_state;
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
    bool watched = false;
    for (size_t i = 0; i < w.range_count && !watched; ++i) watched = w.ranges[i].contains(address);
    if (!w.watching || !watched || w.open_count == kMaxOpen) FAIL("line watch: a fault that is not its own");
    ++w.accesses;
    Line& line = line_of(address);
    const auto instruction = static_cast<uintptr_t>(registers[REG_RIP]);
    if ((registers[REG_ERR] & kWriteFault) != 0) {
        line.written[w.party] = true;
        line.writer[w.party] = instruction;
    } else {
        line.read[w.party] = true;
        line.reader[w.party] = instruction;
    }
    const uintptr_t page = address & ~(kPage - 1);
    w.open[w.open_count++] = page;
    protect(page, page + kPage, PROT_READ | PROT_WRITE);
    registers[REG_EFL] |= kTrapFlag;
}

void on_step(int, siginfo_t*, void* context) noexcept {
    Watch& w = watch_state;
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    while (w.open_count != 0) {
        const uintptr_t page = w.open[--w.open_count];
        if (w.watching) protect(page, page + kPage, PROT_NONE);
    }
    registers[REG_EFL] &= ~kTrapFlag;
}

void protect_all(int protection) noexcept {
    for (size_t i = 0; i < watch_state.range_count; ++i)
        protect(watch_state.ranges[i].begin, watch_state.ranges[i].end, protection);
}

/// The range without the pages of a hole.
std::vector<Range> without(const Range& range, const Range& hole) {
    const uintptr_t begin = hole.begin & ~(kPage - 1), end = (hole.end + kPage - 1) & ~(kPage - 1);
    if (end <= range.begin || begin >= range.end) return {range};
    std::vector<Range> rest;
    if (begin > range.begin) rest.push_back({range.begin, begin});
    if (end < range.end) rest.push_back({end, range.end});
    return rest;
}

/// Readable and writable, private or shared: what a store can change.
std::vector<Range> writable_memory() {
    std::vector<Range> ranges;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        Range range;
        char dash = 0;
        std::string rights;
        fields >> std::hex >> range.begin >> dash >> range.end >> rights;
        const bool kernels =
            line.ends_with("[stack]") || line.ends_with("[vvar]") || line.ends_with("[vsyscall]");
        if (rights.starts_with("rw") && !kernels) ranges.push_back(range);
    }
    return ranges;
}

/// "file+0x1234" of an instruction, as addr2line wants it.
std::string place(uintptr_t instruction) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        Range range;
        char dash = 0;
        std::string rights, device, inode, file;
        uintptr_t offset = 0;
        fields >> std::hex >> range.begin >> dash >> range.end >> rights >> offset >> device >> inode >> file;
        if (!range.contains(instruction)) continue;
        std::ostringstream out;
        out << file << "+0x" << std::hex << instruction - range.begin + offset;
        return out.str();
    }
    return "?";
}

}  // namespace

void LineWatch::begin(const std::vector<Range>& excepted) {
    std::vector<Range> holes = excepted;
    const auto own = reinterpret_cast<uintptr_t>(&watch_state);
    holes.push_back({own, own + sizeof watch_state});
    std::vector<Range> ranges = writable_memory();
    for (const Range& hole : holes) {
        std::vector<Range> next;
        for (const Range& range : ranges)
            for (const Range& rest : without(range, hole)) next.push_back(rest);
        ranges = std::move(next);
    }
    if (ranges.size() > kMaxRanges) FAIL("line watch: more mappings than there is room for");
    std::copy(ranges.begin(), ranges.end(), watch_state.ranges.begin());
    watch_state.range_count = ranges.size();

    struct sigaction action {};
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &action, nullptr);
    action.sa_sigaction = on_step;
    sigaction(SIGTRAP, &action, nullptr);
}

void LineWatch::watch(unsigned party) noexcept {
    watch_state.party = party;
    watch_state.watching = true;
    protect_all(PROT_NONE);
}

void LineWatch::release() noexcept {
    watch_state.watching = false;
    protect_all(PROT_READ | PROT_WRITE);
}

std::vector<Line> LineWatch::lines() {
    std::vector<Line> out;
    std::copy_if(watch_state.lines.begin(), watch_state.lines.end(), std::back_inserter(out),
                 [](const Line& line) { return line.address != 0; });
    std::sort(out.begin(), out.end(), [](const Line& a, const Line& b) { return a.address < b.address; });
    return out;
}

uint64_t LineWatch::accesses() noexcept {
    return watch_state.accesses;
}

Range LineWatch::own_stack() {
    pthread_attr_t attributes;
    void* address = nullptr;
    size_t size = 0;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &address, &size);
    pthread_attr_destroy(&attributes);
    const auto begin = reinterpret_cast<uintptr_t>(address);
    return {begin, begin + size};
}

std::string LineWatch::text(const Line& line) {
    std::ostringstream out;
    out << "line " << std::hex << line.address << ":";
    for (const unsigned party : {0u, 1u}) {
        if (line.written[party])
            out << " party " << party << " writes at " << place(line.writer[party]) << ";";
        if (line.read[party]) out << " party " << party << " reads at " << place(line.reader[party]) << ";";
    }
    return out.str();
}

void yield_untouched() noexcept {
    raw_syscall(SYS_sched_yield, 0, 0, 0);
}

}  // namespace synfin::sharing
