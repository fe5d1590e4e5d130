#include "packet_script.hh"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

namespace synfin {

using fakes::Packet;

namespace {

constexpr Duration kTolerance = 5ms;

[[noreturn]] void fail(const std::string& why) {
    throw std::runtime_error(why);
}

/// "+.1" and "+0.25" are seconds.
Duration read_time(const std::string& text) {
    if (text.empty() || text.front() != '+') fail("expected a time such as +0.1, found " + text);
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::stod(text.substr(1))));
}

int read_flags(const std::string& text) {
    static const std::map<char, int> kFlags{{'S', fakes::kSyn}, {'F', fakes::kFin}, {'R', fakes::kRst},
                                            {'P', fakes::kPsh}, {'.', fakes::kAck}, {'U', fakes::kUrg},
                                            {'E', fakes::kEce}, {'W', fakes::kCwr}};
    int out = 0;
    for (const char c : text) {
        const auto flag = kFlags.find(c);
        if (flag == kFlags.end()) fail("unknown flag in " + text);
        out |= flag->second;
    }
    return out;
}

/// What an endless stream holds at `offset`.
std::vector<uint8_t> stream(uint32_t offset, size_t n) {
    std::vector<uint8_t> out(n);
    for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>((offset + i) % 251);
    return out;
}

/// The names of the errors that calls in virtual time have.
std::string_view error_name(Error error) {
    static const std::map<Error, std::string_view> kNames{
        {Error::gone, "gone"},           {Error::closing, "closing"}, {Error::would_block, "would_block"},
        {Error::no_memory, "no_memory"}, {Error::no_port, "no_port"}, {Error::in_use, "in_use"},
        {Error::no_route, "no_route"},   {Error::invalid, "invalid"}};
    const auto found = kNames.find(error);
    return found != kNames.end() ? found->second : "another error";
}

/// The value of a call that gives a number, "0" for others, or the error's name.
std::string shown(const Result<uint32_t>& result) {
    return result ? std::to_string(*result) : std::string(error_name(result.error()));
}
template <typename T>
std::string shown(const Result<T>& result) {
    return result ? "0" : std::string(error_name(result.error()));
}

uint32_t number_of(const ConnectionInfo& info, const std::string& field) {
    static const std::map<std::string, uint32_t ConnectionInfo::*> kFields{
        {"cwnd_bytes", &ConnectionInfo::cwnd_bytes},
        {"ssthresh_bytes", &ConnectionInfo::ssthresh_bytes},
        {"srtt_us", &ConnectionInfo::srtt_us},
        {"rttvar_us", &ConnectionInfo::rttvar_us},
        {"rto_ms", &ConnectionInfo::rto_ms},
        {"unsent_bytes", &ConnectionInfo::unsent_bytes},
        {"unacked_bytes", &ConnectionInfo::unacked_bytes},
        {"unread_bytes", &ConnectionInfo::unread_bytes},
        {"flight_bytes", &ConnectionInfo::flight_bytes},
        {"sacked_bytes", &ConnectionInfo::sacked_bytes},
        {"lost_bytes", &ConnectionInfo::lost_bytes},
        {"retransmitted", &ConnectionInfo::retransmitted},
        {"out_of_order_bytes", &ConnectionInfo::out_of_order_bytes},
        {"rcv_wnd", &ConnectionInfo::rcv_wnd},
        {"snd_wnd", &ConnectionInfo::snd_wnd},
        {"timer_ms", &ConnectionInfo::timer_ms},
        {"user_timeout_ms", &ConnectionInfo::user_timeout_ms},
    };
    if (field == "mss") return info.mss;
    if (field == "pmtu") return info.pmtu;
    if (field == "backoff") return info.backoff;
    const auto found = kFields.find(field);
    if (found == kFields.end()) fail("unknown field " + field);
    return info.*found->second;
}

bool compare(uint32_t is, const std::string& op, uint32_t want) {
    if (op == "=") return is == want;
    if (op == ">=") return is >= want;
    if (op == "<=") return is <= want;
    fail("unknown comparison " + op);
}

}  // namespace

