/// @file
/// floor: a crr's packets with no TCP on them, for an instruction counter (scripts/instructions.py --floor):
/// what of a connection's instructions no TCP could save. Prints how many connections' worth it was.

#include <sched.h>

#include <cstdio>
#include <cstdlib>

#include "config/user_error.hh"
#include "results/floor.hh"

int main(int argc, char** argv) {
    using namespace synfin;
    const long milliseconds = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
    if (milliseconds <= 0) {
        std::fprintf(stderr, "usage: floor MILLISECONDS\n");
        return 2;
    }
    app::FloorPlan plan;
    plan.client_packets = plan.server_packets = 3;
    plan.client_frame = (74 + 130 + 66) / 3;  // SYN; ACK with 64 bytes; FIN
    plan.server_frame = (74 + 130 + 66) / 3;
    plan.cores = {static_cast<unsigned>(sched_getcpu())};
    plan.wire_bytes = 256u << 10;
    plan.no_huge = true;
    plan.duration = std::chrono::milliseconds(milliseconds);
    try {
        std::printf("%.0f\n", app::measure_floor(plan).connections);
    } catch (const app::UserError& error) {
        std::fprintf(stderr, "floor: %s\n", error.what());
        return 1;
    }
    return 0;
}
