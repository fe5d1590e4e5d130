#pragma once
/// @file
/// PacketScript: plays scripts in the manner of packetdrill against a VirtualStack, through its public header
/// alone. A line is a time, relative to the line before, and a call, a packet or a question:
///
///     +0    listen 80
///     +0    < S 0:0(0) win 60000 <mss 1400,sackOK,wscale 8>    # the peer sends
///     +0    > S. 0:0(0) ack 1                                  # the stack sends, at this time
///     +.1   < . 1:1(0) ack 1 win 1000
///     +0    accept
///     +0    send 1000                                          # calls, with "= VALUE" or "= ERROR"
///     +.3   > P. 1:1001(1000) ack 1                            # 300 ms later, 5 ms more or less
///     +0    info state ESTABLISHED                             # ConnectionInfo
///     +0    info cwnd_bytes >= 14000
///
/// Sequence numbers are relative to the ISN of the sender; SACK blocks to that of the stack. Options of a
/// sent packet are compared if the line names some. A packet that no line expects is an error. `#` begins a
/// comment.

#include <cstdint>
#include <deque>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "fakes/packet.hh"
#include "synfin/virtual_stack.hh"

namespace synfin {

class PacketScript {
  public:
    /// Network and family of the run (fakes/family.hh). IPv6 packets are 20 bytes larger, so that segments
    /// have the sizes of IPv4's.
    explicit PacketScript(TcpConfig tcp = {});

    /// Plays all lines. The result is empty, or says which line failed, and why.
    std::string play(std::string_view script);
    VirtualStack& stack() { return *stack_; }

  private:
    using Words = std::istringstream;

    void line(const std::string& text);
    void run_until(Instant at);
    void call(const std::string& name, Words& words);
    void send_packet(Words& words);
    void expect_packet(Words& words, Instant at);
    void ask(Words& words);
    fakes::Packet read_packet(Words& words, uint32_t seq_base, uint32_t ack_base);
    void read_option(const std::string& option, fakes::Packet& packet) const;
    void collect();

    std::unique_ptr<VirtualStack> stack_;
    Connection c_;
    std::deque<std::pair<Instant, fakes::Packet>> sent_;
    uint32_t peer_isn_ = 0x7fff'ff00, stack_isn_ = 0;  ///< the peer's numbers pass 2^31
    uint16_t peer_port_ = 40'000, stack_port_ = 80;
    bool has_stack_isn_ = false;
};

}  // namespace synfin
