#pragma once
/// @file
/// SourceTurns: which source address the next connection has.

#include <cstddef>
#include <numeric>

namespace synfin::app {

/// Sources and calls (targets) are taken in turn, both with each connection. In step they would meet in some
/// pairs only where their numbers share a factor: of 4 sources and 4 targets in 4 of 16, a quarter of the
/// tuples. So the sources move on by one more whenever all pairs of a round have been used.
class SourceTurns {
  public:
    /// @param sources,calls how many; at least 1.
    /// @param engine,engines engines begin at places of their own, so that few connections use many
    /// addresses.
    SourceTurns(size_t sources, size_t calls, unsigned engine, unsigned engines) noexcept
        : sources_(sources),
          round_(std::lcm(sources, calls)),
          next_(engine < engines ? sources * engine / engines : 0) {}

    size_t next() noexcept {
        const size_t source = next_;
        advance();
        if (++in_round_ == round_) {
            in_round_ = 0;
            advance();
        }
        return source;
    }

  private:
    void advance() noexcept {
        if (++next_ == sources_) next_ = 0;
    }

    size_t sources_, round_;
    size_t next_, in_round_ = 0;
};

}  // namespace synfin::app