PacketScript::PacketScript(TcpConfig tcp) {
    VirtualConfig config{.address = fakes::net_host(1)};
    config.stack.tcp = tcp;
    config.stack.mtu = fakes::same_mtu(1500);
    config.stack.max_connections = 16;
    config.stack.seed = 1;
    stack_ = std::make_unique<VirtualStack>(config);
}

std::string PacketScript::play(std::string_view script) {
    std::istringstream lines{std::string(script)};
    std::string text;
    for (unsigned number = 1; std::getline(lines, text); ++number) {
        text = text.substr(0, text.find('#'));
        if (text.find_first_not_of(" \t") == std::string::npos) continue;
        try {
            line(text);
        } catch (const std::exception& error) {
            return "line " + std::to_string(number) + ":" + text + "\n  " + error.what();
        }
    }
    collect();
    if (sent_.empty()) return {};
    return "no line expects this packet: " +
           fakes::text(sent_.front().second, Instant{}, stack_isn_, peer_isn_);
}

void PacketScript::line(const std::string& text) {
    Words words(text);
    std::string time, what;
    words >> time >> what;
    const Instant at = stack_->now() + read_time(time);
    if (what == ">") return expect_packet(words, at);
    run_until(at);
    if (what == "<") return send_packet(words);
    if (what == "info") return ask(words);
    call(what, words);
}

/// Advances to `at`, one deadline after the other, and notes when each packet left.
void PacketScript::run_until(Instant at) {
    collect();
    for (auto due = stack_->next_deadline(); due && *due <= at; due = stack_->next_deadline()) {
        stack_->advance(*due);
        collect();
    }
    stack_->advance(at);
    collect();
}

void PacketScript::collect() {
    while (const auto bytes = stack_->output()) {
        std::string complaint;
        Packet packet = fakes::parse(*bytes, complaint);
        if (!complaint.empty()) fail("a malformed packet was sent: " + complaint);
        if (packet.has(fakes::kSyn) && !has_stack_isn_) {
            stack_isn_ = packet.seq;
            stack_port_ = packet.sport;
            has_stack_isn_ = true;
        }
        sent_.emplace_back(stack_->now(), std::move(packet));
    }
}

void PacketScript::call(const std::string& name, Words& words) {
    uint32_t n = 0;
    const bool has_number = name == "listen" || name == "connect" || name == "send" || name == "receive" ||
                            name == "user_timeout";
    if (has_number && !(words >> n)) fail("expected a number");
    std::string result;
    if (name == "listen") {
        result = shown(stack_->listen(static_cast<uint16_t>(n)));
    } else if (name == "connect") {
        peer_port_ = static_cast<uint16_t>(n);
        const auto c = stack_->connect({fakes::host(2), peer_port_});
        if (c) c_ = *c;
        result = shown(c);
    } else if (name == "accept") {
        const auto c = stack_->accept();
        if (c) c_ = *c;
        result = shown(c);
    } else if (name == "send") {
        result = shown(stack_->send(c_, stream(0, n)));
    } else if (name == "receive") {
        std::vector<uint8_t> into(n);
        result = shown(stack_->receive(c_, into));
    } else if (name == "shutdown") {
        result = shown(stack_->shutdown(c_));
    } else if (name == "close") {
        result = shown(stack_->close(c_));
    } else if (name == "abort") {
        result = shown(stack_->abort(c_));
    } else if (name == "user_timeout") {
        result = shown(c_.set_user_timeout(n * 1s));
    } else {
        fail("unknown call " + name);
    }
    std::string equals, want;
    words >> equals;
    std::getline(words >> std::ws, want);
    while (!want.empty() && want.back() == ' ') want.pop_back();
    if (equals.empty()) want = name == "send" || name == "receive" ? std::to_string(n) : "0";
    if (result != want) fail("expected " + want + ", the result is " + result);
}

