#include "http_fields.hh"

#include <array>
#include <cstring>

namespace synfin::app {

bool is_token_byte(uint8_t byte) noexcept {
    static constexpr auto kTable = [] {
        std::array<bool, 256> table{};
        for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
        for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - 0x20] = true;
        for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
            table[static_cast<uint8_t>(c)] = true;
        return table;
    }();
    return kTable[byte];
}

namespace {
bool is_blank(uint8_t byte) noexcept {
    return byte == ' ' || byte == '\t';
}
}  // namespace

/// Handles the first byte of a line: it begins a field, continues the previous value, or ends the section.
bool HttpFields::line_byte(uint8_t byte) noexcept {
    if (is_blank(byte)) return continue_value();
    if (unended_ && !end_value()) return false;
    unended_ = false;
    if (byte == '\n') return true;
    if (byte == '\r') {
        at_ = At::last_lf;
        return true;
    }
    if (!is_token_byte(byte)) return false;
    any_ = true;
    word_.clear();
    word_.add(byte);
    at_ = At::name;
    return true;
}

/// Handles a byte of a field's name, or of the blanks that a response may have behind it (RFC 9112 5.1).
bool HttpFields::name_byte(uint8_t byte) noexcept {
    if (byte == ':')
        at_ = take_name() ? At::before_value : At::skip;
    else if (at_ == At::name && is_token_byte(byte))
        word_.add(byte);
    else if (is_blank(byte) && of_ == Of::response)
        at_ = At::before_colon;
    else
        return false;
    return true;
}

HttpStep HttpFields::feed(Bytes bytes, uint32_t& at) noexcept {
    while (at < bytes.size()) {
        const uint8_t byte = bytes[at];
        switch (at_) {
            case At::line:
                if (!line_byte(byte)) return HttpStep::bad;
                if (byte == '\n') return ++at, HttpStep::complete;
                break;
            case At::last_lf:
                if (byte != '\n') return HttpStep::bad;
                return ++at, HttpStep::complete;
            case At::name:
            case At::before_colon:
                if (!name_byte(byte)) return HttpStep::bad;
                break;
            case At::before_value:
                if (is_blank(byte)) break;
                at_ = At::value;
                continue;
            case At::value:
                if (byte == '\r') {
                    at_ = At::value_lf;
                    break;
                }
                if (byte == '\n') {
                    if (!end_line()) return HttpStep::bad;
                    at_ = At::line;
                    break;
                }
                if (!value_byte(byte)) return HttpStep::bad;
                break;
            case At::value_lf:
                if (byte != '\n' || !end_line()) return HttpStep::bad;
                at_ = At::line;
                break;
            case At::skip:
                // Most bytes of a head belong to values that are not needed: skip them fast.
                while (at < bytes.size() && is_field_byte(bytes[at])) ++at;
                if (at == bytes.size()) return HttpStep::more;
                if (bytes[at] != '\r' && bytes[at] != '\n') return HttpStep::bad;
                at_ = bytes[at] == '\r' ? At::skip_lf : At::line;
                break;
            case At::skip_lf:
                if (byte != '\n') return HttpStep::bad;
                at_ = At::line;
                break;
        }
        ++at;
    }
    return HttpStep::more;
}

/// Ends a line of a needed value. The next line of a response may continue it.
bool HttpFields::end_line() noexcept {
    unended_ = of_ == Of::response;
    return unended_ || end_value();
}

/// Continues the previous line's value: the folding counts as one blank (RFC 9112 5.2). Refuses a fold before
/// the first field.
bool HttpFields::continue_value() noexcept {
    if (of_ == Of::request || !any_) return false;
    at_ = unended_ ? At::value : At::skip;
    return !unended_ || value_byte(' ');
}

/// Returns true if the field's value is needed.
bool HttpFields::take_name() noexcept {
    const bool wanted = word_.is("connection")          ? (known_ = Known::connection, true)
                        : word_.is("content-length")    ? (known_ = Known::content_length, true)
                        : word_.is("transfer-encoding") ? (known_ = Known::transfer_encoding, true)
                        : word_.is("host")              ? (known_ = Known::host, true)
                        : word_.is("expect")            ? (known_ = Known::expect, true)
                                                        : false;
    word_.clear();
    digits_ = 0;
    in_number_ = after_number_ = after_word_ = false;
    return wanted;
}

bool HttpFields::value_byte(uint8_t byte) noexcept {
    if (!is_field_byte(byte)) return false;
    const bool blank = is_blank(byte);
    switch (known_) {
        case Known::connection:
        case Known::transfer_encoding:
        case Known::expect: list_byte(byte); return true;
        case Known::content_length:
            if (blank) {
                after_number_ = in_number_;
                return true;
            }
            // Digits only: parsers disagree on the length of a list, a sign or a second number.
            if (byte < '0' || byte > '9' || after_number_) return false;
            in_number_ = true;
            return !__builtin_mul_overflow(digits_, 10u, &digits_) &&
                   !__builtin_add_overflow(digits_, static_cast<unsigned>(byte - '0'), &digits_);
        case Known::host:
            // A single authority (RFC 3986 3.2): refuse bytes that would end it or begin another.
            if (blank)
                after_word_ = in_number_;
            else if (after_word_ || byte == ',' || byte == '/' || byte == '?' || byte == '#' || byte == '@')
                return false;
            else
                in_number_ = true;
            return true;
    }
    return false;
}

/// Handles a byte of a list of words (RFC 9110 5.6.1). Two words without a comma match no known word: "chun
/// ked" is not chunked.
void HttpFields::list_byte(uint8_t byte) noexcept {
    if (byte == ',') {
        end_element();
    } else if (is_blank(byte)) {
        after_word_ = !word_.empty();
    } else if (after_word_) {
        word_.spoil();
    } else {
        word_.add(byte);
    }
}

void HttpFields::end_element() noexcept {
    if (!word_.empty()) {
        if (known_ == Known::connection) {
            close_ |= word_.is("close");
            keep_alive_ |= word_.is("keep-alive");
        } else if (known_ == Known::expect) {
            continue_ |= word_.is("100-continue");
        } else if (of_ == Of::request || !word_.is("identity")) {
            const bool is_chunked = word_.is("chunked");
            transfer_coding_ = true;
            other_coding_ |= !is_chunked;
            ends_chunked_ = is_chunked;
            if (is_chunked && chunks_ < 2) ++chunks_;
        }
    }
    word_.clear();
    after_word_ = false;
}

bool HttpFields::end_value() noexcept {
    switch (known_) {
        case Known::connection:
        case Known::expect:
        case Known::transfer_encoding: end_element(); return true;
        case Known::content_length:
            if (!in_number_ || (has_length_ && length_ != digits_)) return false;
            has_length_ = true;
            length_ = digits_;
            return true;
        case Known::host: hosts_ = hosts_ < 2 ? hosts_ + 1 : hosts_; return true;
    }
    return false;
}

}  // namespace synfin::app
