#pragma once
/// @file
/// CHECK and DCHECK: broken invariants stop the process. Never for bad input (that is counted or returned),
/// and never with side effects: SYNFIN_DCHECK disappears in release builds.

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
