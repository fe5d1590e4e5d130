/// @file
/// A key-value server with a line protocol: "SET key value", "GET key", "DEL key". Each engine
/// has a table of its own, so it needs no lock.
///   key_value                                  a session over an in-memory wire
///   key_value af_packet:veth0 10.0.0.2/24      serves port 6379
#include <csignal>
#include <cstdio>
#include <string>
#include <unordered_map>

#include <synfin/runtime.hh>
#include "wire.hh"

namespace {

constexpr uint16_t kPort = 6379;
constexpr size_t kMostLine = 4096;
std::atomic<bool> stop{false};

// [key value]
class KeyValue {
  public:
    void on_open(synfin::Connection c) {
        lines_[++last_];
        c.set_user_tag(last_);  // the stack keeps this 64-bit tag with the connection
    }
    void on_data(synfin::Connection c, synfin::RxView& data) {
        std::string& line = lines_[c.user_tag()];
        for (const uint8_t byte : data.bytes()) {
            if (byte != '\n') {
                line += static_cast<char>(byte);
                if (line.size() > kMostLine) return static_cast<void>(c.abort());
                continue;
            }
            const std::string reply = answer(line) + "\n";
            line.clear();
            // The send buffer is full: the client sends requests but reads no replies.
            if (c.send(reply).value_or(0) != reply.size()) return static_cast<void>(c.abort());
        }
    }
    void on_writable(synfin::Connection) {}
    void on_peer_fin(synfin::Connection c) { (void)c.close(); }
    void on_close(synfin::Connection, const synfin::CloseInfo& why) { lines_.erase(why.user_tag); }

  private:
    std::string answer(const std::string& line) {
        const size_t verb_end = line.find(' ');
        if (verb_end == std::string::npos) return "ERROR expected SET, GET or DEL and a key";
        const std::string verb = line.substr(0, verb_end);
        const size_t key_end = line.find(' ', verb_end + 1);
        const std::string key = line.substr(verb_end + 1, key_end - verb_end - 1);
        if (verb == "SET" && key_end != std::string::npos)
            return values_[key] = line.substr(key_end + 1), "OK";
        const auto at = values_.find(key);
        if (verb == "GET") return at != values_.end() ? "VALUE " + at->second : "NONE";
        if (verb == "DEL") return values_.erase(key) != 0 ? "OK" : "NONE";
        return "ERROR expected SET, GET or DEL and a key";
    }

    std::unordered_map<std::string, std::string> values_;
    std::unordered_map<uint64_t, std::string> lines_;  ///< incomplete lines by user tag
    uint64_t last_ = 0;
};
// [key value]

// [virtual test]
/// Tests the server over an in-memory wire: the same engine as on a NIC, without device, thread or clock.
int session() {
    examples::Wire wire;
    KeyValue app;
    wire.server.attach(app);
    if (!wire.server.listen(kPort)) return 1;
    const auto c = wire.client.connect({*synfin::Ipv4::parse("10.0.0.2"), kPort}).value_or({});
    (void)wire.client.send(
        c, std::string_view("SET colour blue\nGET colour\nDEL colour\nGET colour\nnonsense\n"));
    wire.run(synfin::Duration(0));
    std::string replies(1000, '\0');
    replies.resize(wire.client.receive(c, replies).value_or(0));
    std::fputs(replies.c_str(), stdout);
    return replies == "OK\nVALUE blue\nOK\nNONE\nERROR expected SET, GET or DEL and a key\n" ? 0 : 1;
}
// [virtual test]

}  // namespace

int main(int argc, char** argv) {
    if (argc == 1) return session();
    const auto address = argc == 3 ? synfin::Cidr::parse(argv[2]) : std::nullopt;
    if (!address) return std::fprintf(stderr, "usage: key_value [DEVICE ADDRESS/PREFIX]\n"), 2;
    synfin::RuntimeConfig config;
    config.device = argv[1];
    config.stack.addresses = {*address};
    const auto opened = synfin::Runtime::open(config);
    if (!opened) return std::fprintf(stderr, "%s\n", opened.error().why.c_str()), 1;
    synfin::Runtime& runtime = **opened;
    std::vector<KeyValue> apps(runtime.stacks());
    for (unsigned i = 0; i < apps.size(); ++i)
        if (!runtime.stack(i).listen(kPort)) return 1;
    for (const int sig : {SIGINT, SIGTERM, SIGHUP}) std::signal(sig, [](int) { stop = true; });
    std::printf("key-value server on port %d\n", kPort);
    std::fflush(stdout);
    return synfin::serve(runtime, apps, stop) ? 0 : 1;
}
