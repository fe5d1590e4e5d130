#include <gtest/gtest.h>

#include <deque>
#include <thread>
#include <vector>

#include "base/random.hh"
#include "port/wire_ring.hh"

namespace synfin::port {
namespace {

/// A buffer as a packet's: with the slack that the block copies touch.
struct Buffer {
    std::vector<uint8_t> bytes = std::vector<uint8_t>(9216 + WireRing::kSlack);
    const uint8_t* fill(uint32_t length, uint64_t seed) {
        Random random(seed);
        for (uint32_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(random.next());
        return bytes.data();
    }
};

::testing::AssertionResult next_is(WireRing::Reader& reader, uint32_t expected, uint64_t seed) {
    uint32_t length = 0;
    const uint8_t* frame = reader.peek(length);
    if (frame == nullptr) return ::testing::AssertionFailure() << "nothing there";
    if (length != expected) return ::testing::AssertionFailure() << length << " bytes, not " << expected;
    Buffer received, sent;
    copy_frame(received.bytes.data(), frame, length);
    sent.fill(length, seed);
    reader.take(length);
    if (!std::equal(sent.bytes.begin(), sent.bytes.begin() + length, received.bytes.begin()))
        return ::testing::AssertionFailure() << "other bytes";
    return ::testing::AssertionSuccess();
}

bool is_empty(WireRing::Reader& reader) {
    uint32_t length = 0;
    return reader.peek(length) == nullptr;
}

TEST(WireRing, NothingIsSeenBeforePublish) {
    WireRing ring(4096);
    WireRing::Writer writer(ring);
    WireRing::Reader reader(ring);
    Buffer buffer;
    EXPECT_TRUE(is_empty(reader));
    ASSERT_TRUE(writer.put(buffer.fill(60, 1), 60));
    EXPECT_TRUE(is_empty(reader));
    writer.publish();
    EXPECT_TRUE(next_is(reader, 60, 1));
    EXPECT_TRUE(is_empty(reader));
}

TEST(WireRing, FullRefusesUntilReleased) {
    WireRing ring(4096);
    WireRing::Writer writer(ring);
    WireRing::Reader reader(ring);
    Buffer buffer;
    uint64_t put = 0;
    while (writer.put(buffer.fill(120, put), 120)) ++put;
    EXPECT_EQ(put, 4096u / 128);
    writer.publish();
    for (uint64_t i = 0; i < put; ++i) EXPECT_TRUE(next_is(reader, 120, i));
    EXPECT_FALSE(writer.put(buffer.fill(120, 99), 120)) << "taken, but the room is not given back yet";
    reader.release();
    EXPECT_TRUE(writer.put(buffer.fill(120, 99), 120));
    writer.publish();
    EXPECT_TRUE(next_is(reader, 120, 99));
}

/// Against a queue as the model: any lengths, any batches, many times round.
TEST(WireRing, KeepsOrderAndBytesAroundTheEnd) {
    WireRing ring(32 * 1024);
    WireRing::Writer writer(ring);
    WireRing::Reader reader(ring);
    Buffer buffer;
    Random random(0x317e);
    std::deque<std::pair<uint32_t, uint64_t>> model;
    uint64_t serial = 0, refused = 0;
    for (int step = 0; step < 20'000; ++step) {
        for (uint32_t batch = random.below(8); batch > 0; --batch) {
            const uint32_t length = 14 + random.below(random.below(4) == 0 ? 9005 : 100);
            if (writer.put(buffer.fill(length, serial), length))
                model.emplace_back(length, serial++);
            else
                ++refused;
        }
        writer.publish();
        for (uint32_t batch = random.below(8); batch > 0 && !model.empty(); --batch) {
            ASSERT_TRUE(next_is(reader, model.front().first, model.front().second)) << "step " << step;
            model.pop_front();
        }
        reader.release();
    }
    EXPECT_GT(refused, 0u) << "the test must fill the ring now and then";
    EXPECT_GT(serial, 10'000u);
}

TEST(WireRing, TheLongestFrameAlwaysFitsAnEmptyRing) {
    WireRing ring(4096);
    WireRing::Writer writer(ring);
    WireRing::Reader reader(ring);
    std::vector<uint8_t> frame(8192, 0x5a);
    for (uint32_t offset = 0; offset < 64; ++offset) {
        ASSERT_TRUE(writer.put(frame.data(), 60));
        writer.publish();
        uint32_t length = 0;
        ASSERT_NE(reader.peek(length), nullptr);
        reader.take(length);
        reader.release();
        ASSERT_TRUE(writer.put(frame.data(), ring.max_frame())) << "at record " << offset;
        writer.publish();
        ASSERT_NE(reader.peek(length), nullptr);
        EXPECT_EQ(length, ring.max_frame());
        reader.take(length);
        reader.release();
    }
}

TEST(WireRing, TwoThreads) {
    constexpr uint64_t kFrames = 100'000;
    WireRing ring(16 * 1024);
    WireRing::Writer writer(ring);
    WireRing::Reader reader(ring);
    std::thread sender([&] {
        Buffer buffer;
        for (uint64_t i = 0; i < kFrames;) {
            const uint32_t length = 60 + static_cast<uint32_t>(i * 37 % 400);
            std::memset(buffer.bytes.data(), static_cast<int>(i & 0xff), length);
            std::memcpy(buffer.bytes.data(), &i, sizeof i);
            if (writer.put(buffer.bytes.data(), length)) {
                if (++i % 3 == 0) writer.publish();
            } else {
                writer.publish();
                std::this_thread::yield();
            }
        }
        writer.publish();
    });
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < kFrames;) {
        uint32_t length = 0;
        const uint8_t* frame = reader.peek(length);
        if (frame == nullptr) {
            reader.release();
            std::this_thread::yield();
            continue;
        }
        uint64_t serial = 0;
        std::memcpy(&serial, frame, sizeof serial);
        wrong += serial != i || length != 60 + i * 37 % 400 || frame[length - 1] != (i & 0xff);
        reader.take(length);
        if (++i % 5 == 0) reader.release();
    }
    sender.join();
    EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace synfin::port
