#include "host_facts.hh"

#include <pthread.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

namespace synfin::app {

namespace {

std::string cpu_model() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
    return "unknown";
}

bool pin(unsigned core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

}  // namespace

nlohmann::ordered_json device_facts(const DeviceReport& report) {
    nlohmann::ordered_json device = {{"device", report.device},
                                     {"driver", report.driver},
                                     {"mac", report.mac.text()},
                                     {"mtu", report.mtu},
                                     {"link_mbps", report.link_mbps},
                                     {"rx_queues", report.rx_queues},
                                     {"tx_queues", report.tx_queues},
                                     {"rx_descriptors", report.rx_descriptors},
                                     {"tx_descriptors", report.tx_descriptors},
                                     {"rx_burst", report.rx_burst},
                                     {"tx_burst", report.tx_burst},
                                     {"packets_per_engine", report.packets_per_engine},
                                     {"packet_bytes", report.packet_bytes},
                                     {"large_packets_per_engine", report.large_per_engine},
                                     {"large_packet_bytes", report.large_bytes},
                                     {"steering", describe(report.steering)},
                                     {"steering_why", report.steering_why}};
    auto& offloads = device["offloads"] = nlohmann::ordered_json::object();
    for (const auto& offload : report.offloads)
        offloads[offload.what] = {{"offered", offload.offered}, {"used", offload.used}, {"why", offload.why}};
    device["notes"] = report.notes;
    device["warnings"] = report.warnings;
    return device;
}

nlohmann::ordered_json host_facts(const DeviceReport& report, double tsc_hz) {
    utsname kernel{};
    uname(&kernel);
    return {{"cpu", cpu_model()},
            {"cpus", std::thread::hardware_concurrency()},
            {"kernel", std::string(kernel.release)},
            {"dpdk", report.dpdk},
            {"hugepages", report.hugepages},
            {"memory", report.memory},
            {"tsc_hz", static_cast<uint64_t>(tsc_hz)},
            {"device", device_facts(report)}};
}

double core_round_trip_ns(unsigned core_a, unsigned core_b) {
    if (core_a == core_b) return 0;
    constexpr uint32_t kRounds = 2'000, kRepeats = 10;
    alignas(64) std::atomic<uint32_t> ball{0};
    const auto play = [&ball](unsigned core, uint32_t parity) {
        pin(core);
        for (uint32_t i = parity; i < 2 * kRounds * kRepeats; i += 2) {
            while (ball.load(std::memory_order_acquire) != i) _mm_pause();
            ball.store(i + 1, std::memory_order_release);
        }
    };
    double best = 0;
    std::thread other([&] { play(core_b, 1); });
    std::thread one([&] {
        pin(core_a);
        for (uint32_t repeat = 0; repeat < kRepeats; ++repeat) {
            const auto start = std::chrono::steady_clock::now();
            for (uint32_t i = 2 * kRounds * repeat; i < 2 * kRounds * (repeat + 1); i += 2) {
                while (ball.load(std::memory_order_acquire) != i) _mm_pause();
                ball.store(i + 1, std::memory_order_release);
            }
            const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
            const double each = spent.count() / kRounds;
            best = repeat == 0 ? each : std::min(best, each);
        }
    });
    one.join();
    other.join();
    return best;
}

uint64_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    uint64_t size = 0, resident = 0;
    statm >> size >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace synfin::app
