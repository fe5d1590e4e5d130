#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "base/random.hh"
#include "port/device.hh"
#include "port/memif_link.hh"
#include "port_frames.hh"

namespace synfin::port {
namespace {

using test::Frame;
using test::packets_out;
using test::receive;
using test::send;

std::string socket_path() {
    static unsigned made = 0;
    return ::testing::TempDir() + "memif-" + std::to_string(getpid()) + "-" + std::to_string(made++);
}

std::unique_ptr<Device> open(const std::string& text, unsigned engines = 1, uint16_t mtu = 1500) {
    Refusal refusal;
    DeviceConfig config;
    config.spec = *parse_device(text, refusal);
    config.engines = engines;
    config.mtu = mtu;
    config.no_huge = true;
    config.packets = 4096;
    config.link_wait = 0s;
    config.key = {11, 22};
    auto device = Device::open(config, refusal);
    EXPECT_TRUE(device) << refusal.why;
    return device;
}

/// Frames differ in every byte from their neighbours in a burst.
Frame frame_of(size_t bytes, uint8_t seed) {
    Frame frame(bytes);
    for (size_t i = 0; i < bytes; ++i) frame[i] = static_cast<uint8_t>(seed + i * 7 + i / 256);
    return frame;
}

/// For what another thread does: the control channel's.
bool comes(const std::function<bool()>& what) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!what()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// Whether a frame sent by one comes to the other; sent again until it does.
bool reaches(DevicePort& from, DevicePort& to) {
    const Frame hello = frame_of(60, 1);
    return comes([&] {
        receive(from);
        send(from, hello);
        for (const Frame& frame : receive(to))
            if (frame == hello) return true;
        return false;
    });
}

void exchange_all_sizes(DevicePort& a, DevicePort& b, size_t longest) {
    receive(a), receive(b);
    uint8_t seed = 0;
    for (const auto& [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
        for (size_t bytes = 14; bytes <= longest; bytes += bytes < 200 ? 1 : 61) {
            const Frame frame = frame_of(bytes, ++seed);
            ASSERT_TRUE(comes([&, f = from] { return send(*f, frame); }));
            std::vector<Frame> got;
            ASSERT_TRUE(comes([&, t = to] { return !(got = receive(*t)).empty(); })) << bytes;
            ASSERT_EQ(got, std::vector<Frame>{frame}) << bytes;
        }
        const Frame frame = frame_of(longest, ++seed);
        ASSERT_TRUE(send(*from, frame));
        std::vector<Frame> got;
        ASSERT_TRUE(comes([&, t = to] { return !(got = receive(*t)).empty(); }));
        ASSERT_EQ(got.front(), frame);
    }
}

TEST(Memif, CarriesFramesOfAllSizesBothWays) {
    for (const uint16_t mtu : {uint16_t{1500}, uint16_t{9000}}) {
        const std::string path = socket_path();
        auto server = open("memif:" + path + ",server", 1, mtu), client = open("memif:" + path, 1, mtu);
        ASSERT_TRUE(server && client);
        ASSERT_TRUE(reaches(client->port(0), server->port(0)));
        ASSERT_TRUE(reaches(server->port(0), client->port(0)));
        exchange_all_sizes(client->port(0), server->port(0), mtu + 18u);
        ASSERT_TRUE(comes([&] { return server->stats().link_up && client->stats().link_up; }));
        EXPECT_EQ(server->stats().rx_errors + client->stats().rx_errors, 0u);
        EXPECT_EQ(server->stats().giants + client->stats().giants, 0u);
        EXPECT_EQ(packets_out(server->port(0)) + packets_out(client->port(0)), 0u);
    }
}

TEST(Memif, AFullRingRefusesAndLosesNothing) {
    const std::string path = socket_path();
    auto server = open("memif:" + path + ",server"), client = open("memif:" + path);
    ASSERT_TRUE(server && client);
    ASSERT_TRUE(reaches(client->port(0), server->port(0)));
    ASSERT_TRUE(reaches(server->port(0), client->port(0)));
    for (const auto& [from, to] :
         {std::pair{client.get(), server.get()}, std::pair{server.get(), client.get()}}) {
        receive(from->port(0)), receive(to->port(0));
        for (int round = 0; round < 70; ++round) {  // the indices pass 2^16
            unsigned taken = 0;
            while (send(from->port(0), frame_of(60, static_cast<uint8_t>(taken)))) ++taken;
            ASSERT_EQ(taken, 1u << MemifLink::kLog2Ring);
            const auto got = receive(to->port(0));
            ASSERT_EQ(got.size(), taken);
            for (unsigned i = 0; i < taken; ++i) ASSERT_EQ(got[i], frame_of(60, static_cast<uint8_t>(i)));
        }
        EXPECT_GE(from->stats().tx_refused, 70u);
        EXPECT_EQ(from->stats().tx_packets, to->stats().rx_packets);
        EXPECT_EQ(from->stats().tx_bytes, to->stats().rx_bytes);
    }
}

TEST(Memif, EitherSideMayGoAndComeBack) {
    const std::string path = socket_path();
    auto server = open("memif:" + path + ",server"), client = open("memif:" + path);
    ASSERT_TRUE(server && client);
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(reaches(client->port(0), server->port(0)));
        client.reset();
        ASSERT_TRUE(comes([&] { return receive(server->port(0)), !send(server->port(0), frame_of(60, 1)); }));
        client = open("memif:" + path);
        ASSERT_TRUE(reaches(server->port(0), client->port(0)));
        server.reset();
        ASSERT_TRUE(comes([&] { return receive(client->port(0)), !send(client->port(0), frame_of(60, 1)); }));
        EXPECT_FALSE(std::filesystem::exists(path));
        server = open("memif:" + path + ",server");
    }
    EXPECT_TRUE(reaches(server->port(0), client->port(0)));
    EXPECT_TRUE(comes([&] { return client->stats().link_up; }));
}

TEST(Memif, ASecondClientIsSentAway) {
    const std::string path = socket_path();
    auto server = open("memif:" + path + ",server"), client = open("memif:" + path);
    ASSERT_TRUE(server && client);
    ASSERT_TRUE(reaches(client->port(0), server->port(0)));
    auto second = open("memif:" + path);
    ASSERT_TRUE(second);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_FALSE(send(second->port(0), frame_of(60, 1)));
    EXPECT_TRUE(reaches(client->port(0), server->port(0)));
    client.reset();
    EXPECT_TRUE(comes([&] { return receive(server->port(0)), send(second->port(0), frame_of(60, 1)); }));
}

TEST(Memif, SeveralEnginesShareOne) {
    const std::string path = socket_path();
    auto server = open("memif:" + path + ",server", 3), client = open("memif:" + path, 2);
    ASSERT_TRUE(server && client);
    EXPECT_EQ(server->report().steering, Steering::software);
    // Until everyone's ARP has come: a frame for all, from an engine that has no queue of its own.
    Frame arp = frame_of(60, 3);
    std::fill_n(arp.begin(), 6, uint8_t{0xff});
    arp[12] = 8, arp[13] = 6;
    arp[20] = 0, arp[21] = 2;  // an answer
    std::set<unsigned> got;
    EXPECT_TRUE(comes([&] {
        send(client->port(1), arp);
        receive(client->port(0));
        for (unsigned engine = 0; engine < 3; ++engine)
            if (!receive(server->port(engine)).empty()) got.insert(engine);
        return got.size() == 3;
    }));
}

// -- with DPDK's driver at the other end

TEST(Memif, DpdksClientAndServerUnderstandIt) {
    for (const bool we_serve : {true, false}) {
        const std::string path = socket_path();
        const std::string args = std::string("vdev:net_memif") + (we_serve ? "a" : "b") +
                                 ",role=" + (we_serve ? "client" : "server") + ",socket=" + path +
                                 ",socket-abstract=no,id=0,rsize=8";
        std::unique_ptr<Device> ours, theirs;
        if (we_serve) ours = open("memif:" + path + ",server");
        theirs = open(args);
        if (!we_serve) ours = open("memif:" + path);
        ASSERT_TRUE(ours && theirs);
        ASSERT_TRUE(reaches(ours->port(0), theirs->port(0))) << we_serve;
        ASSERT_TRUE(reaches(theirs->port(0), ours->port(0))) << we_serve;
        exchange_all_sizes(ours->port(0), theirs->port(0), 1518);
        EXPECT_EQ(ours->stats().rx_errors, 0u);
        theirs.reset();
        EXPECT_TRUE(comes([&] { return receive(ours->port(0)), !send(ours->port(0), frame_of(60, 1)); }));
    }
}

TEST(Memif, DpdksSmallBuffersAreChainedAndJoined) {
    const std::string path = socket_path();
    auto ours = open("memif:" + path + ",server");
    auto theirs =
        open("vdev:net_memifc,role=client,socket=" + path + ",socket-abstract=no,id=0,bsize=512,rsize=5");
    ASSERT_TRUE(ours && theirs);
    ASSERT_TRUE(reaches(ours->port(0), theirs->port(0)));
    exchange_all_sizes(ours->port(0), theirs->port(0), 1518);
    // Its client leaves "next" in a long frame's first descriptor, for the short one that comes there a ring
    // later.
    for (uint8_t i = 0; i < 200; ++i) {
        const Frame frame = frame_of(i % 3 == 0 ? 1500 : 60, i);
        ASSERT_TRUE(comes([&] { return send(theirs->port(0), frame); }));
        std::vector<Frame> got;
        ASSERT_TRUE(comes([&] { return !(got = receive(ours->port(0))).empty(); }));
        ASSERT_EQ(got, std::vector<Frame>{frame}) << int{i};
    }
    EXPECT_GT(ours->stats().joined, 10u);
    EXPECT_EQ(ours->stats().rx_errors + ours->stats().giants, 0u);
}

// -- a peer that says what it likes, in its memory

/// Both ends of a session, without a channel.
struct TwoEnds {
    static constexpr uint8_t kLog2 = 4;
    static constexpr uint32_t kLongest = 300, kBuffer = 384;

