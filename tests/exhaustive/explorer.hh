#pragma once
/// @file
/// Explorer: visits every state that a scenario can reach once, breadth first. From each state it follows two
/// continuations: the fair one, in which the network loses nothing any more, and the lonely one, in which
/// nothing arrives any more. Both must reach a legal end.

#include <cstdint>
#include <string>
#include <vector>

#include "explored_world.hh"

namespace synfin::exhaustive {

/// A set of 64-bit hashes in open addressing. States with equal hashes count as equal; with 10^7 states the
/// probability is below 10^-5.
class HashSet {
  public:
    HashSet() : slots_(1u << 16, 0) {}
    /// False: it was there.
    bool insert(uint64_t hash);
    bool contains(uint64_t hash) const noexcept;
    size_t size() const noexcept { return size_; }
    size_t bytes() const noexcept { return slots_.size() * sizeof(uint64_t); }

  private:
    std::vector<uint64_t> slots_;
    size_t size_ = 0;
};

/// Limits of an exploration.
struct Limits {
    double seconds = 0;                  ///< 0: none
    uint64_t bytes = uint64_t{3} << 30;  ///< of memory
};

struct Report {
    std::string fault;    ///< empty: none was found
    std::string trace;    ///< the shortest path to the fault
    uint64_t states = 0;  ///< distinct
    uint64_t transitions = 0;
    uint64_t fair_states = 0;    ///< distinct states from which the fair continuation was followed
    uint64_t lonely_states = 0;  ///< distinct states of one host whose lonely continuation was followed
    uint32_t depth = 0;          ///< actions from the start; all states up to here were seen
    bool complete = false;       ///< the state space is exhausted
    uint64_t bytes = 0;          ///< of memory at most
    Witness witness;

    std::string text() const;  ///< the numbers and the table of edges
};

class Explorer {
  public:
    explicit Explorer(const Scenario& scenario) : ground_(scenario) {}
    Report run(const Limits& limits);
    /// The path to the present state, printed when a CHECK of the core ends the process.
    std::string current_trace() const;

  private:
    struct Node {
        uint32_t parent;
        uint16_t action;
    };

    bool expand(uint32_t node, const World& world, std::vector<uint8_t>& next);
    bool visit(uint32_t parent, Action action, const World& world, std::vector<uint8_t>& next);
    enum class Rest : uint8_t { reached, known, never };
    bool is_fair_end(const World& start, uint64_t hash, std::string* story);
    Rest run_to_rest(World& world, std::string* story);
    bool ends_alone(const World& world);
    void close_all(World& world, std::string* story);
    void fail(uint32_t node, const Action* last, const char* fault, bool in_continuation);
    std::string replay(uint32_t node, const Action* last, bool in_continuation) const;

    Ground ground_;
    Report report_;
    HashSet visited_;
    HashSet good_;   ///< states, without budgets, whose fair continuation ends well
    HashSet alone_;  ///< hosts whose lonely continuation ends well
    std::vector<Node> nodes_;
    std::vector<uint64_t> path_;  ///< of the fair continuation that is being followed
    uint32_t at_ = 0;
    Action trying_;
};

}  // namespace synfin::exhaustive
