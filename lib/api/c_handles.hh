#pragma once
/// @file
/// The types behind the opaque handles of synfin.h, and functions that its sources share.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stack/connection_marks.hh"
#include "synfin.h"
#include "synfin/drain.hh"
#include "synfin/result.hh"
#include "synfin/stack.hh"

namespace synfin::c {

/// A data event of the present array; the next poll settles how much of it was taken.
struct Shown {
    Connection connection;
    Bytes data;
    uint32_t item = 0;
    uint32_t taken = 0;
    bool resumes = false;  ///< the program has asked for the rest
};

}  // namespace synfin::c

struct synfin_stack {
    synfin_stack(synfin_runtime& runtime, synfin::Stack& engine, unsigned number)
        : owner(&runtime), stack(&engine), index(number) {}

    synfin_runtime* owner;
    synfin::Stack* stack;
    unsigned index;
    bool is_turn_open = false;  ///< begin() was called, but not end()
    uint32_t shown_count = 0;
    std::array<synfin::c::Shown, SYNFIN_MOST_EVENTS> shown{};  ///< index: the events' `slot`
    synfin::stack::ConnectionMarks marks;  ///< connections with an event in the present array
    synfin::Drain drain;
};

struct synfin_runtime {
    synfin_runtime() = default;
    virtual ~synfin_runtime() = default;
    synfin_runtime(const synfin_runtime&) = delete;
    synfin_runtime& operator=(const synfin_runtime&) = delete;

    virtual synfin::Instant now() const noexcept = 0;
    /// Sets the time that was given to synfin_poll_at(); virtual time only.
    virtual void set_now(synfin::Instant) noexcept {}
    /// Move the packets of a virtual wire, before and after a stack's turn.
    virtual void before_turn(unsigned) noexcept {}
    virtual void after_turn(unsigned) {}
    virtual void idle(unsigned, bool) noexcept {}
    virtual int run(void (*)(void*, synfin_stack* const*, unsigned, unsigned), void*) {
        return SYNFIN_E_NOT_SUPPORTED;
    }
    virtual int serve(void (*)(void*, synfin_stack*, const synfin_event*, int), void*) {
        return SYNFIN_E_NOT_SUPPORTED;
    }
    virtual int64_t advance(synfin::Duration) { return SYNFIN_E_NOT_SUPPORTED; }
    virtual int input(unsigned, synfin::Bytes) { return SYNFIN_E_NOT_SUPPORTED; }
    virtual int64_t output(unsigned, synfin::MutableBytes) { return SYNFIN_E_NOT_SUPPORTED; }
    virtual const char* warning(unsigned) const noexcept { return nullptr; }

    std::vector<std::unique_ptr<synfin_stack>> stacks;
    std::atomic<bool> stop{false};  ///< set by synfin_stop()
};

namespace synfin::c {

/// The number of an error in synfin.h.
int code_of(Error error) noexcept;

/// Runs a body that may throw, and returns an error code for an exception.
template <typename Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return SYNFIN_E_NO_MEMORY;
    } catch (...) {
        return SYNFIN_E_INTERNAL;
    }
}

/// The result of a turn.
struct Polled {
    int events = 0;
    bool is_busy = false;  ///< packets moved, timers expired, or there are events
};
Polled poll(synfin_stack& stack, Instant now, std::span<synfin_event> into);

/// The connection's data event of the present array, if the program left some of it; else null.
Shown* left_of(synfin_stack& stack, Connection connection) noexcept;
/// Tells the stack how much of the event was taken. Later, synfin_take() refuses it.
void settle(synfin_stack& stack, Shown& shown) noexcept;

/// The caller's buffer for the sentence of synfin_open().
class Why {
  public:
    Why(char* into, size_t size) noexcept : into_(into), size_(into != nullptr ? size : 0) { say(""); }
    void say(std::string_view text) const noexcept {
        if (size_ != 0) std::snprintf(into_, size_, "%.*s", static_cast<int>(text.size()), text.data());
    }
    int refuse(int error, std::string_view text) const noexcept {
        say(text);
        return error;
    }

  private:
    char* into_;
    size_t size_;
};

/// The caller's configuration with defaults in the fields that the caller's edition lacks. None when config
/// is null or its size is invalid.
std::optional<synfin_config> complete(const synfin_config* config) noexcept;

/// Makes the engine's configuration. Returns a complaint, or an empty string on success.
std::string stack_config(const synfin_config& config, StackConfig& out);
/// Its addresses and gateways, checked: a part of stack_config(), after the MTU.
std::string read_network(const synfin_config& config, StackConfig& out);
/// The items between commas, without blanks around them.
std::vector<std::string_view> split(std::string_view text);
/// Parses a list of CPU numbers as "2,3"; none if it is malformed.
std::optional<std::vector<unsigned>> cores_of(const char* text);

std::optional<Endpoint> endpoint_of(const synfin_endpoint& endpoint) noexcept;
synfin_endpoint endpoint_for(const Endpoint& endpoint) noexcept;

/// Copies the fields that both editions know from a caller's struct that begins with its size. Null gives the
/// defaults (zeros). None when the size is invalid.
template <typename T>
std::optional<T> options_of(const T* options) noexcept {
    T out{};
    if (options == nullptr) return out;
    if (options->size < 8) return std::nullopt;
    std::memcpy(&out, options, std::min<size_t>(options->size, sizeof out));
    return out;
}

}  // namespace synfin::c