    TwoEnds() {
        auto client_session = std::make_unique<MemifSession>();
        const int memory = client_session->make_memory(kLog2, kBuffer);
        EXPECT_GE(memory, 0);
        auto server_session = std::make_unique<MemifSession>();
        EXPECT_EQ(server_session->add_region(memory, client_session->memory_bytes()), nullptr);
        for (const bool to_server : {true, false}) {
            const MemifRing& ring = to_server ? client_session->tx : client_session->rx;
            EXPECT_EQ(server_session->add_ring(
                          {static_cast<uint16_t>(to_server), 0, 0, client_session->offset_of(ring), kLog2, 0},
                          dup(ring.event)),
                      nullptr);
        }
        EXPECT_EQ(server_session->finish(), nullptr);
        for (auto& [slot, session] :
             {std::pair{&client_slot, &client_session}, std::pair{&server_slot, &server_session}})
            slot->offer(session->get());
        client = std::move(client_session);
        server = std::move(server_session);
    }

    static std::vector<Frame> read(MemifQueues& queues) {
        std::vector<Frame> frames;
        MemifQueues::Reader reader(queues);
        uint32_t length = 0;
        while (const uint8_t* frame = reader.peek(length)) {
            frames.emplace_back(frame, frame + length);
            reader.take(length);
        }
        if (!frames.empty()) reader.release();
        return frames;
    }
    static bool write(MemifQueues& queues, Frame frame) {
        const auto length = static_cast<uint32_t>(frame.size());
        frame.resize(length + WireRing::kSlack);
        MemifQueues::Writer writer(queues);
        if (!writer.put(frame.data(), length)) return false;
        writer.publish();
        return true;
    }

