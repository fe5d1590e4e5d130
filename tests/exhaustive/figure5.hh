#pragma once
/// @file
/// Figure 5 of RFC 9293, written down a second time and more strictly than lib/tcp/state.hh: which input may
/// take a connection over which edge. The judge must not share the mistakes of the judged.

#include <cstdint>
#include <string>

#include "scenario.hh"
#include "synfin/state.hh"

namespace synfin::exhaustive {

/// What a host was given in one step.
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

/// Finds the edges that lead from `from` to `to` in one step of the core (a segment may pass up to three:
/// SYN-RECEIVED, ESTABLISHED, FIN-WAIT-1, CLOSING) and notes them. False: there is no such way.
bool explain(tcp::State from, tcp::State to, const Input& input, EdgeTable& edges) noexcept;

}  // namespace synfin::exhaustive
