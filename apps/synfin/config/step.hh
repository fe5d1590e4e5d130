#pragma once
/// @file
/// Step: one step of a conversation for protocols that are not HTTP, as --steps and load.steps describe it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/distribution.hh"
#include "config/quantity.hh"

namespace synfin::app {

struct Step {
    enum class Kind : uint8_t {
        send,          ///< `send 64`, `send "text\r\n"`, `send @FILE`
        expect,        ///< `expect 64`, `expect "text"`, `expect "text" within 1KiB`, `expect @FILE`
        think,         ///< `think 50ms`
        half_close,    ///< `half-close`: FIN; later steps still receive
        expect_close,  ///< `expect-close`: the peer's FIN; `expect-close within 1MiB`: after at most so many
                       ///< bytes
        close,         ///< `close`: FIN, the last step
        reset,         ///< `reset`: RST, the last step
        begin,         ///< `begin`: where the next repeat goes back to
        repeat         ///< `repeat 10`, `repeat 1-8`, `repeat unlimited`
    };
    Kind kind = Kind::send;
    /// send, expect: bytes of PayloadPattern, if `text` and `file` are empty.
    uint64_t size = 0;
    std::string text;  ///< send, expect: these bytes
    std::string file;  ///< send, expect: the content of this file
    uint64_t within =
        0;  ///< expect a text, expect_close: bytes that may come before it are among so many; 0: none
    Distribution pause;  ///< think
    CountRange times;    ///< repeat: how often the steps are done in all
};

/// The most steps of a class, and the largest text to send or expect.
inline constexpr size_t kMostSteps = 1'000;
inline constexpr uint64_t kMostStepText = 64u << 10;

/// One or more steps, with `;` or a line break between them; `#` in place of a step begins a comment. The
/// error text names the character at which the error begins.
Parsed<std::vector<Step>> parse_steps(std::string_view text);

/// All steps of a class. Checks what single steps do not show: `close` and `reset` come last, `repeat` has
/// steps, and they wait for something.
Parsed<std::vector<Step>> parse_conversation(const std::vector<std::string>& texts);

/// "send", "half-close"
std::string_view name(Step::Kind kind) noexcept;

}  // namespace synfin::app
