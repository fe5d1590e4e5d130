#pragma once
/// @file
/// Figure 5 of RFC 9293, written a second time and more strictly than in synfin/state.hh: which input may
/// cause which edge. It is independent of the library, so that the test does not repeat its mistakes.

#include <cstdint>
#include <string>

#include "scenario.hh"
#include "synfin/state.hh"

namespace synfin::exhaustive {

/// The input of a host in one step.
struct Input {
    enum class Kind : uint8_t { call, segment, time_out };
    Kind kind = Kind::call;
    uint8_t call = 0;         ///< one Call bit
    uint8_t flags = 0;        ///< of the segment
    bool text = false;        ///< the segment has text
    bool fin_kept = false;    ///< a FIN that came out of order waits for this text
    bool fin_queued = false;  ///< the application has closed, the FIN has not left SYN-RECEIVED
};

/// Whether the RFC has this edge for this input.
bool may_move(tcp::State from, tcp::State to, const Input& input) noexcept;

/// How often each edge was taken.
class EdgeTable {
  public:
    void add(tcp::State from, tcp::State to) noexcept { ++taken_[index(from)][index(to)]; }
    void add(const EdgeTable& other) noexcept;
    /// Every edge of figure 5, and how often it was taken.
    std::string text() const;
    /// The edges of figure 5 that were not taken, one per line.
    std::string missing() const;

  private:
    static constexpr unsigned index(tcp::State s) noexcept { return static_cast<unsigned>(s); }
    uint64_t taken_[tcp::kStates][tcp::kStates] = {};
};

/// Finds and counts the edges from `from` to `to` in one step of the core; a segment may cause up to three
/// (SYN-RECEIVED, ESTABLISHED, FIN-WAIT-1, CLOSING). False: there is no such path.
bool explain(tcp::State from, tcp::State to, const Input& input, EdgeTable& edges) noexcept;

}  // namespace synfin::exhaustive
