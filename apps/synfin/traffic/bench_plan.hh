#pragma once
/// @file
/// The plan of a bench: its connections, addresses, ports and requests, and the sizes of pools and wires. It
/// depends on the configuration only.

#include <string_view>

#include "config/config.hh"
#include "traffic/client_run.hh"

namespace synfin::app {

/// The properties of a profile.
struct Shape {
    GeneratorPlan::Purpose purpose;
    GeneratorPlan::Ending ending;
    uint64_t requests;     ///< per connection; 0: until the end
    uint64_t connections;  ///< default of -c
    CloseBy close_by;      ///< the end that closes first and keeps TIME-WAIT
    bool lives_end;        ///< connections end by themselves, so -n can end the run
};
Shape shape_of(const BenchConfig& bench);

/// Concurrent connections of one pair of engines, without the background connections (--beside).
uint64_t concurrency(const BenchConfig& bench);
/// How long the bench opens connections; 0: until the generator's limit, or until all have been held.
Duration opening_time(const BenchConfig& bench);

/// The number of client addresses, from 10.0.1.0 on, or from 2001:db8::100 on. The server's address
/// is 10.0.0.1, or 2001:db8::1.
inline constexpr uint32_t kBenchSources = 32;
/// The server's ports for the profile's connections. More ports make more tuples.
PortRange bench_ports(const BenchConfig& bench);
/// All ports that the server listens on: bench_ports(), then those for the background connections.
PortRange bench_listens(const BenchConfig& bench);

/// The client's part of a pair.
ClientRun::Plan client_plan(const BenchConfig& bench);
stack::StackConfig bench_stack(const Config& config, bool client);
/// Bytes of each direction of a wire.
uint32_t wire_bytes(const BenchConfig& bench);

/// Refuses invalid combinations of keys with a remedy, exit status 2.
void validate_bench(const Config& config);

}  // namespace synfin::app
