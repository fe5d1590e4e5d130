/// @file
/// A client with timers. It gives up an attempt to connect after one second, retries with exponential
/// backoff, sends one request and prints the answer. It runs in virtual time; at first the server is
/// unreachable.
#include <cstdio>
#include <string>

#include "wire.hh"

namespace {

using namespace std::chrono_literals;

// [client]
class Client {
  public:
    Client(synfin::Stack& stack, synfin::Endpoint server) : stack_(stack), server_(server) {}

    void attempt() {
        ++attempts;
        connection_ = stack_.connect(server_).value_or({});
        timer_ = stack_.after(1s, kTimeout).value_or({});
    }

    void on_open(synfin::Connection c) {
        (void)stack_.cancel(timer_);
        (void)c.send("what time is it?\n");
        timer_ = stack_.after(5s, kTimeout).value_or({});  // limits the wait for the answer
    }
    void on_data(synfin::Connection c, synfin::RxView& data) {
        for (const uint8_t byte : data.bytes()) answer += static_cast<char>(byte);
        if (answer.ends_with('\n')) (void)c.close();
    }
    void on_writable(synfin::Connection) {}
    void on_peer_fin(synfin::Connection c) { (void)c.close(); }
    void on_close(synfin::Connection, const synfin::CloseInfo& why) {
        (void)stack_.cancel(timer_);
        std::printf("attempt %d: %s\n", attempts, name(why.reason).data());
        if (answer.ends_with('\n')) return;
        (void)stack_.after(pause_, kRetry);
        pause_ *= 2;
    }
    void on_timer(uint64_t tag) {
        if (tag == kTimeout) (void)connection_.abort();  // on_close follows
        if (tag == kRetry) attempt();
    }

    int attempts = 0;
    std::string answer;

  private:
    enum : uint64_t { kTimeout, kRetry };
    synfin::Stack& stack_;
    synfin::Endpoint server_;
    synfin::Connection connection_;
    synfin::TimerId timer_;
    synfin::Duration pause_ = 100ms;
};
// [client]

struct Clock {
    void on_open(synfin::Connection) {}
    void on_data(synfin::Connection c, synfin::RxView&) { (void)c.send("noon\n"); }
    void on_writable(synfin::Connection) {}
    void on_peer_fin(synfin::Connection c) { (void)c.close(); }
    void on_close(synfin::Connection, const synfin::CloseInfo&) {}
};

}  // namespace

int main() {
    examples::Wire wire;
    Clock clock;
    Client client(wire.client.stack(), {*synfin::Ipv4::parse("10.0.0.2"), 13});
    wire.server.attach(clock);
    wire.client.attach(client);
    client.attempt();
    const synfin::Instant start = wire.client.now();
    for (int ms = 0; ms < 10'000 && client.answer.empty(); ++ms) {
        const bool is_cable_in = ms >= 1'500;  // until then the wire drops the client's packets
        if (ms == 3'000 && !wire.server.listen(13)) return 1;  // until then the server refuses
        if (is_cable_in) {
            wire.run(1ms);
        } else {
            while (wire.client.output()) {
            }
            wire.client.advance(wire.client.now() + 1ms);
            wire.server.advance(wire.server.now() + 1ms);
        }
    }
    const synfin::Duration took = wire.client.now() - start;
    std::printf("%d attempts, %lld ms of virtual time: %s", client.attempts,
                static_cast<long long>(took / 1ms), client.answer.c_str());
    return client.answer == "noon\n" && client.attempts >= 4 ? 0 : 1;
}
