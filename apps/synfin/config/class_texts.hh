#pragma once
/// @file
/// The classes of a load as the user wrote them: reading their keys before the values that they inherit are
/// known. fill_classes() (config.hh) makes TrafficConfig of them.

#include <string>
#include <string_view>
#include <vector>

#include "config.hh"

namespace synfin::app {

/// The most classes of a load.
inline constexpr size_t kMostClasses = 64;

/// Checks the values of one key and stores them; they replace earlier ones of that key.
/// @param values several for a list
/// @return the error text; empty on success
std::string set_class_value(LoadConfig::ClassText& text, std::string_view key,
                            const std::vector<std::string>& values);

/// Whether criteria and file names can refer to a class by this name: at most 32 letters, digits, '-' and
/// '_', not a word that criteria use for a figure.
bool is_class_name(std::string_view name) noexcept;

}  // namespace synfin::app
