#pragma once
/// @file
/// FloodWorld: a server's engine on an Ethernet in memory and virtual time, a client's engine that opens
/// connections at a fixed rate beside it, and an attacker that sends frames to the server.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "buf/memory_port.hh"
#include "flood_frames.hh"
#include "stack/queue_engine.hh"
#include "synfin/stack.hh"

namespace synfin::simulation {

class FloodWorld;

/// One attack: what the attacker sends.
struct Attack {
    std::string name;
    std::string why;  ///< one sentence: why the server holds
    /// Sends the attack's `n`th packet, at least one.
    std::function<void(FloodWorld&, uint64_t n)> send;
    /// The server has sent this segment to the attacker.
    std::function<void(FloodWorld&, const Heard&)> hear = {};
    /// Before the attack begins, for what it needs.
    std::function<void(FloodWorld&)> prepare = {};
    std::function<void(StackConfig&)> configure = {};
    uint32_t rate = 1'000'000;  ///< calls of send() in a second
    Duration time = 100ms;
};

/// The attacker's end of a connection.
struct AttackPeer {
    FloodFrame frame;
    uint32_t nxt = 0;      ///< its SND.NXT
    uint32_t una = 0;      ///< the number that it has acknowledged
    uint32_t highest = 0;  ///< the end of the text that it has received
    uint32_t step = 0;     ///< for the attack's own use
    bool is_open = false;
};
struct PeerOptions {
    std::vector<uint8_t> syn_options{};  ///< raw
    std::vector<uint8_t> options{};      ///< raw, of all later segments
    std::string request{};
    uint16_t window = 65'535;
};

/// The requests that the server understands.
inline constexpr char kSmall = 'S';  ///< 100 bytes
inline constexpr char kBig = 'B';    ///< text without an end
inline constexpr char kClose = 'C';  ///< one byte, then the server closes
                                     // anything else: it reads and waits

/// Records and memory of the server in use.
struct Use {
    uint32_t half_open = 0, open = 0, time_wait = 0, flows = 0, recoveries = 0, blocks = 0, packets = 0;
    void most(const Use& other) noexcept;
};

class FloodWorld {
  public:
    static constexpr Duration kStep = 100us;
    static constexpr uint32_t kResponse = 100;

    /// @param clients connections per second.
    FloodWorld(const Attack& attack, uint32_t clients);
    ~FloodWorld();
    FloodWorld(const FloodWorld&) = delete;
    FloodWorld& operator=(const FloodWorld&) = delete;

    void prepare();
    /// Runs for `time`, with the attack if `attacks`.
    void run(Duration time, bool attacks);
    /// Sends one packet of the attack and lets the server answer.
    void send_one();
    void stop_clients() noexcept { clients_per_s_ = 0; }
    /// Runs without packets from outside until nothing is due, or `most` has passed.
    void settle(Duration most);

    // -- for attacks
    void inject(const FloodFrame& frame);
    uint32_t random() noexcept;
    /// Opens connections from 192.0.2.7 to port 80 and sends a request on each.
    void open_peers(uint32_t count, const PeerOptions& options);
    AttackPeer& peer(uint64_t n) noexcept { return peers_[n % peers_.size()]; }
    /// The source ports of the clients' present connections (IPv4), the newest last, from the time at which
    /// their SYN has arrived.
    const std::vector<uint16_t>& client_ports() const noexcept { return client_ports_; }
    Stack& server() noexcept { return server_->stack; }
    Instant now() const noexcept { return now_; }
    /// Whether prepare() has ended. Attackers who forge their source do not hear answers from then on.
    bool is_prepared() const noexcept { return is_prepared_; }

    // -- results
    struct Life {
        Instant opened, ended{};
        bool is_done = false, is_over = false;
    };
    const std::vector<Life>& lives() const noexcept { return lives_; }
    const Counters& counters() const noexcept { return server_->engine.counters(); }
    Use use() const;
    Use most_in_use{};
    std::string in_use() const;
    /// A contradiction between counters; empty: none.
    std::string imbalance() const;
    uint64_t attack_packets = 0, attack_bytes = 0;
    uint64_t sent_packets = 0, sent_bytes = 0;  ///< by the server
    uint64_t delivered = 0;                     ///< frames to the server
    /// Cycles of the server's turns; counted if `is_timed`.
    uint64_t cycles = 0, most_cycles = 0;
    bool is_timed = false;

  private:
    struct End {
        End(const StackConfig& config, const Mac& mac, bool checks, uint32_t packets, uint64_t key)
            : port(caps(mac, checks), packets),
              engine(config, port, HashKey{key, 1}, kStart),
              stack(engine) {}
        static buf::QueueCaps caps(const Mac& mac, bool checks) {
            buf::QueueCaps out;
            out.mac = mac;
            out.rx_ip_checksum = out.rx_tcp_checksum = checks;
            return out;
        }
        buf::MemoryPort port;
        stack::QueueEngine<buf::MemoryPort> engine;
        Stack stack;
    };
    struct ServerApp;
    struct ClientApp;
    using Wire = std::deque<std::pair<Instant, std::vector<uint8_t>>>;
    static constexpr Instant kStart = Instant::from_ns(10'000'000'000);

    void step(bool attacks);
    void open_client();
    void turn_server();
    void turn_client();
    void take_from_server();
    void hear(Bytes frame);
    void hear_peer(const Heard& heard);
    void sample();

    const Attack attack_;  ///< a copy: each world begins with the attack's initial state
    uint32_t clients_per_s_;
    Instant now_ = kStart;
    std::unique_ptr<End> server_, client_;
    std::unique_ptr<ServerApp> server_app_;
    std::unique_ptr<ClientApp> client_app_;
    Wire to_client_, to_server_;
    std::vector<Life> lives_;
    std::vector<uint16_t> client_ports_;
    std::vector<AttackPeer> peers_;
    PeerOptions peer_options_{};
    std::deque<std::pair<Instant, uint16_t>> new_ports_;  ///< not in client_ports_ yet
    bool is_prepared_ = false;
    uint64_t sent_ = 0, steps_ = 0;
    uint64_t owed_clients_ = 0, owed_attack_ = 0;
    uint64_t random_ = 0x9e3779b97f4a7c15u;
};

/// All attacks, in the order of the table.
std::vector<Attack> attacks();

}  // namespace synfin::simulation