    MemifSlot client_slot, server_slot;
    std::unique_ptr<MemifSession> client, server;
    MemifQueues client_queues{client_slot, kLongest}, server_queues{server_slot, kLongest};
};

TEST(MemifQueues, BuffersAreNeverAtThreeEqualSteps) {
    MemifSession session;
    ::close(session.make_memory(10, TwoEnds::kBuffer));
    std::set<uint32_t> offsets;
    for (const MemifRing& ring : {session.rx, session.tx}) {
        int64_t last = 0, step = 0, equal = 0;
        for (uint16_t at = 0; at <= ring.mask; ++at) {
            const int64_t offset = ring.load(at).offset;
            offsets.insert(ring.load(at).offset);
            equal = offset - last == step ? equal + 1 : 1;
            EXPECT_LT(equal, 3) << at;
            step = offset - last;
            last = offset;
        }
    }
    EXPECT_EQ(offsets.size(), 2'048u) << "each has its own";
}

TEST(MemifQueues, DescriptorsThatNameWhatIsNotThereAreDroppedAndCounted) {
    using memif::Descriptor;
    const Descriptor wrong[] = {
        {0, 1, 60, 0, 0},              // no such region
        {0, 65535, 60, 0, 0},          //
        {0, 0, 60, 0xffffffff, 0},     // beyond the region
        {0, 0, 60, 0xffffffd0, 0},     // offset and length wrap
        {0, 0, 0xffffffff, 64, 0},     // length beyond it
        {0, 0, 0xffffffe0, 64, 0},     // length and slack wrap
        {memif::kNext, 0, 60, 64, 0},  // goes on, and there is no more
    };
    for (const Descriptor& d : wrong) {
        TwoEnds ends;
        ASSERT_TRUE(TwoEnds::read(ends.server_queues).empty());
        ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(60, 1)));
        ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(60, 2)));
        Descriptor& second = *ends.client->tx.descriptor(1);
        Descriptor& first = *ends.client->tx.descriptor(0);
        ((d.flags & memif::kNext) != 0 ? second : first) = d;
        const auto got = TwoEnds::read(ends.server_queues);
        ASSERT_EQ(got.size(), 1u);
        EXPECT_EQ(got[0], frame_of(60, (d.flags & memif::kNext) != 0 ? 1 : 2));
        EXPECT_EQ(ends.server_queues.counters().bad, 1u);
        // What was dropped is passed for good.
        ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(61, 3)));
        EXPECT_EQ(TwoEnds::read(ends.server_queues), std::vector<Frame>{frame_of(61, 3)});
        EXPECT_EQ(ends.server_queues.counters().bad, 1u);
    }
}

