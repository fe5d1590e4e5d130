#pragma once
/// @file
/// SYNFIN_CHECK and SYNFIN_DCHECK abort the process on a broken invariant. Do not use them for bad input,
/// which is counted or returned. Conditions must have no side effects: release builds do not evaluate those
/// of SYNFIN_DCHECK.

namespace synfin {
/// Prints the failed condition to stderr and aborts.
[[noreturn, gnu::cold, gnu::noinline]] void check_failed(const char* condition, const char* file,
                                                         int line) noexcept;
}  // namespace synfin

#define SYNFIN_CHECK(condition)                        \
    (__builtin_expect(static_cast<bool>(condition), 1) \
         ? (void)0                                     \
         : ::synfin::check_failed(#condition, __FILE__, __LINE__))

#ifdef SYNFIN_DEBUG
#define SYNFIN_DCHECK(condition) SYNFIN_CHECK(condition)
#else
#define SYNFIN_DCHECK(condition) ((void)sizeof(!(condition)))
#endif
