#pragma once
/// @file
/// The plan of a load: the targets' addresses, each engine's plan, and the engines' sizes. It depends on the
/// configuration, and on the files and host names in it.

#include "config/config.hh"
#include "generator_plan.hh"

namespace synfin::app {

/// Resolves host names among the targets, before anything is sent, and prints their addresses on standard
/// error. Throws UserError(failed) for a name without an address.
Config resolved(Config config);

/// One engine's share. Throws UserError(usage) if the file of --body can't be read.
GeneratorPlan load_plan(const Config& config, unsigned engine, unsigned engines);

/// The configuration of each of `engines` engines.
stack::StackConfig load_stack(const Config& config, unsigned engines);

}  // namespace synfin::app
