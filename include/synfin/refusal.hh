#pragma once
/// @file
/// Why something could not be had: the Error for programs and a sentence with the remedy for people.

#include <string>
#include <utility>

#include "synfin/result.hh"

namespace synfin {

struct Refusal {
    Error error = Error::none;
    std::string why;  ///< complete sentence(s), no newline at the end

    /// Records the refusal; false, so that `return refusal.because(...)` reads well.
    bool because(Error code, std::string sentence) {
        error = code;
        why = std::move(sentence);
        return false;
    }
};

}  // namespace synfin
