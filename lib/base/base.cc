#include <sys/random.h>

#include <cstdio>
#include <cstdlib>

#include "base/random.hh"
#include "synfin/check.hh"
#include "synfin/counters.hh"
#include "synfin/result.hh"

namespace synfin {

void check_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "synfin: broken invariant: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

const char* describe(Error error) noexcept {
    switch (error) {
        case Error::none: return "no error";
        case Error::gone: return "the connection has ended";
        case Error::invalid: return "invalid argument";
        case Error::not_supported: return "not supported";
        case Error::no_memory: return "a pool is empty";
        case Error::no_port: return "every source port towards the destination is in use";
        case Error::in_use: return "address, port or tuple in use";
        case Error::would_block: return "no room now";
        case Error::closing: return "connection closing";
        case Error::not_connected: return "connection not established";
        case Error::no_route: return "no route to the destination";
        case Error::no_device: return "no such device";
        case Error::no_permission: return "permission denied";
        case Error::device_failed: return "the device refused its configuration";
    }
    return "unknown error";
}

namespace {
constexpr const char* kDropNames[] = {
#define SYNFIN_DROP(name, meaning) #name,
#include "synfin/drop_reason.def"
#undef SYNFIN_DROP
};
constexpr const char* kDropMeanings[] = {
#define SYNFIN_DROP(name, meaning) meaning,
#include "synfin/drop_reason.def"
#undef SYNFIN_DROP
};
constexpr const char* kCounterNames[] = {
#define SYNFIN_COUNTER(name, meaning) #name,
#include "synfin/counter.def"
#undef SYNFIN_COUNTER
};
constexpr const char* kCounterMeanings[] = {
#define SYNFIN_COUNTER(name, meaning) meaning,
#include "synfin/counter.def"
#undef SYNFIN_COUNTER
};
}  // namespace

const char* name(DropReason reason) noexcept {
    return kDropNames[static_cast<size_t>(reason)];
}
const char* meaning(DropReason reason) noexcept {
    return kDropMeanings[static_cast<size_t>(reason)];
}
const char* name(Counter counter) noexcept {
    return kCounterNames[static_cast<size_t>(counter)];
}
const char* meaning(Counter counter) noexcept {
    return kCounterMeanings[static_cast<size_t>(counter)];
}

HashKey fill_secret() noexcept {
    HashKey key;
    SYNFIN_CHECK(getrandom(&key, sizeof key, 0) == static_cast<ssize_t>(sizeof key));
    return key;
}

}  // namespace synfin
