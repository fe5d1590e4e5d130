/// @file
/// A program outside the tree: an echo over two stacks in virtual time. It exits with 0 if every byte came
/// back.

#include <cstdio>
#include <string>
#include <vector>

#include <synfin/version.hh>
#include <synfin/virtual_stack.hh>

int main() {
    using namespace synfin;
    VirtualStack client({.address = *Cidr::parse("10.0.0.1/24")}),
        server({.address = *Cidr::parse("10.0.0.2/24")});
    if (!server.listen(7)) return 2;
    const Connection asked = client.connect({*Ipv4::parse("10.0.0.2"), 7}).value_or({});
    const auto exchange = [&] {
        bool moved = true;
        while (moved) {
            moved = false;
            for (auto packet = client.output(); packet; packet = client.output())
                server.input(*packet), moved = true;
            for (auto packet = server.output(); packet; packet = server.output())
                client.input(*packet), moved = true;
        }
    };
    exchange();
    const Connection taken = server.accept().value_or({});

    const std::string text = "hello from outside";
    std::vector<uint8_t> bytes(text.begin(), text.end()), room(100);
    if (client.send(asked, bytes).value_or(0) != bytes.size()) return 3;
    exchange();
    const uint32_t there = server.receive(taken, room).value_or(0);
    if (server.send(taken, Bytes(room).first(there)).value_or(0) != there) return 4;
    exchange();
    const uint32_t back = client.receive(asked, room).value_or(0);
    const std::string answer(room.begin(), room.begin() + back);
    std::printf("synfin %s: %s\n", SYNFIN_VERSION, answer.c_str());
    return answer == text ? 0 : 1;
}
