#pragma once
/// @file
/// Why a call was refused: an Error for programs, and a sentence with the remedy for people.

#include <string>
#include <utility>

#include "synfin/result.hh"

namespace synfin {

struct Refusal {
    Error error = Error::none;
    std::string why;  ///< complete sentence(s), no newline at the end

    /// Records the refusal. Returns false, for `return refusal.because(...)`.
    bool because(Error code, std::string sentence) {
        error = code;
        why = std::move(sentence);
        return false;
    }
};

}  // namespace synfin
