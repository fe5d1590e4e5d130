#include "synfin/inspector.hh"

#include <algorithm>
#include <chrono>
#include <thread>

namespace synfin {

namespace {
/// How often ask() checks for the answer. A busy engine answers within some turns.
constexpr std::chrono::microseconds kLookAgain{20};
}  // namespace

EngineSnapshot& EngineSnapshot::operator+=(const EngineSnapshot& other) noexcept {
    counters += other.counters;
    records.open += other.records.open;
    records.half_open += other.records.half_open;
    records.time_wait += other.records.time_wait;
    memory += other.memory;
    cycles += other.cycles;
    turns += other.turns;
    busy_turns += other.busy_turns;
    lost += other.lost;
    longest_gap = std::max(longest_gap, other.longest_gap);
    at = std::max(at, other.at);
    return *this;
}

bool StateCount::step(Stack& stack, Instant) noexcept {
    next_ = stack.visit_open(next_, kRecordsPerStep,
                             [this](Connection c) noexcept { ++by_state_[static_cast<size_t>(c.state())]; });
    if (next_ != 0) return false;
    const RecordCount records = stack.records();
    by_state_[static_cast<size_t>(State::syn_received)] += records.half_open;
    by_state_[static_cast<size_t>(State::time_wait)] += records.time_wait;
    return true;
}

bool ConnectionPage::step(Stack& stack, Instant) noexcept {
    const size_t room = rows_.size() - filled_;
    if (room == 0) return true;
    const auto at_most = static_cast<uint32_t>(std::min<size_t>(kRecordsPerStep, room));
    next_ = stack.visit_open(next_, at_most, [this](Connection c) noexcept { take(c); });
    return next_ == 0 || filled_ == rows_.size();
}

void ConnectionPage::take(Connection connection) noexcept {
    const auto info = connection.info();
    if (!info || (filter_ != nullptr && !filter_(context_, *info))) return;
    rows_[filled_++] = {connection, connection.user_tag(), *info};
}

EngineSnapshot Inspector::sum() const noexcept {
    EngineSnapshot all;
    for (unsigned engine = 0; engine < engines(); ++engine) all += snapshot(engine);
    return all;
}

bool Inspector::have_all_begun() const noexcept {
    return std::all_of(slots_.begin(), slots_.end(),
                       [](const Slot& slot) { return slot.shown.has_been_shown(); });
}

void Inspector::enter(unsigned engine) {
    // ask() withdraws its question under this lock if it finds no loop, so the loop cannot read it meanwhile.
    const std::lock_guard lock(slots_[engine].askers);
    slots_[engine].is_running.store(true, std::memory_order_seq_cst);
}

bool Inspector::ask(unsigned engine, Question& question) {
    Slot& slot = slots_[engine];
    const std::lock_guard lock(slot.askers);
    slot.asked.store(&question, std::memory_order_seq_cst);
    for (;;) {
        const bool is_running = slot.is_running.load(std::memory_order_seq_cst);
        if (slot.asked.load(std::memory_order_acquire) == nullptr) return true;
        if (!is_running) {
            Question* unanswered = &question;
            return !slot.asked.compare_exchange_strong(unanswered, nullptr, std::memory_order_seq_cst);
        }
        std::this_thread::sleep_for(kLookAgain);
    }
}

void Inspector::answer(Slot& slot, Question& question, Stack& stack, Instant now) noexcept {
    if (question.step(stack, now)) slot.asked.store(nullptr, std::memory_order_release);
}

}  // namespace synfin
