/// @file
/// A server with slow answers: another thread computes them and posts them back, so that the engine never
/// waits. The engine runs in virtual time, the thread is a real one.
#include <poll.h>

#include <cctype>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "wire.hh"

namespace {

// [posts]
struct Job {
    synfin::Connection connection;
    std::string text;
};
enum : uint64_t { kWork, kDone, kStop };

/// The worker thread. It sleeps in poll(2) until the engine posts a job; an epoll loop can wait for the
/// descriptor too.
void work(synfin::Mailbox& jobs, synfin::Mailbox& engine) {
    while (true) {
        while (const auto message = jobs.take()) {
            if (message->tag == kStop) return;
            auto* job = message->pointer<Job>();
            for (char& letter : job->text) letter = static_cast<char>(std::toupper(letter));
            if (!engine.post(kDone, job)) delete job;  // full: the client gets no answer and may retry
        }
        pollfd ready{*jobs.wake_fd(), POLLIN, 0};
        (void)::poll(&ready, 1, -1);
    }
}

class Upper {
  public:
    explicit Upper(synfin::Mailbox& jobs) : jobs_(jobs) {}
    void on_open(synfin::Connection) {}
    void on_data(synfin::Connection c, synfin::RxView& data) {
        const synfin::Bytes bytes = data.bytes();
        auto job = std::make_unique<Job>(Job{c, std::string(bytes.begin(), bytes.end())});
        if (jobs_.post(kWork, job.get())) (void)job.release();
    }
    void on_post(const synfin::Message& message) {
        const std::unique_ptr<Job> job(message.pointer<Job>());
        (void)job->connection.send(job->text);  // Error::gone if the connection has ended meanwhile
    }
    void on_writable(synfin::Connection) {}
    void on_peer_fin(synfin::Connection c) { (void)c.close(); }
    void on_close(synfin::Connection, const synfin::CloseInfo&) {}

  private:
    synfin::Mailbox& jobs_;
};
// [posts]

}  // namespace

int main() {
    examples::Wire wire;
    synfin::Mailbox jobs(64);
    Upper app(jobs);
    wire.server.attach(app);
    if (!jobs.wake_fd() || !wire.server.listen(7)) return 1;
    std::thread worker(work, std::ref(jobs), std::ref(wire.server.stack().mailbox()));
    const auto c = wire.client.connect({*synfin::Ipv4::parse("10.0.0.2"), 7}).value_or({});
    (void)wire.client.send(c, std::string_view("loud, please\n"));
    std::string reply;
    while (!reply.ends_with('\n')) {
        wire.run(std::chrono::microseconds(10));
        std::this_thread::yield();
        std::string some(100, '\0');
        some.resize(wire.client.receive(c, some).value_or(0));
        reply += some;
    }
    (void)jobs.post(kStop);
    worker.join();
    std::fputs(reply.c_str(), stdout);
    return reply == "LOUD, PLEASE\n" ? 0 : 1;
}
