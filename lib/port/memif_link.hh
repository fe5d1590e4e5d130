#pragma once
/// @file
/// MemifLink: the control channel of a memif. Listens or knocks, agrees with whoever is at the other end, and
/// shows the session to the thread that carries frames; on a thread of its own, for as long as the device is
/// open.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "port/device_spec.hh"
#include "port/memif_queues.hh"
#include "port/refusal.hh"

namespace synfin::port {

/// A file descriptor of its own.
class OwnDescriptor {
  public:
    OwnDescriptor() = default;
    explicit OwnDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
    ~OwnDescriptor() { reset(); }
    OwnDescriptor(OwnDescriptor&& other) noexcept : descriptor_(other.release()) {}
    OwnDescriptor& operator=(OwnDescriptor&& other) noexcept {
        reset(other.release());
        return *this;
    }
    void reset(int descriptor = -1) noexcept;
    int release() noexcept {
        const int descriptor = descriptor_;
        descriptor_ = -1;
        return descriptor;
    }
    int get() const noexcept { return descriptor_; }
    explicit operator bool() const noexcept { return descriptor_ >= 0; }

  private:
    int descriptor_ = -1;
};

/// Sends a message, and a descriptor with it unless it is -1. False when it could not be sent at once.
bool send_message(int channel, const memif::Message& message, int descriptor = -1);

class MemifLink {
  public:
    static constexpr uint8_t kLog2Ring = 10;  ///< descriptors of a ring that a client makes

    struct Plan {
        std::string path;
        MemifRole role = MemifRole::client;
        uint32_t buffer_bytes =
            0;  ///< client: of each buffer; the longest frame and WireRing::kSlack at least
    };
    /// Null and a refusal when the socket cannot be had. A client's server need not be there yet.
    static std::unique_ptr<MemifLink> open(const Plan& plan, Refusal& refusal);
    /// Nobody carries frames any more.
    ~MemifLink();
    MemifLink(const MemifLink&) = delete;
    MemifLink& operator=(const MemifLink&) = delete;

    MemifSlot& slot() noexcept { return slot_; }
    /// Whether somebody is at the other end. Any thread.
    bool is_up() const noexcept { return is_up_.load(std::memory_order_relaxed); }

  private:
    /// What a client waits for next. Each step but the last two ends with an ack.
    enum class Step : uint8_t { hello, init, region, ring_to_server, ring_to_client, connected, done };

    explicit MemifLink(const Plan& plan) : plan_(plan) {}
    bool listen(Refusal& refusal);
    void run();
    void knock();
    void accept();
    void receive();
    /// What is wrong with it, or null.
    const char* handle(const memif::Message& message, OwnDescriptor passed);
    const char* handle_as_server(const memif::Message& message, OwnDescriptor passed);
    const char* handle_as_client(const memif::Message& message);
    const char* next_step();
    bool send(const memif::Message& message, int descriptor = -1) {
        return send_message(channel_.get(), message, descriptor);
    }
    void show();
    void hang_up(const char* why);

    Plan plan_;
    OwnDescriptor wake_, listener_, channel_;
    Step step_ = Step::hello;
    std::chrono::steady_clock::time_point handshake_end_{}, next_knock_{};
    bool is_initialized_ = false;  ///< server: the client has said what it wants
    OwnDescriptor memory_;         ///< client: until the server has it
    uint8_t log2_ring_ = kLog2Ring;
    std::unique_ptr<MemifSession> building_;  ///< until both sides agree
    std::unique_ptr<MemifSession> session_;   ///< shown
    std::unique_ptr<MemifSession> ended_;     ///< maybe still in use
    MemifSlot slot_;
    std::atomic<bool> is_up_{false};
    std::atomic<bool> is_ending_{false};
    std::thread thread_;  // last: it uses all the others
};

}  // namespace synfin::port
