#pragma once
/// @file
/// The plan of a load: the targets' addresses, each engine's plans, and the engines' sizes. It depends on the
/// configuration, and on the files and host names in it.

#include "client_run.hh"
#include "config/config.hh"
#include "generator_plan.hh"
#include "name_lookup.hh"

namespace synfin::app {

/// The addresses of a name; see look_up().
using Lookup = std::vector<IpAddress> (*)(const std::string& name, std::string& error);

/// Resolves host names among the targets, before anything is sent, and prints their addresses on standard
/// error. Chooses the family as family_of() says. Throws UserError(failed) for a name without a usable
/// address.
Config resolved(Config config, Lookup lookup = look_up);

/// The tuples of all targets together: for each target the addresses of its family times the source ports.
uint64_t tuple_count(const Config& config, uint64_t ports);

/// One engine's share of each class. Throws UserError(usage) if the file of --body can't be read.
std::vector<GeneratorPlan> load_plans(const Config& config, unsigned engine, unsigned engines);
/// One engine's run: its share of each class, and the parts of the run. Throws like load_plans().
ClientRun::Plan load_run(const Config& config, unsigned engine, unsigned engines);

/// The configuration of each of `engines` engines.
stack::StackConfig load_stack(const Config& config, unsigned engines);

}  // namespace synfin::app
