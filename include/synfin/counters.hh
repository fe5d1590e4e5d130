#pragma once
/// @file
/// What an engine counts: drops by reason, and events. X-macro files list both, so that the JSON, the screen
/// and the docs use the same names. Only the engine's core accesses them; other threads read the Inspector's
/// snapshots.

#include <array>
#include <cstddef>
#include <cstdint>

namespace synfin {

enum class DropReason : uint8_t {
#define SYNFIN_DROP(name, meaning) name,
#include "synfin/drop_reason.def"
#undef SYNFIN_DROP
    kCount
};

enum class Counter : uint8_t {
#define SYNFIN_COUNTER(name, meaning) name,
#include "synfin/counter.def"
#undef SYNFIN_COUNTER
    kCount
};

const char* name(DropReason reason) noexcept;
const char* meaning(DropReason reason) noexcept;
const char* name(Counter counter) noexcept;
const char* meaning(Counter counter) noexcept;

struct alignas(64) Counters {
    std::array<uint64_t, static_cast<size_t>(Counter::kCount)> events{};
    std::array<uint64_t, static_cast<size_t>(DropReason::kCount)> drops{};

    void add(Counter counter, uint64_t n = 1) noexcept { events[static_cast<size_t>(counter)] += n; }
    void drop(DropReason reason, uint64_t n = 1) noexcept { drops[static_cast<size_t>(reason)] += n; }
    uint64_t operator[](Counter counter) const noexcept { return events[static_cast<size_t>(counter)]; }
    uint64_t operator[](DropReason reason) const noexcept { return drops[static_cast<size_t>(reason)]; }
    /// What was counted since `before`.
    Counters operator-(const Counters& before) const noexcept {
        Counters out = *this;
        for (size_t i = 0; i < events.size(); ++i) out.events[i] -= before.events[i];
        for (size_t i = 0; i < drops.size(); ++i) out.drops[i] -= before.drops[i];
        return out;
    }
    Counters& operator+=(const Counters& other) noexcept {
        for (size_t i = 0; i < events.size(); ++i) events[i] += other.events[i];
        for (size_t i = 0; i < drops.size(); ++i) drops[i] += other.drops[i];
        return *this;
    }
};

}  // namespace synfin
