#include "step.hh"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

namespace synfin::app {

namespace {

constexpr std::string_view kNames[] = {"send",  "expect", "think", "half-close", "expect-close",
                                       "close", "reset",  "begin", "repeat"};
static_assert(std::size(kNames) == static_cast<size_t>(Step::Kind::repeat) + 1);

constexpr uint64_t kMostSize = 1ull << 40;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}
bool is_end_of_step(char c) {
    return c == ';' || c == '\n';
}

/// What went wrong, and the character from which on it was wrong, from 1.
struct Trouble {
    size_t at;
    std::string why;
};

/// Reads steps from left to right.
class StepReader {
  public:
    explicit StepReader(std::string_view text) : text_(text) {}

    /// @return the error text; empty on success
    std::string read(std::vector<Step>& steps) {
        for (;;) {
            skip_blanks();
            if (at_ < text_.size() && text_[at_] == '#') at_ = std::min(text_.find('\n', at_), text_.size());
            if (at_ == text_.size()) break;
            if (is_end_of_step(text_[at_])) {
                ++at_;
                continue;
            }
            Step step;
            if (!one(step)) return fmt::format("character {}: {}", trouble_->at + 1, trouble_->why);
            steps.push_back(std::move(step));
        }
        return {};
    }

  private:
    void skip_blanks() {
        while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    }
    bool refuse(size_t at, std::string why) {
        if (!trouble_) trouble_ = Trouble{at, std::move(why)};
        return false;
    }
    /// Whether the step has no more words.
    bool is_over() {
        skip_blanks();
        return at_ == text_.size() || is_end_of_step(text_[at_]);
    }
    /// The next word; parentheses may contain blanks. Empty at the end of the step.
    std::string_view word() {
        skip_blanks();
        word_at_ = at_;
        int open = 0;
        for (; at_ < text_.size() && !is_end_of_step(text_[at_]); ++at_) {
            open += text_[at_] == '(' ? 1 : text_[at_] == ')' ? -1 : 0;
            if (open <= 0 && is_blank(text_[at_])) break;
        }
        return text_.substr(word_at_, at_ - word_at_);
    }

    bool one(Step& step) {
        const std::string_view name = word();
        const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
        if (found == std::end(kNames)) return refuse(word_at_, unknown(name));
        step.kind = static_cast<Step::Kind>(found - std::begin(kNames));
        switch (step.kind) {
            case Step::Kind::send:
            case Step::Kind::expect:
                if (!payload(step)) return false;
                break;
            case Step::Kind::think:
                if (!pause(step)) return false;
                break;
            case Step::Kind::repeat:
                if (!times(step)) return false;
                break;
            case Step::Kind::expect_close:
                if (!is_over() && !within(step)) return false;
                break;
            case Step::Kind::half_close:
            case Step::Kind::close:
            case Step::Kind::reset:
            case Step::Kind::begin: break;
        }
        if (is_over()) return true;
        const std::string_view more = word();
        return refuse(word_at_, expected_but_found(fmt::format("';' or a new line after '{}'", name), more));
    }

    static std::string unknown(std::string_view name) {
        std::string why = expected_but_found(
            "a step: send, expect, think, half-close, expect-close, close, reset, begin or repeat", name);
        if (const auto meant = nearest(name, {std::begin(kNames), std::end(kNames)}))
            why += fmt::format("; did you mean '{}'?", *meant);
        return why;
    }

    /// `64`, `"text"` or `@FILE`, and for expect `within SIZE` behind a text.
    bool payload(Step& step) {
        skip_blanks();
        if (at_ < text_.size() && text_[at_] == '"') {
            if (!quoted(step.text)) return false;
        } else if (at_ < text_.size() && text_[at_] == '@') {
            step.file = word().substr(1);
            if (step.file.empty())
                return refuse(word_at_, expected_but_found("the name of a file after '@'", ""));
        } else {
            return size(step.size, "a size such as 64 or 1KiB, a text in double quotes, or @FILE");
        }
        if (step.kind == Step::Kind::send || is_over()) return true;
        return within(step);
    }
    bool size(uint64_t& size, std::string_view expected) {
        const std::string_view text = word();
        const auto parsed = parse_bytes(text);
        if (!parsed || *parsed.value == 0 || *parsed.value > kMostSize)
            return refuse(word_at_,
                          expected_but_found(
                              fmt::format("{}, from 1B to {}", expected, exact_bytes_text(kMostSize)), text));
        size = *parsed.value;
        return true;
    }
    bool within(Step& step) {
        const std::string_view text = word();
        if (text != "within") return refuse(word_at_, expected_but_found("'within SIZE' or ';'", text));
        if (!size(step.within, "a size such as 1KiB")) return false;
        if (step.within < step.text.size())
            return refuse(word_at_,
                          expected_but_found(fmt::format("at least the text's {} bytes", step.text.size()),
                                             exact_bytes_text(step.within)));
        return true;
    }
    bool pause(Step& step) {
        const std::string_view text = word();
        auto parsed = parse_times(text);
        if (!parsed) return refuse(word_at_, parsed.error);
        step.pause = std::move(*parsed.value);
        return true;
    }
    bool times(Step& step) {
        const std::string_view text = word();
        const auto parsed = parse_count_range(text);
        if (!parsed) return refuse(word_at_, parsed.error);
        step.times = *parsed.value;
        return true;
    }