TEST(MemifQueues, OnlyBadFramesArePassedToo) {
    TwoEnds ends;
    ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(60, 1)));
    ends.client->tx.descriptor(0)->region = 9;
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(TwoEnds::read(ends.server_queues).empty());
    EXPECT_EQ(ends.server_queues.counters().bad, 1u) << "counted once";
}

TEST(MemifQueues, GiantsAreDroppedAndCounted) {
    TwoEnds ends;
    ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(TwoEnds::kLongest, 1)));
    ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(TwoEnds::kLongest + 1, 2)));
    ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(2 * TwoEnds::kBuffer, 3)));  // in two parts
    ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(20, 4)));
    const auto got = TwoEnds::read(ends.server_queues);
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0], frame_of(TwoEnds::kLongest, 1));
    EXPECT_EQ(got[1], frame_of(20, 4));
    EXPECT_EQ(ends.server_queues.counters().giants, 2u);
}

TEST(MemifQueues, AServerKeepsToTheBuffersThatItIsGiven) {
    TwoEnds ends;
    ASSERT_TRUE(TwoEnds::read(ends.client_queues).empty());  // posts its buffers
    for (uint16_t i = 0; i < 16; ++i) ends.client->rx.descriptor(i)->length = 100;
    const Frame canary = frame_of(TwoEnds::kBuffer, 77);
    for (uint16_t i = 0; i < 16; ++i)
        std::copy(canary.begin(), canary.end(), ends.client->rx_buffers + i * TwoEnds::kBuffer);
    for (const uint32_t bytes : {36u, 37u, 99u, 100u, 101u, 200u, 201u, 300u}) {
        ASSERT_TRUE(TwoEnds::write(ends.server_queues, frame_of(bytes, static_cast<uint8_t>(bytes))));
        EXPECT_EQ(TwoEnds::read(ends.client_queues).size(), 1u) << bytes;
        for (uint16_t i = 0; i < 16; ++i) {
            ends.client->rx.descriptor(i)->length = 100;
            ASSERT_TRUE(std::equal(canary.begin() + 100, canary.end(),
                                   ends.client->rx_buffers + i * TwoEnds::kBuffer + 100))
                << bytes;
        }
    }
}

