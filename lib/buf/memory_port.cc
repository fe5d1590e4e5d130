#include "buf/memory_port.hh"

#include <cstring>

#include "base/check.hh"

namespace synfin::buf {

namespace {

/// The Internet checksum's sum (RFC 1071), folded, of bytes in network order; not complemented.
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

constexpr uint32_t kIpChecksumAt = 10;   // RFC 791 3.1
constexpr uint32_t kTcpChecksumAt = 16;  // RFC 9293 3.1

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

MemoryPort::MemoryPort(const PortCaps& caps, uint32_t packets)
    : caps_(caps),
      storage_(new uint8_t[size_t{packets} * (kHeadroom + caps.max_frame)]),
      packets_(new Packet[packets]) {
    const size_t stride = size_t{kHeadroom} + caps.max_frame;
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
        SYNFIN_CHECK(packets[i]->allocated);
        SYNFIN_CHECK(packets[i]->length > 0 && packets[i]->length <= caps_.max_frame);
        complete_checksums(packets[i]);
        tx_.push(packets[i]);
    }
    return n;
}

void MemoryPort::complete_checksums(Packet* packet) const noexcept {
    const TxMeta& meta = packet->meta;
    const uint32_t l4 = uint32_t{meta.l2_len} + meta.l3_len;
    uint8_t* bytes = data(packet);
    if (meta.ip_checksum) {
        SYNFIN_CHECK(caps_.tx_ip_checksum && l4 <= packet->length);
        uint8_t* field = bytes + meta.l2_len + kIpChecksumAt;
        store(field, 0);
        store(field, static_cast<uint16_t>(~sum_of(bytes + meta.l2_len, meta.l3_len)));
    }
    if (meta.tcp_checksum) {
        SYNFIN_CHECK(caps_.tx_tcp_checksum && l4 + kTcpChecksumAt + 2 <= packet->length);
        // The field already holds the pseudo-header's sum, so that summing over it adds that.
        store(bytes + l4 + kTcpChecksumAt, static_cast<uint16_t>(~sum_of(bytes + l4, packet->length - l4)));
    }
}

bool MemoryPort::deliver(Bytes bytes, const Arrival& arrival) noexcept {
    if (bytes.size() > caps_.max_frame) return false;
    Packet* packet = take_from_pool();
    if (packet == nullptr) return false;
    if (!bytes.empty()) std::memcpy(data(packet), bytes.data(), bytes.size());
    packet->length = static_cast<uint32_t>(bytes.size());
    packet->arrival = arrival;
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
