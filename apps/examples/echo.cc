/// @file
/// An echo server in a few lines on the public headers.
///   echo af_packet:veth0 10.0.0.2/24
#include <csignal>
#include <cstdio>

#include "synfin/runtime.hh"

namespace {

std::atomic<bool> stop{false};

struct Echo {
    void on_open(synfin::Connection) {}
    void on_data(synfin::Connection c, synfin::RxView& data) {
        data.take(c.send(data).value_or(0));  // what has no room stays with the stack and closes the window
    }
    void on_writable(synfin::Connection c) { (void)c.resume(); }
    void on_peer_fin(synfin::Connection c) { (void)c.close(); }
    void on_close(synfin::Connection, const synfin::CloseInfo&) {}
};

}  // namespace

int main(int argc, char** argv) {
    const auto address = argc == 3 ? synfin::Cidr::parse(argv[2]) : std::nullopt;
    if (!address) return std::fprintf(stderr, "usage: echo DEVICE ADDRESS/PREFIX\n"), 2;
    synfin::RuntimeConfig config;
    config.device = argv[1];
    config.stack.addresses = {*address};
    std::string why;
    synfin::Error error{};
    const auto runtime = synfin::Runtime::open(config, why, error);
    if (!runtime) return std::fprintf(stderr, "%s\n", why.c_str()), 1;

    std::vector<Echo> apps(runtime->stacks());
    for (unsigned i = 0; i < runtime->stacks(); ++i)
        if (!runtime->stack(i).listen(7)) return 1;
    for (const int sig : {SIGINT, SIGTERM, SIGHUP}) std::signal(sig, [](int) { stop = true; });
    // Closes or resets what is open before it returns: a program that ends otherwise leaves its peers
    // connected.
    return synfin::serve(*runtime, apps, stop) ? 0 : 1;
}