TEST(MemifQueues, ABufferThatIsNotThereLosesTheFrameAlone) {
    TwoEnds ends;
    ASSERT_TRUE(TwoEnds::read(ends.client_queues).empty());
    ends.client->rx.descriptor(0)->offset = 0xfffffff0;
    ends.client->rx.descriptor(1)->region = 3;
    ends.client->rx.descriptor(2)->length = 0;
    for (uint8_t i = 0; i < 4; ++i) ASSERT_TRUE(TwoEnds::write(ends.server_queues, frame_of(60, i)));
    EXPECT_EQ(ends.server_queues.counters().unsent, 3u);
    EXPECT_EQ(ends.server_queues.counters().bad, 0u);
    const auto got = TwoEnds::read(ends.client_queues);
    ASSERT_EQ(got.size(), 4u) << "three of them empty";
    EXPECT_EQ(got[3], frame_of(60, 3));
}

TEST(MemifQueues, AFrameThatNeverFitsIsLostAndNothingWaitsBehindIt) {
    TwoEnds ends;
    ASSERT_TRUE(TwoEnds::read(ends.client_queues).empty());
    for (uint16_t i = 0; i < 16; ++i) ends.client->rx.descriptor(i)->length = 10;
    EXPECT_TRUE(TwoEnds::write(ends.server_queues, frame_of(161, 1)));
    EXPECT_EQ(ends.server_queues.counters().unsent, 1u);
    EXPECT_TRUE(TwoEnds::write(ends.server_queues, frame_of(160, 2)));
    EXPECT_EQ(TwoEnds::read(ends.client_queues), std::vector<Frame>{frame_of(160, 2)});
}

/// A slot never passes from one session to the next without a call between that says "none".
TEST(MemifQueues, TheNextSessionIsSeenAsAnother) {
    MemifSlot slot;
    auto* const first = reinterpret_cast<MemifSession*>(64);  // nobody looks into them
    auto* const second = reinterpret_cast<MemifSession*>(128);
    slot.offer(first);
    EXPECT_EQ(slot.now(), first);
    EXPECT_TRUE(slot.is_held(first));
    slot.offer(second);
    EXPECT_EQ(slot.now(), nullptr);
    EXPECT_FALSE(slot.is_held(first));
    EXPECT_EQ(slot.now(), second);
    slot.offer(nullptr);
    EXPECT_EQ(slot.now(), nullptr);
    EXPECT_FALSE(slot.is_held(second));
}

TEST(MemifQueues, AReaderThatDoesNotPollIsWoken) {
    TwoEnds ends;
    ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(60, 1)));
    eventfd_t count = 0;
    ASSERT_EQ(eventfd_read(ends.server->rx.event, &count), 0);
    EXPECT_EQ(count, 1u);
    TwoEnds::read(ends.server_queues);  // polls: it says so
    ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(60, 1)));
    EXPECT_NE(eventfd_read(ends.server->rx.event, &count), 0) << "nobody is woken for nothing";
}

/// The peer has taken O_NONBLOCK away and filled the counter: write() would wait for it for ever.
TEST(MemifQueues, AReaderThatCannotBeWokenHoldsNobodyUp) {
    TwoEnds ends;
    const int event = ends.client->tx.event;
    ASSERT_EQ(fcntl(event, F_SETFL, 0), 0);
    ASSERT_EQ(eventfd_write(event, 0xfffffffffffffffe), 0);
    alarm(30);
    ASSERT_TRUE(TwoEnds::write(ends.client_queues, frame_of(60, 1)));
    alarm(0);
}

