#pragma once
/// @file
/// memif 2.0: the messages of its control channel and its rings in shared memory, compatible with VPP's
/// memif.h, libmemif and DPDK's net_memif. All values are in host byte order, because both ends are on one
/// host.

#include <cstddef>
#include <cstdint>

namespace synfin::port::memif {

constexpr uint32_t kCookie = 0x3e31f20;
constexpr uint16_t kVersion = 2 << 8;
constexpr size_t kNameBytes = 32;

/// The client opens the channel, owns the memory and describes its layout; the server answers each step.
enum class MessageType : uint16_t {
    none,
    ack,         ///< of init, add_region, add_ring
    hello,       ///< server: its versions and limits
    init,        ///< client: the server's interface that it wants
    add_region,  ///< client: memory, with its descriptor (SCM_RIGHTS)
    add_ring,    ///< client: a ring in that memory, with an eventfd
    connect,     ///< client: all regions and rings are announced
    connected,   ///< server: accepted
    disconnect,  ///< either: the reason for the end
};

struct [[gnu::packed]] Hello {
    uint8_t name[kNameBytes];
    uint16_t min_version, max_version;
    uint16_t max_region;                              ///< the highest index
    uint16_t max_to_client_ring, max_to_server_ring;  ///< the highest index
    uint8_t max_log2_ring_size;
};
struct [[gnu::packed]] Init {
    uint16_t version;
    uint32_t id;  ///< of the interface, if one socket serves several
    uint8_t mode;
    uint8_t secret[24];
    uint8_t name[kNameBytes];
};
constexpr uint8_t kModeEthernet = 0;
struct [[gnu::packed]] AddRegion {
    uint16_t index;
    uint64_t size;  ///< bytes
};
struct [[gnu::packed]] AddRing {
    uint16_t flags;
    uint16_t index;
    uint16_t region;
    uint32_t offset;  ///< bytes
    uint8_t log2_ring_size;
    uint16_t private_header_size;
};
constexpr uint16_t kRingToServer = 1;
struct [[gnu::packed]] InterfaceName {
    uint8_t name[kNameBytes];
};
struct [[gnu::packed]] Disconnect {
    uint32_t code;
    uint8_t reason[96];
};

/// One message; all have the same size.
struct [[gnu::packed]] alignas(128) Message {
    MessageType type;
    union {
        Hello hello;
        Init init;
        AddRegion add_region;
        AddRing add_ring;
        InterfaceName connect, connected;
        Disconnect disconnect;
    };
};
static_assert(sizeof(Message) == 128 && offsetof(Message, hello) == 2);
static_assert(sizeof(Hello) == 43 && sizeof(Init) == 63 && sizeof(AddRegion) == 10 && sizeof(AddRing) == 13);

/// The header of a ring; the descriptors follow. Indices count modulo 2^16. In a ring to the server, the
/// client has filled the descriptors from tail to head. In a ring to the client, those from tail to head are
/// empty buffers that the server fills.
struct RingHead {
    alignas(64) uint32_t cookie;
    uint16_t flags;
    uint16_t head;              ///< written by the client
    alignas(64) uint16_t tail;  ///< written by the server
};
constexpr uint16_t kPolled = 1;  ///< in flags: the reader needs no interrupt
static_assert(sizeof(RingHead) == 128 && offsetof(RingHead, head) == 6 && offsetof(RingHead, tail) == 64);

struct alignas(16) Descriptor {
    uint16_t flags;
    uint16_t region;
    uint32_t length;  ///< bytes of the frame or of this part of the frame; of an empty buffer: its size
    uint32_t offset;  ///< of the buffer in its region
    uint32_t metadata;
};
constexpr uint16_t kNext = 1;  ///< in flags: the frame continues in the next descriptor
static_assert(sizeof(Descriptor) == 16 && offsetof(Descriptor, length) == 4 &&
              offsetof(Descriptor, offset) == 8);

}  // namespace synfin::port::memif
