/// @file
/// Scripts in the manner of packetdrill through the public door of virtual time, with both families.

#include "packet_script.hh"

#include <gtest/gtest.h>

namespace synfin {
namespace {

TcpConfig plain() {
    TcpConfig tcp;
    tcp.timestamps = false;
    return tcp;
}

#define PLAYS(script, text) EXPECT_EQ((script).play(text), "")

constexpr std::string_view kAccept = R"(
+0    accept = would_block
+0    listen 80
+0    < S 0:0(0) win 60000 <mss 1400,sackOK,wscale 8>
+0    > S. 0:0(0) ack 1 <mss 1460,sackOK,wscale 8>
+.1   < . 1:1(0) ack 1 win 1000
+0    accept
+0    info state ESTABLISHED
+0    info mss = 1400
+0    info rto_ms = 300
)";

TEST(PacketScript, PassiveOpenDataAndPassiveClose) {
    PacketScript script(plain());
    PLAYS(script, kAccept);
    PLAYS(script, R"(
+0    receive 100 = would_block
+0    < P. 1:101(100) ack 1 win 1000
+0    > . 1:1(0) ack 101
+0    info unread_bytes = 100
+0    receive 60
+0    receive 60 = 40
+0    send 200
+0    > P. 1:201(200) ack 101
+0    info timer rto
+0    info unacked_bytes = 200
+.1   < F. 101:101(0) ack 201 win 1000
+0    > . 201:201(0) ack 102
+0    info state CLOSE-WAIT
+0    receive 10 = 0
+0    close
+0    > F. 201:201(0) ack 102
+0    info state LAST-ACK
+0    send 10 = closing
+.1   < . 102:102(0) ack 202 win 1000
+0    info state CLOSED
)");
}

TEST(PacketScript, ActiveOpenAndTimeWait) {
    PacketScript script(plain());
    PLAYS(script, R"(
+0    connect 443
+0    > S 0:0(0) <mss 1460,sackOK,wscale 8>
+0    info state SYN-SENT
+1    > S 0:0(0) <mss 1460>     # lost: again after a second
+.05  < S. 0:0(0) ack 1 win 60000 <mss 1400,sackOK,wscale 8>
+0    > . 1:1(0) ack 1
+0    info state ESTABLISHED
+0    close
+0    > F. 1:1(0) ack 1
+.05  < . 1:1(0) ack 2 win 1000
+0    info state FIN-WAIT-2
+.05  < F. 1:1(0) ack 2 win 1000
+0    > . 2:2(0) ack 2
+1    < F. 1:1(0) ack 2 win 1000       # its ACK was lost
+0    > . 2:2(0) ack 2
)");
}

TEST(PacketScript, SackRepairsAHole) {
    PacketScript script(plain());
    PLAYS(script, kAccept);
    PLAYS(script, R"(
+0    send 7000
+0    > . 1:1401(1400) ack 1
+0    > . 1401:2801(1400) ack 1
+0    > . 2801:4201(1400) ack 1
+0    > . 4201:5601(1400) ack 1
+0    > P. 5601:7001(1400) ack 1
+0    info flight_bytes = 7000
+.1   < . 1:1(0) ack 1 win 1000 <sack 1401:2801>
+0    < . 1:1(0) ack 1 win 1000 <sack 1401:4201>
+0    info loss_state disorder
+0    info sacked_bytes = 2800
+0    < . 1:1(0) ack 1 win 1000 <sack 1401:5601>
+0    > . 1:1401(1400) ack 1            # three segments beyond the hole: lost
+0    info loss_state recovery
+0    info retransmitted = 1
+.1   < . 1:1(0) ack 7001 win 1000
+0    info loss_state open
+0    info unacked_bytes = 0
+0    info ssthresh_bytes <= 9800
)");
}

TEST(PacketScript, ATailLossProbeAndATimeout) {
    PacketScript script(plain());
    PLAYS(script, kAccept);
    PLAYS(script, R"(
+0    send 2800
+0    > . 1:1401(1400) ack 1
+0    > P. 1401:2801(1400) ack 1
+0    info timer tail_loss_probe
+.2   > P. 1401:2801(1400) ack 1        # after two round trips
+0    info timer rto
+.3   > . 1:1401(1400) ack 1
+0    info loss_state loss
+0    info backoff = 1
+.1   < . 1:1(0) ack 2801 win 1000
+0    info unacked_bytes = 0
)");
}

TEST(PacketScript, TheUserTimeoutEndsAConnection) {
    PacketScript script(plain());
    PLAYS(script, kAccept);
    PLAYS(script, R"(
+0    user_timeout 3
+0    info user_timeout_ms = 3000
+0    send 100
+0    > P. 1:101(100) ack 1
+.3   > P. 1:101(100) ack 1
+.6   > P. 1:101(100) ack 1
+0    info state ESTABLISHED
+1.2  > P. 1:101(100) ack 1
)");
    script.stack().advance(script.stack().now() + 5s);
    EXPECT_EQ(script.play("+0 info state CLOSED\n+0 send 1 = gone\n").find("no line expects this packet"), 0u)
        << "only the reset is left over";
}

TEST(PacketScript, AFailedLineIsNamed) {
    PacketScript script(plain());
    EXPECT_EQ(script.play("+0 listen 80\n+0 listen 80\n"),
              "line 2:+0 listen 80\n  expected 0, the result is in_use");
    const std::string late = script.play("+0 < S 0:0(0) win 60000\n+.5 > S. 0:0(0) ack 1\n");
    EXPECT_NE(late.find("line 2:"), std::string::npos) << late;
    EXPECT_NE(late.find("another time, by -500 ms"), std::string::npos) << late;
}

}  // namespace
}  // namespace synfin
