#pragma once
/// @file
/// Pieces of HTML. Every text that comes from a result passes escaped().

#include <string>
#include <string_view>
#include <vector>

namespace synfin::app {

/// For text and for attributes in double quotes: `& < > " '` as entities, without control characters, and
/// cut at `most` bytes (at the boundary of a character). Bytes that are not UTF-8 become U+FFFD.
std::string escaped(std::string_view text, size_t most = 2'000);

/// A table: the first column labels the rows, the others are aligned right.
class HtmlTable {
  public:
    /// @param heads,cells HTML: pass escaped() texts
    explicit HtmlTable(const std::vector<std::string>& heads);
    void row(const std::vector<std::string>& cells);
    size_t rows() const noexcept { return rows_; }
    /// @param name of the table, for screen readers
    std::string take(std::string_view name);

  private:
    std::string body_;
    size_t rows_ = 0;
};

/// A word with its sign and colour: "pass" with a check mark.
std::string verdict_html(std::string_view verdict);

}  // namespace synfin::app
