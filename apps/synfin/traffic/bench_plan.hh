#pragma once
/// @file
/// What a bench is made of: how many connections between which addresses and ports, what they say, and how
/// large pools and wires must be for that. Follows from the configuration alone.

#include <string_view>

#include "config/config.hh"
#include "traffic/client_run.hh"

namespace synfin::app {

/// What a profile is made of.
struct Shape {
    GeneratorPlan::Purpose purpose;
    GeneratorPlan::Ending ending;
    uint64_t requests;     ///< per connection; 0: until the end
    uint64_t connections;  ///< default of -c
    CloseBy close_by;      ///< the end that closes first and keeps TIME-WAIT
    bool lives_end;        ///< connections end by themselves: -n can end the run
};
Shape shape_of(const BenchConfig& bench);

/// Connections at once, of one pair of engines, without those beside.
uint64_t concurrency(const BenchConfig& bench);
/// How long connections are opened; 0: until the generator's limit, or until all have been held.
Duration opening_time(const BenchConfig& bench);

/// Client addresses: 10.0.1.0 and following, the server's being 10.0.0.1.
inline constexpr uint32_t kBenchSources = 32;
/// The server's ports for the profile's connections: more of them make more tuples.
PortRange bench_ports(const BenchConfig& bench);
/// All ports that the server listens to: those, then those for the connections beside.
PortRange bench_listens(const BenchConfig& bench);

/// The client's part of a pair.
ClientRun::Plan client_plan(const BenchConfig& bench);
stack::StackConfig bench_stack(const Config& config, bool client);
/// Of each direction of a wire.
uint32_t wire_bytes(const BenchConfig& bench);

/// Refuses combinations that no single key can tell, with exit status 2. Says what to do.
void validate_bench(const Config& config);

}  // namespace synfin::app