/// FLAGS SEQ:END(LEN) [ack N] [win N] [<OPTIONS>]
Packet PacketScript::read_packet(Words& words, uint32_t seq_base, uint32_t ack_base) {
    Packet packet;
    std::string flags, range, word;
    words >> flags >> range;
    packet.flags = read_flags(flags);
    const size_t colon = range.find(':'), open = range.find('(');
    if (colon == std::string::npos || open == std::string::npos)
        fail("expected SEQ:END(LEN), found " + range);
    const auto seq = static_cast<uint32_t>(std::stoul(range));
    const auto len = static_cast<uint32_t>(std::stoul(range.substr(open + 1)));
    if (std::stoul(range.substr(colon + 1)) != seq + len)
        fail("the length contradicts the numbers: " + range);
    packet.seq = seq_base + seq;
    packet.payload = stream(seq - 1, len);
    while (words >> word) {
        uint32_t n = 0;
        if (word == "ack" && words >> n) {
            packet.ack = ack_base + n;
        } else if (word == "win" && words >> n) {
            packet.wnd = static_cast<uint16_t>(n);
        } else if (word.front() == '<') {
            std::string rest;
            std::getline(words, rest);
            std::istringstream options(word.substr(1) + rest.substr(0, rest.find('>')));
            for (std::string option; std::getline(options, option, ',');)
                read_option(option.substr(0, option.find('>')), packet);
        } else {
            fail("unexpected: " + word);
        }
    }
    return packet;
}

void PacketScript::read_option(const std::string& option, Packet& packet) const {
    std::istringstream words(option);
    std::string name;
    words >> name;
    uint32_t n = 0;
    if (name == "sackOK") {
        packet.sack_ok = true;
    } else if (name == "mss" && words >> n) {
        packet.mss = static_cast<uint16_t>(n);
    } else if (name == "wscale" && words >> n) {
        packet.wscale = static_cast<int>(n);
    } else if (name == "sack") {
        char colon = 0;
        for (uint32_t left = 0, right = 0; words >> left >> colon >> right;)
            packet.sack.emplace_back(stack_isn_ + left, stack_isn_ + right);
    } else {
        fail("unknown option " + option);
    }
}

void PacketScript::send_packet(Words& words) {
    Packet packet = read_packet(words, peer_isn_, stack_isn_);
    packet.src = fakes::host(2);
    packet.dst = fakes::host(1);
    packet.sport = peer_port_;
    packet.dport = stack_port_;
    stack_->input(fakes::build(packet));
    collect();
}

void PacketScript::expect_packet(Words& words, Instant at) {
    collect();
    const Instant latest = at + kTolerance;
    while (sent_.empty()) {
        const auto due = stack_->next_deadline();
        if (!due || *due > latest) fail("nothing was sent");
        stack_->advance(*due);
        collect();
    }
    const auto [when, got] = std::move(sent_.front());
    sent_.pop_front();
    if (when + kTolerance < at || when > latest)
        fail("it was sent at another time, by " + std::to_string((when - at) / 1ms) + " ms");
    const Packet want = read_packet(words, stack_isn_, peer_isn_);
    const bool has_same_ack = !got.has(fakes::kAck) || got.ack == want.ack;
    const bool is_same = got.flags == want.flags && got.seq == want.seq && has_same_ack &&
                         got.payload == want.payload && (!want.mss || got.mss == want.mss) &&
                         (!want.wscale || got.wscale == want.wscale) && (!want.sack_ok || got.sack_ok);
    if (!is_same) fail("another packet was sent: " + fakes::text(got, Instant{}, stack_isn_, peer_isn_));
}

void PacketScript::ask(Words& words) {
    std::string field, op, want;
    words >> field >> op >> want;
    if (field == "state" && op == "CLOSED" && !c_.info()) return;
    const auto info = c_.info();
    if (!info) fail(std::string(error_name(info.error())));
    const std::map<std::string, std::string_view> names{{"state", name(info->state)},
                                                        {"timer", name(info->timer)},
                                                        {"loss_state", name(info->loss_state)},
                                                        {"control", name(info->congestion_control)}};
    if (const auto named = names.find(field); named != names.end()) {
        if (named->second != op) fail("it is " + std::string(named->second));
        return;
    }
    const uint32_t is = number_of(*info, field);
    if (!compare(is, op, static_cast<uint32_t>(std::stoul(want)))) fail("it is " + std::to_string(is));
}

}  // namespace synfin
