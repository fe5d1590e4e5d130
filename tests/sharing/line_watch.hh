#pragma once
/// @file
/// LineWatch: which cache lines each of two parties reads and writes, seen by the memory's own protection.
///
/// While a party is watched, all writable memory of the process is forbidden, but for what is excepted. An
/// access faults, is noted (address, reading or writing, instruction), its page is opened for that one
/// instruction by the processor's single step, and closed again. So every access of every library is seen,
/// whoever allocated what; it costs some microseconds each. An access that goes over the end of a line counts
/// for the line of its first byte. x86-64 Linux.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace synfin::sharing {

struct Range {
    uintptr_t begin = 0, end = 0;
    bool contains(uintptr_t address) const { return address >= begin && address < end; }
};

/// What both parties did with one line.
struct Line {
    uintptr_t address = 0;
    bool read[2] = {}, written[2] = {};
    uintptr_t reader[2] = {}, writer[2] = {};  ///< an instruction that did
    /// Whether a party has written it, and the other has touched it.
    bool is_shared() const { return (written[0] && (read[1] || written[1])) || (written[1] && read[0]); }
};

class LineWatch {
  public:
    /// Takes the process's memory as it is mapped now, but for `excepted`. Installs handlers for SIGSEGV and
    /// SIGTRAP.
    static void begin(const std::vector<Range>& excepted);
    /// Until release(), what this thread does is noted as the party's (0 or 1). Meanwhile no other thread may
    /// touch memory that is not excepted.
    static void watch(unsigned party) noexcept;
    static void release() noexcept;
    /// What was noted so far, by address.
    static std::vector<Line> lines();
    /// How many accesses.
    static uint64_t accesses() noexcept;

    /// The calling thread's stack and thread-local memory: to be excepted.
    static Range own_stack();
    /// "party 0 writes at build/x+0x1234": for `addr2line -Cfe FILE ADDRESS`.
    static std::string text(const Line& line);
};

/// Lets other threads run, touching no memory.
void yield_untouched() noexcept;

}  // namespace synfin::sharing
