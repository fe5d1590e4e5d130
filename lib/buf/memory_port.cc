#include "buf/memory_port.hh"

#include <cstring>

#include "synfin/check.hh"

namespace synfin::buf {

namespace {

/// The folded Internet checksum sum (RFC 1071) of bytes in network order, not complemented.
uint16_t sum_of(const uint8_t* bytes, size_t n) noexcept {
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < n; i += 2) {
        sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    if (n % 2 != 0) sum += static_cast<uint32_t>(bytes[n - 1] << 8);
    return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

void store(uint8_t* field, uint16_t checksum) noexcept {
    field[0] = static_cast<uint8_t>(checksum >> 8);
    field[1] = static_cast<uint8_t>(checksum);
}

uint16_t load(const uint8_t* field) noexcept {
    return static_cast<uint16_t>(field[0] << 8 | field[1]);
}

constexpr uint32_t kIpLengthAt = 2, kIpIdAt = 4, kIpChecksumAt = 10;      // RFC 791 3.1
constexpr uint32_t kIp6LengthAt = 4, kIp6Header = 40;                     // RFC 8200 3
constexpr uint32_t kTcpSeqAt = 4, kTcpFlagsAt = 13, kTcpChecksumAt = 16;  // RFC 9293 3.1
constexpr uint8_t kAck = 0x10;
constexpr uint32_t kMacs = 12, kTag = 4;
constexpr uint16_t kVlan = 0x8100, kVidMask = 0x0fff;

/// Turns a copy of a large packet's headers, with a segment's text behind them, into that segment.
void make_segment(uint8_t* frame, const TxMeta& meta, uint32_t index) noexcept {
    uint8_t* ip = frame + meta.l2_len;
    uint8_t* tcp = ip + meta.l3_len;
    const uint32_t tcp_bytes = uint32_t{meta.l4_len} + meta.segment_bytes;
    if (meta.is_v6) {
        store(ip + kIp6LengthAt, static_cast<uint16_t>(meta.l3_len - kIp6Header + tcp_bytes));
    } else {
        store(ip + kIpLengthAt, static_cast<uint16_t>(meta.l3_len + tcp_bytes));
        store(ip + kIpIdAt, static_cast<uint16_t>(load(ip + kIpIdAt) + index));
        store(ip + kIpChecksumAt, 0);
        store(ip + kIpChecksumAt, static_cast<uint16_t>(~sum_of(ip, meta.l3_len)));
    }

    const uint32_t seq =
        (uint32_t{load(tcp + kTcpSeqAt)} << 16 | load(tcp + kTcpSeqAt + 2)) + index * meta.segment_bytes;
    store(tcp + kTcpSeqAt, static_cast<uint16_t>(seq >> 16));
    store(tcp + kTcpSeqAt + 2, static_cast<uint16_t>(seq));
    // The field holds the pseudo-header's sum without the length.
    uint32_t sum = sum_of(tcp, tcp_bytes) + tcp_bytes;
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    store(tcp + kTcpChecksumAt, static_cast<uint16_t>(~sum));
}

}  // namespace

void MemoryPort::Fifo::push(Packet* packet) noexcept {
    packet->next = nullptr;
    (head == nullptr ? head : tail->next) = packet;
    tail = packet;
    ++count;
}

MemoryPort::Packet* MemoryPort::Fifo::pop() noexcept {
    Packet* packet = head;
    if (packet == nullptr) return nullptr;
    head = packet->next;
    --count;
    return packet;
}

MemoryPort::MemoryPort(const QueueCaps& caps, uint32_t packets)
    : caps_(caps),
      storage_(new uint8_t[size_t{packets} * (kHeadroom + kTag + room())]),
      packets_(new Packet[packets]) {
    const size_t stride = size_t{kHeadroom} + kTag + room();
    for (uint32_t i = packets; i-- > 0;) {
        packets_[i].storage = storage_.get() + i * stride;
        packets_[i].next = free_;
        free_ = &packets_[i];
    }
}

MemoryPort::Packet* MemoryPort::take_from_pool() noexcept {
    Packet* packet = free_;
    if (packet == nullptr) return nullptr;
    free_ = packet->next;
    ++in_use_;
    *packet = Packet{.storage = packet->storage, .offset = kHeadroom, .allocated = true};
    return packet;
}

MemoryPort::Packet* MemoryPort::alloc() noexcept {
    if (refuse_alloc_ > 0) {
        --refuse_alloc_;
        return nullptr;
    }
    return take_from_pool();
}

void MemoryPort::free(Packet* packet) noexcept {
    SYNFIN_CHECK(packet->allocated);
    packet->allocated = false;
    packet->next = free_;
    free_ = packet;
    --in_use_;
}

bool MemoryPort::reset(Packet* packet) noexcept {
    SYNFIN_CHECK(packet->allocated);
    if (refuse_reset_ > 0) {
        --refuse_reset_;
        return false;
    }
    *packet = Packet{.storage = packet->storage, .offset = kHeadroom, .allocated = true};
    return true;
}

uint16_t MemoryPort::rx_burst(Packet** packets, uint16_t n) noexcept {
    uint16_t got = 0;
    while (got < n && rx_.head != nullptr) packets[got++] = rx_.pop();
    return got;
}

uint16_t MemoryPort::tx_burst(Packet** packets, uint16_t n) noexcept {
    for (uint16_t i = 0; i < n; ++i) {
        if (refuse_tx_ > 0) {
            --refuse_tx_;
            return i;
        }
        SYNFIN_CHECK(packets[i]->allocated && packets[i]->length > 0);
        if (packets[i]->meta.segment_bytes == 0)
            send_one(packets[i]);
        else if (!send_segments(packets[i]))
            return i;
    }
    return n;
}

void MemoryPort::send_one(Packet* packet) noexcept {
    SYNFIN_CHECK(packet->length <= caps_.max_frame);
    complete_checksums(packet);
    if (caps_.vid != 0) add_tag(packet);
    tx_.push(packet);
}

/// Returns false, and sends nothing, when the pool has no packet for each segment.
bool MemoryPort::send_segments(Packet* large) noexcept {
    const TxMeta& meta = large->meta;
    const uint32_t headers = uint32_t{meta.l2_len} + meta.l3_len + meta.l4_len;
    SYNFIN_CHECK(caps_.large_frame != 0 && caps_.tx_tcp_checksum && meta.tcp_checksum);
    SYNFIN_CHECK(large->length <= caps_.large_frame && headers < large->length);
    SYNFIN_CHECK(headers + meta.segment_bytes <= caps_.max_frame);
    const uint32_t count = (large->length - headers) / meta.segment_bytes;
    SYNFIN_CHECK(headers + count * meta.segment_bytes == large->length);
    SYNFIN_CHECK(data(large)[meta.l2_len + meta.l3_len + kTcpFlagsAt] == kAck);
    Fifo segments;
    for (uint32_t i = 0; i < count; ++i) {
        Packet* segment = take_from_pool();
        if (segment == nullptr) {
            while (Packet* made = segments.pop()) free(made);
            return false;
        }
        std::memcpy(data(segment), data(large), headers);
        std::memcpy(data(segment) + headers, data(large) + headers + i * meta.segment_bytes,
                    meta.segment_bytes);
        segment->length = headers + meta.segment_bytes;
        make_segment(data(segment), meta, i);
        segments.push(segment);
    }
    while (Packet* segment = segments.pop()) {
        if (caps_.vid != 0) add_tag(segment);
        tx_.push(segment);
    }
    free(large);
    return true;
}

void MemoryPort::add_tag(Packet* packet) const noexcept {
    packet->offset -= kTag;
    packet->length += kTag;
    std::memmove(data(packet), data(packet) + kTag, kMacs);
    store(data(packet) + kMacs, kVlan);
    store(data(packet) + kMacs + 2, caps_.vid);
}

/// Returns false when the packet has no tag, or another VID than ours.
bool MemoryPort::remove_tag(Packet* packet) const noexcept {
    uint8_t* frame = data(packet);
    if (packet->length < kMacs + kTag || load(frame + kMacs) != kVlan ||
        (load(frame + kMacs + 2) & kVidMask) != caps_.vid)
        return false;
    std::memmove(frame + kTag, frame, kMacs);
    packet->offset += kTag;
    packet->length -= kTag;
    return true;
}

void MemoryPort::complete_checksums(Packet* packet) const noexcept {
    const TxMeta& meta = packet->meta;
    const uint32_t l4 = uint32_t{meta.l2_len} + meta.l3_len;
    uint8_t* bytes = data(packet);
    if (meta.ip_checksum) {
        SYNFIN_CHECK(caps_.tx_ip_checksum && !meta.is_v6 && l4 <= packet->length);
        uint8_t* field = bytes + meta.l2_len + kIpChecksumAt;
        store(field, 0);
        store(field, static_cast<uint16_t>(~sum_of(bytes + meta.l2_len, meta.l3_len)));
    }
    if (meta.tcp_checksum) {
        SYNFIN_CHECK(caps_.tx_tcp_checksum && l4 + kTcpChecksumAt + 2 <= packet->length);
        // The field holds the pseudo-header's sum, so summing the segment includes it.
        store(bytes + l4 + kTcpChecksumAt, static_cast<uint16_t>(~sum_of(bytes + l4, packet->length - l4)));
    }
}

bool MemoryPort::deliver(Bytes bytes, const Arrival& arrival) noexcept {
    if (bytes.size() > caps_.max_frame + (caps_.vid != 0 ? kTag : 0)) return false;
    Packet* packet = take_from_pool();
    if (packet == nullptr) return false;
    if (!bytes.empty()) std::memcpy(data(packet), bytes.data(), bytes.size());
    packet->length = static_cast<uint32_t>(bytes.size());
    packet->arrival = arrival;
    if (caps_.vid != 0 && !remove_tag(packet)) {
        ++bad_vlan_;
        free(packet);
        return true;
    }
    rx_.push(packet);
    return true;
}

std::optional<std::vector<uint8_t>> MemoryPort::take() {
    Packet* packet = tx_.pop();
    if (packet == nullptr) return std::nullopt;
    std::vector<uint8_t> bytes(data(packet), data(packet) + packet->length);
    free(packet);
    return bytes;
}

}  // namespace synfin::buf