TEST(Bell, IsHeardEachTime) {
    const OwnDescriptor event(eventfd(0, EFD_NONBLOCK));
    Bell bell;
    constexpr unsigned kTimes = 1'000;  // more than it remembers
    for (unsigned i = 0; i < kTimes; ++i) bell.ring(event.get());
    eventfd_t count = 0;
    ASSERT_EQ(eventfd_read(event.get(), &count), 0);
    EXPECT_EQ(count, kTimes);
}

/// With a sanitizer this finds what reads or writes elsewhere.
TEST(MemifQueues, ScribbledMemoryDoesNoHarm) {
    Random random(5);
    for (int round = 0; round < 300; ++round) {
        TwoEnds ends;
        TwoEnds::read(ends.client_queues);
        for (int step = 0; step < 60; ++step) {
            MemifSession& owner = *ends.client;
            const size_t rings =
                static_cast<size_t>(owner.tx_buffers - reinterpret_cast<uint8_t*>(owner.tx.head));
            auto* bytes = reinterpret_cast<uint8_t*>(owner.tx.head);
            for (uint32_t n = random.below(6); n > 0; --n)
                bytes[random.below(static_cast<uint32_t>(rings))] = static_cast<uint8_t>(random.below(256));
            TwoEnds::write(random.chance_ppm(500'000) ? ends.client_queues : ends.server_queues,
                           frame_of(14 + random.below(500), static_cast<uint8_t>(step)));
            for (MemifQueues* queues : {&ends.client_queues, &ends.server_queues})
                for (const Frame& frame : TwoEnds::read(*queues)) ASSERT_LE(frame.size(), TwoEnds::kLongest);
        }
    }
}

// -- the channel

/// A client that says what it likes.
class RawClient {
  public:
    explicit RawClient(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    /// The type of what is said next; `none` when the other end hangs up.
    memif::MessageType hear() {
        pollfd wait{socket_.get(), POLLIN, 0};
        if (::poll(&wait, 1, 20'000) != 1) return memif::MessageType::none;
        if (::recv(socket_.get(), &heard, sizeof heard, 0) != static_cast<ssize_t>(sizeof heard))
            return memif::MessageType::none;
        return heard.type;
    }
    void say_short() {
        const memif::Message message{};
        static_cast<void>(::send(socket_.get(), &message, 50, MSG_NOSIGNAL));
    }
    void say(const memif::Message& message, int descriptor) {
        static_cast<void>(send_message(socket_.get(), message, descriptor));
    }
    memif::MessageType ask(const memif::Message& message, int descriptor = -1) {
        say(message, descriptor);
        return hear();
    }
    std::string reason() const { return reinterpret_cast<const char*>(heard.disconnect.reason); }

    memif::Message heard{};

  private:
    OwnDescriptor socket_;
};

memif::Message message(memif::MessageType type) {
    memif::Message m{};
    m.type = type;
    if (type == memif::MessageType::init) m.init.version = memif::kVersion;
    return m;
}

int memory(uint64_t bytes, bool sealed = true) {
    const int descriptor = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT_EQ(ftruncate(descriptor, static_cast<off_t>(bytes)), 0);
    EXPECT_EQ(fcntl(descriptor, F_ADD_SEALS, sealed ? F_SEAL_SHRINK : 0), 0);
    return descriptor;
}

using enum memif::MessageType;

TEST(MemifLink, ClientsThatAreWrongAreToldWhyAndTheNextOneIsServed) {
    const std::string path = socket_path();
    auto server = open("memif:" + path + ",server");
    ASSERT_TRUE(server);
    const OwnDescriptor good(memory(65'536)), unsealed(memory(65'536, false)), small(memory(4'096)),
        vast(memory(uint64_t{5} << 30)), event(eventfd(0, 0));
    const auto region = [](uint64_t size) {
        memif::Message m = message(add_region);
        m.add_region.size = size;
        return m;
    };
    const auto ring = [](uint16_t index, uint16_t in, uint32_t offset, uint8_t log2, uint16_t flags = 1) {
        memif::Message m = message(add_ring);
        m.add_ring = {flags, index, in, offset, log2, 0};
        return m;
    };
    memif::Message old = message(init), other_id = message(init), ip = message(init);
    old.init.version = 1 << 8;
    other_id.init.id = 7;
    ip.init.mode = 1;
    struct Said {
        memif::Message message;
        int descriptor = -1;
    };
    const struct {
        std::vector<Said> said;  // the last is what is wrong
        const char* reason;
    } cases[] = {
        {{{message(add_region)}}, "Unexpected message"},
        {{{message(connect)}}, "Unexpected message"},
        {{{old}}, "Incompatible memif version"},
        {{{other_id}}, "ID not found"},
        {{{ip}}, "Only ethernet mode supported"},
        {{{message(init)}, {message(init)}}, "Unexpected message"},
        {{{message(init)}, {message(ack)}}, "Unexpected message"},
        {{{message(init)}, {message(static_cast<memif::MessageType>(99))}}, "Unexpected message"},
        {{{message(init)}, {region(65'536)}}, "Missing region fd"},
        {{{message(init)}, {region(65'536), unsealed.get()}}, "Region is not sealed against shrinking"},
        {{{message(init)}, {region(65'536), event.get()}}, "Region is not sealed against shrinking"},
        {{{message(init)}, {region(65'536), small.get()}}, "Region is smaller than announced"},
        {{{message(init)}, {region(0), good.get()}}, "Region is smaller than announced"},
        {{{message(init)}, {ring(0, 0, 0, 10), event.get()}}, "Ring is not in its region"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 0, 0, 4), small.get()}},
         "Interrupt fd is no eventfd"},
        {{{message(init)}, {region(uint64_t{5} << 30), vast.get()}}, "Regions are too large"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(1, 0, 0, 10), event.get()}},
         "Invalid ring index"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 0, 0, 0), event.get()}},
         "Invalid ring size"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 0, 0, 15), event.get()}},
         "Invalid ring size"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 0, 0, 255), event.get()}},
         "Invalid ring size"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 0, 0, 12), event.get()}},
         "Ring is not in its region"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 0, 0xffffffc0, 4), event.get()}},
         "Ring is not in its region"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 0, 8, 4), event.get()}},
         "Ring is not in its region"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 1, 0, 4), event.get()}},
         "Ring is not in its region"},
        {{{message(init)},
          {region(65'536), good.get()},
          {ring(0, 0, 0, 4), event.get()},
          {ring(0, 0, 0, 4), event.get()}},
         "Invalid ring index"},
        {{{message(init)}, {region(65'536), good.get()}, {ring(0, 0, 0, 4), event.get()}, {message(connect)}},
         "Wrong ring"},
    };
    for (const auto& one : cases) {
        RawClient client(path);
        ASSERT_EQ(client.hear(), hello) << one.reason;
        for (size_t i = 0; i + 1 < one.said.size(); ++i)
            ASSERT_EQ(client.ask(one.said[i].message, one.said[i].descriptor), ack) << one.reason << ' ' << i;
        ASSERT_EQ(client.ask(one.said.back().message, one.said.back().descriptor), disconnect) << one.reason;
        EXPECT_EQ(client.reason(), one.reason);
        EXPECT_EQ(client.hear(), none) << "it hangs up";
    }
    {
        RawClient client(path);
        ASSERT_EQ(client.hear(), hello);
        client.say_short();
        EXPECT_EQ(client.hear(), disconnect);
        EXPECT_EQ(client.reason(), "Invalid message size");
    }
    {
        // A TCP socket that lingers, with text that nobody takes; the server has the last descriptor of it.
        const OwnDescriptor listener(::socket(AF_INET, SOCK_STREAM, 0));
        OwnDescriptor lingers(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const name = reinterpret_cast<sockaddr*>(&address);
        ASSERT_EQ(::bind(listener.get(), name, size) | ::listen(listener.get(), 1), 0);
        ASSERT_EQ(::getsockname(listener.get(), name, &size), 0);
        static_cast<void>(::connect(lingers.get(), name, size));
        pollfd writable{lingers.get(), POLLOUT, 0};
        ASSERT_EQ(::poll(&writable, 1, 20'000), 1);
        const linger long_time{.l_onoff = 1, .l_linger = 300};
        ASSERT_EQ(::setsockopt(lingers.get(), SOL_SOCKET, SO_LINGER, &long_time, sizeof long_time), 0);
        const std::vector<uint8_t> text(1 << 16);
        while (::send(lingers.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0) {
        }
        RawClient client(path);
        ASSERT_EQ(client.hear(), hello);
        client.say(message(ack), lingers.get());
        lingers.reset();
        EXPECT_EQ(client.hear(), disconnect);
    }
    {
        RawClient silent(path);  // is given a second
        ASSERT_EQ(silent.hear(), hello);
        EXPECT_EQ(silent.hear(), disconnect);
        EXPECT_EQ(silent.reason(), "Too slow");
    }
    auto client = open("memif:" + path);
    ASSERT_TRUE(client);
    EXPECT_TRUE(reaches(client->port(0), server->port(0)));
}

TEST(MemifLink, AServerThatIsWrongIsLeftAndTriedAgain) {
    const std::string path = socket_path();
    const OwnDescriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
    auto client = open("memif:" + path);
    ASSERT_TRUE(client);
    memif::Message future = message(hello);
    future.hello.min_version = future.hello.max_version = 3 << 8;
    memif::Message tiny = message(hello);
    tiny.hello.min_version = tiny.hello.max_version = memif::kVersion;
    const struct {
        memif::Message said;
        const char* reason;
    } cases[] = {{future, "Incompatible memif version"},
                 {tiny, "Invalid ring size"},
                 {message(ack), "Unexpected message"}};
    for (const auto& one : cases) {
        const OwnDescriptor peer(::accept(listener.get(), nullptr, nullptr));
        ASSERT_TRUE(peer);
        ASSERT_EQ(::send(peer.get(), &one.said, sizeof one.said, MSG_NOSIGNAL),
                  static_cast<ssize_t>(sizeof one.said));
        memif::Message heard{};
        ASSERT_EQ(::recv(peer.get(), &heard, sizeof heard, 0), static_cast<ssize_t>(sizeof heard));
        EXPECT_EQ(heard.type, disconnect);
        EXPECT_STREQ(reinterpret_cast<const char*>(heard.disconnect.reason), one.reason);
    }
    // One that agrees to everything, and says "connected" too early.
    const OwnDescriptor peer(::accept(listener.get(), nullptr, nullptr));
    memif::Message said = message(hello);
    said.hello.min_version = said.hello.max_version = memif::kVersion;
    said.hello.max_log2_ring_size = 14;
    memif::Message heard{};
    ASSERT_GT(::send(peer.get(), &said, sizeof said, MSG_NOSIGNAL), 0);
    ASSERT_GT(::recv(peer.get(), &heard, sizeof heard, 0), 0);
    EXPECT_EQ(heard.type, init);
    said = message(connected);
    ASSERT_GT(::send(peer.get(), &said, sizeof said, MSG_NOSIGNAL), 0);
    ASSERT_GT(::recv(peer.get(), &heard, sizeof heard, 0), 0);
    EXPECT_EQ(heard.type, disconnect);
    EXPECT_FALSE(send(client->port(0), frame_of(60, 1)));
}

/// Sessions begin and end while a thread carries frames: nothing is unmapped under its hands.
TEST(MemifLink, SessionsEndUnderTraffic) {
    const std::string path = socket_path();
    auto server = open("memif:" + path + ",server");
    ASSERT_TRUE(server);
    std::atomic<bool> ending{false};
    std::thread carrying([&] {
        while (!ending.load()) {
            receive(server->port(0));
            send(server->port(0), frame_of(60, 1));
        }
    });
    for (int round = 0; round < 20; ++round) {
        auto client = open("memif:" + path);
        ASSERT_TRUE(
            comes([&] { return send(client->port(0), frame_of(60, 2)), !receive(client->port(0)).empty(); }));
    }
    ending.store(true);
    carrying.join();
}

}  // namespace
}  // namespace synfin::port
