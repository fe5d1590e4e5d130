#include "transfer.hh"

#include <algorithm>
#include <cstdio>
#include <span>

#include "fakes/invariants.hh"

namespace synfin::simulation {
namespace {

constexpr size_t kPeriod = 251 * 256;
constexpr size_t kMostAtOnce = 32 * 1024;

/// Bytes of the stream from `offset` on, at most kMostAtOnce; it repeats after kPeriod.
Bytes stream(uint64_t offset, size_t n) {
    static const std::vector<uint8_t> kBytes = [] {
        std::vector<uint8_t> bytes(kPeriod + kMostAtOnce);
        for (size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<uint8_t>(i % kPeriod * 7 + i % kPeriod / 251 * 3);
        return bytes;
    }();
    return Bytes(kBytes.data() + offset % kPeriod, n);
}

class Transfer {
  public:
    Transfer(const TransferConfig& config, uint64_t seed)
        : config_(config),
          to_(config.path, seed),
          back_({.delay = config.path.delay}, seed + 1),
          client_(stack_config("10.0.0.1/24")),
          server_(stack_config("10.0.0.2/24")),
          flows_(config.flows.size()) {
        result_.flows.resize(flows_.size());
    }

    TransferResult run() {
        if (!server_.listen(80)) return {"listen was refused"};
        start_ = traced_at_ = client_.now();
        last_arrival_ = start_;
        while (result_.failure.empty()) {
            open();
            fill();
            exchange();
            read();
            if (is_complete()) break;
            if (!step()) result_.failure = "nothing is due, and text is missing";
            if (client_.now() > start_ + config_.time + 7200s) result_.failure = "the transfer does not end";
            if (config_.is_traced) trace();
        }
        result_.seconds = static_cast<double>((last_arrival_ - start_) / 1us) / 1e6;
        count();
        finish();
        return result_;
    }

  private:
    struct Flow {
        Connection sender{}, receiver{};
        bool is_open = false, is_accepted = false;
        bool is_full = false;  ///< the send buffer, until the next Event::Kind::writable
    };

    VirtualConfig stack_config(const char* address) const {
        VirtualConfig c;
        c.address = *Cidr::parse(address);
        c.stack.max_connections = 16;
        c.stack.seed = 1;
        const auto bytes = static_cast<uint32_t>(config_.buffer_bytes);
        c.stack.tcp.send_buffer_bytes = c.stack.tcp.send_buffer_start_bytes = bytes;
        c.stack.tcp.receive_buffer_bytes = c.stack.tcp.receive_buffer_start_bytes = bytes;
        c.stack.tcp.sack_permitted = config_.sack;
        c.stack.tcp.pacing = config_.pacing;
        return c;
    }
    void open() {
        for (size_t i = 0; i < flows_.size(); ++i) {
            if (flows_[i].is_open || client_.now() < start_ + config_.flows[i].starts) continue;
            ConnectOptions options;
            options.congestion_control = config_.flows[i].control;
            options.source_port = static_cast<uint16_t>(40'000 + i);
            const auto opened = client_.connect({*Ipv4::parse("10.0.0.2"), 80}, options);
            if (!opened) {
                result_.failure = "connect was refused";
                return;
            }
            flows_[i].sender = *opened;
            flows_[i].is_open = true;
        }
    }
    uint64_t most_to_write(const FlowResult& flow) const {
        if (config_.bytes != 0) return config_.bytes - flow.written;
        return client_.now() < start_ + config_.time ? kMostAtOnce : 0;
    }
    void fill() {
        for (size_t i = 0; i < flows_.size(); ++i) {
            Flow& flow = flows_[i];
            FlowResult& result = result_.flows[i];
            while (flow.is_open && !flow.is_full) {
                const auto n = static_cast<size_t>(std::min<uint64_t>(most_to_write(result), kMostAtOnce));
                if (n == 0) break;
                const auto taken = client_.send(flow.sender, stream(result.written, n));
                flow.is_full = !taken || *taken < n;
                if (taken) result.written += *taken;
            }
        }
    }
    void exchange() {
        while (auto packet = client_.output()) to_.send(std::move(*packet), client_.now());
        while (auto packet = server_.output()) back_.send(std::move(*packet), server_.now());
    }
    void read() {
        for (const Event& event : client_.take_events())
            for (Flow& flow : flows_) flow.is_full = flow.is_full && event.kind != Event::Kind::writable;
        bool is_news = false;
        for (const Event& event : server_.take_events()) {
            is_news = is_news || event.kind == Event::Kind::data;
            if (event.kind != Event::Kind::open) continue;
            const auto accepted = server_.accept();
            if (!accepted) continue;
            const auto info = accepted->info();
            const size_t i = info ? info->peer.port - 40'000u : flows_.size();
            if (i >= flows_.size()) continue;
            flows_[i].receiver = *accepted;
            flows_[i].is_accepted = is_news = true;
        }
        for (size_t i = 0; is_news && i < flows_.size(); ++i)
            if (flows_[i].is_accepted) read_from(flows_[i], result_.flows[i]);
    }
    void read_from(const Flow& flow, FlowResult& result) {
        for (;;) {
            const auto got = server_.receive(flow.receiver, into_);
            if (!got || *got == 0) return;
            if (!std::ranges::equal(std::span(into_).first(*got), stream(result.received, *got)))
                result_.failure = "a wrong byte";
            result.received += *got;
            if (server_.now() >= start_ + config_.measured_from &&
                (config_.time == 0s || server_.now() <= start_ + config_.time))
                result.measured_bytes += *got;
            last_arrival_ = server_.now();
        }
    }
    bool is_complete() const {
        for (size_t i = 0; i < flows_.size(); ++i) {
            const FlowResult& flow = result_.flows[i];
            if (!flows_[i].is_open || flow.received != flow.written) return false;
            if (config_.bytes != 0 && flow.written != config_.bytes) return false;
        }
        return client_.now() >= start_ + config_.time;
    }
    /// Advances to whatever is due first.
    bool step() {
        std::optional<Instant> next = to_.next();
        for (const auto& at : {back_.next(), client_.next_deadline(), server_.next_deadline()})
            if (at && (!next || *at < *next)) next = at;
        for (size_t i = 0; i < flows_.size(); ++i)
            if (const Instant at = start_ + config_.flows[i].starts;
                !flows_[i].is_open && (!next || at < *next))
                next = at;
        if (!next) return false;
        const Instant now = std::max(*next, client_.now());
        client_.advance(now);
        server_.advance(now);
        while (to_.next() && *to_.next() <= now) server_.input(to_.receive());
        while (back_.next() && *back_.next() <= now) client_.input(back_.receive());
        return true;
    }
    void count() {
        const Counters& sender = client_.stack().counters();
        const Counters& receiver = server_.stack().counters();
        result_.sent = to_.sent();
        result_.lost = to_.lost();
        result_.overflowed = to_.overflowed();
        result_.retransmitted = sender[Counter::retransmitted];
        result_.timeouts = sender[Counter::rto_expirations];
        result_.spurious_timeouts = sender[Counter::spurious_timeouts];
        result_.recoveries = sender[Counter::fast_retransmits];
        result_.undone = sender[Counter::spurious_retransmits];
        result_.probes = sender[Counter::tail_loss_probes];
        result_.spurious = receiver[DropReason::duplicate_segment];
        result_.refused = receiver[DropReason::reassembly_full];
    }
    void finish() {
        if (!result_.failure.empty()) return;
        for (const Flow& flow : flows_) {
            static_cast<void>(client_.close(flow.sender));
            static_cast<void>(server_.close(flow.receiver));
        }
        for (int i = 0; i < 10'000; ++i) {
            exchange();
            read();
            if (!step()) break;
        }
        const std::string left = fakes::in_use(client_.stack().occupancy(), false) +
                                 fakes::in_use(server_.stack().occupancy(), false);
        if (!left.empty()) result_.failure = "leaks " + left;
    }
    /// What one may want to know to explain a row.
    void trace() {
        const auto info = flows_[0].sender.info();
        const Counters& c = client_.stack().counters();
        const uint64_t events = c[Counter::fast_retransmits] + c[Counter::rto_expirations] +
                                c[Counter::tail_loss_probes] + c[Counter::spurious_retransmits] +
                                c[Counter::spurious_timeouts];
        if (!info || (events == traced_events_ && client_.now() < traced_at_ + 2 * config_.path.delay))
            return;
        traced_at_ = client_.now();
        traced_events_ = events;
        const auto segments = [](uint32_t bytes) { return static_cast<double>(bytes) / 1448; };
        std::printf(
            "%10.3f ms  una %9u  cwnd %8.1f  ssthresh %8.1f  in flight %8.1f  srtt %7u us  rto %5u ms  "
            "recoveries %u  undone %u  timeouts %u  undone %u  probes %u  again %u  twice %u  refused %u\n",
            static_cast<double>((client_.now() - start_) / 1us) / 1000, info->snd_una,
            segments(info->cwnd_bytes),
            info->ssthresh_bytes == UINT32_MAX ? -1.0 : segments(info->ssthresh_bytes),
            segments(info->snd_nxt - info->snd_una), info->srtt_us, info->rto_ms,
            static_cast<unsigned>(c[Counter::fast_retransmits]),
            static_cast<unsigned>(c[Counter::spurious_retransmits]),
            static_cast<unsigned>(c[Counter::rto_expirations]),
            static_cast<unsigned>(c[Counter::spurious_timeouts]),
            static_cast<unsigned>(c[Counter::tail_loss_probes]),
            static_cast<unsigned>(c[Counter::retransmitted]),
            static_cast<unsigned>(server_.stack().counters()[DropReason::duplicate_segment]),
            static_cast<unsigned>(server_.stack().counters()[DropReason::reassembly_full]));
    }

    TransferConfig config_;
    Bottleneck to_, back_;
    VirtualStack client_, server_;
    std::vector<Flow> flows_;
    Instant start_{}, last_arrival_{}, traced_at_{};
    uint64_t traced_events_ = 0;
    std::vector<uint8_t> into_ = std::vector<uint8_t>(kMostAtOnce);
    TransferResult result_;
};

}  // namespace

TransferResult transfer(const TransferConfig& config, uint64_t seed) {
    return Transfer(config, seed).run();
}

}  // namespace synfin::simulation