    /// A text in double quotes with the escapes \r \n \t \0 \\ \" \xHH.
    bool quoted(std::string& out) {
        const size_t begin = at_++;
        for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            if (text_[at_] != '\\') {
                out += text_[at_];
                continue;
            }
            const auto byte = escaped();
            if (!byte)
                return refuse(at_,
                              expected_but_found(R"(one of \r \n \t \0 \\ \" \xHH)", text_.substr(at_, 2)));
            out += *byte;
        }
        if (at_ == text_.size()) return refuse(begin, "the text has no closing double quote");
        ++at_;
        if (out.empty()) return refuse(begin, expected_but_found("a text in the quotes", ""));
        if (out.size() > kMostStepText)
            return refuse(begin, fmt::format("the text has {} bytes, over the limit of {}; put it in a @FILE",
                                             out.size(), kMostStepText));
        return true;
    }
    /// The byte of the escape at at_, which then is its last character.
    std::optional<char> escaped() {
        constexpr std::string_view kLetters = "rnt0\\\"", kBytes{"\r\n\t\0\\\"", 6};
        const std::string_view rest = text_.substr(at_ + 1);
        if (rest.empty()) return std::nullopt;
        if (const size_t found = kLetters.find(rest[0]); found != kLetters.npos) {
            ++at_;
            return kBytes[found];
        }
        const auto digit = [&](size_t i) -> int {
            const char c = i < rest.size() ? rest[i] : '?';
            return c >= '0' && c <= '9'   ? c - '0'
                   : c >= 'a' && c <= 'f' ? c - 'a' + 10
                   : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                          : -1;
        };
        if (rest[0] != 'x' || digit(1) < 0 || digit(2) < 0) return std::nullopt;
        at_ += 3;
        return static_cast<char>(digit(1) << 4 | digit(2));
    }

    std::string_view text_;
    size_t at_ = 0, word_at_ = 0;
    std::optional<Trouble> trouble_;
};

using Kind = Step::Kind;

/// What is wrong with the order of the steps; empty: nothing.
class OrderOfSteps {
  public:
    explicit OrderOfSteps(const std::vector<Step>& steps) : steps_(steps) {}

    std::string check() {
        if (steps_.empty()) return "there are no steps";
        if (steps_.size() > kMostSteps)
            return fmt::format("there are {} steps, over the limit of {}", steps_.size(), kMostSteps);
        for (at_ = 0; at_ < steps_.size(); ++at_)
            if (std::string why = one(steps_[at_]); !why.empty())
                return fmt::format("step {} ({}): {}", at_ + 1, name(steps_[at_].kind), why);
        if (began_) return fmt::format("step {} (begin): no repeat follows", *began_ + 1);
        return {};
    }

  private:
    std::string one(const Step& step) {
        const bool is_last = at_ + 1 == steps_.size();
        switch (step.kind) {
            case Kind::close:
            case Kind::reset: return is_last ? "" : "it has to be the last step";
            case Kind::begin:
                if (began_)
                    return fmt::format("step {} has begun already; repeats can't be nested", *began_ + 1);
                began_ = at_;
                from_ = at_ + 1;
                waits_ = false;
                return {};
            case Kind::repeat: return repeat();
            case Kind::half_close:
                half_closed_ = half_closed_ ? half_closed_ : std::optional(at_);
                return half_closed_ == at_ ? "" : "it is half-closed already";
            case Kind::expect_close:
                peer_closed_ = peer_closed_ ? peer_closed_ : std::optional(at_);
                return peer_closed_ == at_ ? "" : "the peer has closed already";
            case Kind::send: return half_closed_ ? "nothing can be sent after half-close" : "";
            case Kind::expect: waits_ = true; return peer_closed_ ? "nothing comes after expect-close" : "";
            case Kind::think: waits_ = true; return {};
        }
        return {};
    }
    std::string repeat() {
        const bool closes =
            (half_closed_ && *half_closed_ >= from_) || (peer_closed_ && *peer_closed_ >= from_);
        std::string why;
        if (closes)
            why = "half-close and expect-close can't be repeated; write begin behind them";
        else if (!waits_)
            why =
                "the repeated steps need an expect or a think, or they would fill the connection without end";
        began_.reset();
        from_ = at_ + 1;
        waits_ = false;
        return why;
    }

    const std::vector<Step>& steps_;
    size_t at_ = 0;
    size_t from_ = 0;              ///< where a repeat would go back to
    std::optional<size_t> began_;  ///< the begin without a repeat
    std::optional<size_t> half_closed_, peer_closed_;
    bool waits_ = false;  ///< since from_
};

}  // namespace

std::string_view name(Step::Kind kind) noexcept {
    return kNames[static_cast<size_t>(kind)];
}

Parsed<std::vector<Step>> parse_steps(std::string_view text) {
    std::vector<Step> steps;
    if (std::string why = StepReader(text).read(steps); !why.empty())
        return Parsed<std::vector<Step>>::refuse(std::move(why));
    return steps;
}

Parsed<std::vector<Step>> parse_conversation(const std::vector<std::string>& texts) {
    std::vector<Step> all;
    for (const std::string& text : texts) {
        auto parsed = parse_steps(text);
        if (!parsed) return Parsed<std::vector<Step>>::refuse(fmt::format("'{}': {}", text, parsed.error));
        for (Step& step : *parsed.value) all.push_back(std::move(step));
    }
    if (std::string why = OrderOfSteps(all).check(); !why.empty())
        return Parsed<std::vector<Step>>::refuse(std::move(why));
    return all;
}

}  // namespace synfin::app
