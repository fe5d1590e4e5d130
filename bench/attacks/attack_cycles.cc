/// Prints the cost of each attack of docs/attacks/in-memory.md: TSC cycles of the server's turns for each
/// packet of the attack. The frames go through memory: two copies of each packet are included.
///
///     attack_cycles [PART OF A NAME] [PACKETS]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "flood_world.hh"

int main(int argc, char** argv) {
    const std::string part = argc > 1 ? argv[1] : "";
    const uint64_t packets = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200'000;
    std::printf("%-50s %18s %18s\n", "attack", "cycles per packet", "cycles per sent");
    for (const auto& attack : synfin::simulation::attacks()) {
        if (attack.name.find(part) == std::string::npos) continue;
        synfin::simulation::FloodWorld world(attack, 0);
        world.prepare();
        world.is_timed = true;
        constexpr synfin::Duration kSlice = synfin::simulation::FloodWorld::kStep;
        const auto steps = std::max<uint64_t>(packets * static_cast<uint64_t>(kSlice.count()) / 1'000'000, 1);
        for (uint64_t i = 0; i < steps; ++i) world.run(kSlice, true);
        const auto spent = static_cast<double>(world.cycles);
        std::printf("%-50s %18.0f %18.0f\n", attack.name.c_str(),
                    spent / static_cast<double>(std::max<uint64_t>(world.attack_packets, 1)),
                    spent / static_cast<double>(std::max<uint64_t>(world.sent_packets, 1)));
        std::fflush(stdout);
    }
    return 0;
}
