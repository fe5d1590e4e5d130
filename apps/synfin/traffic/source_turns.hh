#pragma once
/// @file
/// SourceTurns: chooses the source address of the next connection.

#include <cstddef>
#include <numeric>

namespace synfin::app {

/// Each connection takes the next source and the next call (target). If both numbers share a factor, plain
/// rotation uses only some pairs: with 4 sources and 4 targets 4 of 16, a quarter of the tuples. Therefore
/// the source advances by one more after each round of pairs.
class SourceTurns {
  public:
    /// @param sources,calls how many. next() needs at least one of each.
    /// @param engine,engines each engine begins at another source, so that even few connections use many
    ///        addresses.
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
