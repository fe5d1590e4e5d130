#pragma once
/// @file
/// Makes the site of the HTTP servers of `serve` from the configuration.

#include <memory>

#include "config/config.hh"
#include "http_site.hh"

namespace synfin::app {

/// Reads every file below --root and prints on standard error which paths were left out. Throws
/// UserError(usage): see HttpSite::add and HttpSite::load.
std::shared_ptr<const HttpSite> site_of(const ServeConfig& config);

}  // namespace synfin::app
