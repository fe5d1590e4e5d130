#pragma once
/// @file
/// What the http servers of `serve` have to give, from the configuration.

#include <memory>

#include "config/config.hh"
#include "http_site.hh"

namespace synfin::app {

/// Reads every file below --root; says on standard error what was left out. Throws UserError(usage): see
/// HttpSite::add and HttpSite::load.
std::shared_ptr<const HttpSite> site_of(const ServeConfig& config);

}  // namespace synfin::app
