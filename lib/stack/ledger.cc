#include "synfin/ledger.hh"

namespace synfin {

const char* name(Stage stage) noexcept {
    constexpr const char* kNames[kStages] = {"rx",     "parse",       "lookup", "core",
                                             "timers", "application", "emit",   "tx"};
    return kNames[static_cast<size_t>(stage)];
}

double Ledger::stamp_cycles() noexcept {
    constexpr int kTimes = 1000;
    Ledger ledger;
    ledger.keep(true);
    ledger.begin_turn();
    const uint64_t begin = __rdtsc();
    for (int i = 0; i < kTimes; ++i) ledger.stamp(Stage::rx);
    return static_cast<double>(__rdtsc() - begin) / kTimes;
}

}  // namespace synfin
