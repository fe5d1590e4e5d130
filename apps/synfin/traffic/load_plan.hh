#pragma once
/// @file
/// What a load is made of: the targets' addresses, each engine's plan, and the engines' sizes. Follows from
/// the configuration, and from the files and names that it refers to.

#include "config/config.hh"
#include "generator_plan.hh"

namespace synfin::app {

/// Looks up the names among the targets, once, before anything is sent, and says on standard error what they
/// are. Throws UserError(failed) for a name without an address.
Config resolved(Config config);

/// One engine's share. Throws UserError(usage) when --body names a file that can't be read.
GeneratorPlan load_plan(const Config& config, unsigned engine, unsigned engines);

/// The configuration of each of so many engines.
stack::StackConfig load_stack(const Config& config, unsigned engines);

}  // namespace synfin::app
