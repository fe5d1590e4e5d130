/// @file
/// A minimal echo server.
///   echo af_packet:veth0 10.0.0.2/24 2001:db8::2/64
// [server]
#include <csignal>
#include <cstdio>
#include <vector>

#include <synfin/runtime.hh>

namespace {

std::atomic<bool> stop{false};

struct Echo {
    void on_open(synfin::Connection) {}
    void on_data(synfin::Connection c, synfin::RxView& data) {
        data.take(c.send(data.bytes()).value_or(0));  // the stack keeps the rest; the window shrinks
    }
    void on_writable(synfin::Connection c) { (void)c.resume(); }
    void on_peer_fin(synfin::Connection c) { (void)c.close(); }
    void on_close(synfin::Connection, const synfin::CloseInfo&) {}
};

}  // namespace

int main(int argc, char** argv) {
    synfin::RuntimeConfig config;
    for (int i = 2; i < argc; ++i)  // of either family
        if (const auto address = synfin::Cidr::parse(argv[i])) config.stack.addresses.push_back(*address);
    if (argc < 3 || config.stack.addresses.size() + 2 != static_cast<size_t>(argc))
        return std::fprintf(stderr, "usage: echo DEVICE ADDRESS/PREFIX...\n"), 2;
    config.device = argv[1];
    const auto opened = synfin::Runtime::open(config);
    if (!opened) return std::fprintf(stderr, "%s\n", opened.error().why.c_str()), 1;
    synfin::Runtime& runtime = **opened;

    std::vector<Echo> apps(runtime.stacks());  // one engine for each core, one application for each engine
    for (unsigned i = 0; i < apps.size(); ++i)
        if (!runtime.stack(i).listen(7)) return 1;
    for (const int sig : {SIGINT, SIGTERM, SIGHUP}) std::signal(sig, [](int) { stop = true; });
    std::printf("echo on port 7\n");
    std::fflush(stdout);
    return synfin::serve(runtime, apps, stop) ? 0 : 1;  // closes or resets all connections before it returns
}
// [server]
