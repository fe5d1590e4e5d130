#include "html_text.hh"

#include <fmt/format.h>

namespace synfin::app {

namespace {

/// The length of the UTF-8 sequence at the beginning; 0: it is none.
size_t sequence_length(std::string_view text) noexcept {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const size_t length = byte(0) < 0x80                       ? 1
                          : byte(0) >= 0xC2 && byte(0) <= 0xDF ? 2
                          : byte(0) >= 0xE0 && byte(0) <= 0xEF ? 3
                          : byte(0) >= 0xF0 && byte(0) <= 0xF4 ? 4
                                                               : 0;
    if (length > text.size()) return 0;
    for (size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    return length;
}

void append_escaped(std::string& html, char c) {
    switch (c) {
        case '&': html += "&amp;"; return;
        case '<': html += "&lt;"; return;
        case '>': html += "&gt;"; return;
        case '"': html += "&quot;"; return;
        case '\'': html += "&#39;"; return;
        default: html += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    }
}

}  // namespace

std::string escaped(std::string_view text, size_t most) {
    std::string html;
    for (size_t at = 0; at < text.size();) {
        const size_t length = sequence_length(text.substr(at, 4));
        if (at + length > most) return html + "…";
        if (length == 1)
            append_escaped(html, text[at]);
        else if (length == 0)
            html += "\xEF\xBF\xBD";
        else
            html += text.substr(at, length);
        at += length == 0 ? 1 : length;
    }
    return html;
}

HtmlTable::HtmlTable(const std::vector<std::string>& heads) {
    body_ = "<thead><tr>";
    for (const std::string& head : heads) body_ += fmt::format("<th scope=\"col\">{}</th>", head);
    body_ += "</tr></thead><tbody>\n";
}

void HtmlTable::row(const std::vector<std::string>& cells) {
    body_ += "<tr>";
    bool is_label = true;
    for (const std::string& cell : cells) {
        body_ +=
            fmt::format("<{0}>{1}</{2}>", is_label ? "th scope=\"row\"" : "td", cell, is_label ? "th" : "td");
        is_label = false;
    }
    body_ += "</tr>\n";
    ++rows_;
}

std::string HtmlTable::take(std::string_view name) {
    return fmt::format("<div class=\"scroll\"><table aria-label=\"{}\">{}</tbody></table></div>\n", name,
                       body_);
}

std::string verdict_html(std::string_view verdict) {
    const bool is_good = verdict == "pass" || verdict == "yes" || verdict == "better";
    const bool is_bad = verdict == "fail" || verdict == "no" || verdict == "worse" || verdict == "invalid";
    return fmt::format("<span class=\"word {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
                       is_good  ? "good"
                       : is_bad ? "bad"
                                : "unsure",
                       is_good  ? "✓"
                       : is_bad ? "✕"
                                : "?",
                       escaped(verdict, 40));
}

}  // namespace synfin::app
