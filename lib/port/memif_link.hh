#pragma once
/// @file
/// MemifLink: the control channel of a memif. It listens (server) or connects (client), completes the
/// handshake with the peer, and passes the session to the data path's thread. It runs on its own thread while
/// the device is open.

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

/// An owned file descriptor.
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

/// Sends a message, with a descriptor unless that is -1. Returns false when the socket does not accept it
/// immediately.
bool send_message(int channel, const memif::Message& message, int descriptor = -1);

class MemifLink {
  public:
    static constexpr uint8_t kLog2Ring = 10;  ///< log2 of the descriptors of a ring that a client makes

    struct Plan {
        std::string path;
        MemifRole role = MemifRole::client;
        uint32_t buffer_bytes =
            0;  ///< client: size of each buffer, at least the longest frame plus WireRing::kSlack
    };
    /// Returns null and a refusal when the socket cannot be opened. The server of a client need not exist
    /// yet.
    static std::unique_ptr<MemifLink> open(const Plan& plan, Refusal& refusal);
    /// The data path must have stopped.
    ~MemifLink();
    MemifLink(const MemifLink&) = delete;
    MemifLink& operator=(const MemifLink&) = delete;

    MemifSlot& slot() noexcept { return slot_; }
    /// Whether a peer is connected. Any thread may call it.
    bool is_up() const noexcept { return is_up_.load(std::memory_order_relaxed); }

  private:
    /// The step that a client is at. An ack ends each step from `init` to `ring_to_client`.
    enum class Step : uint8_t { hello, init, region, ring_to_server, ring_to_client, connected, done };

    explicit MemifLink(const Plan& plan) : plan_(plan) {}
    bool listen(Refusal& refusal);
    void run();
    void knock();
    void accept();
    void receive();
    /// Returns what is wrong with the message, or null.
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
    bool is_initialized_ = false;  ///< server: the client has sent init
    OwnDescriptor memory_;         ///< client: held until it is sent to the server
    uint8_t log2_ring_ = kLog2Ring;
    std::unique_ptr<MemifSession> building_;  ///< during the handshake
    std::unique_ptr<MemifSession> session_;   ///< offered to the data path
    std::unique_ptr<MemifSession> ended_;     ///< ended; the data path may still use it
    MemifSlot slot_;
    std::atomic<bool> is_up_{false};
    std::atomic<bool> is_ending_{false};
    std::thread thread_;  // last, because the thread uses all other members
};

}  // namespace synfin::port
