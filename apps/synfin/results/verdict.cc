#include "verdict.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "config/quantity.hh"

namespace synfin::app {

namespace {

double milliseconds(Duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}
double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}
/// `part` as a percentage of `whole`.
double percent(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}
/// Converts a limit from parts per million to percent.
double percent(uint64_t ppm) {
    return static_cast<double>(ppm) / 1e4;
}
uint64_t skipped(const LoadTally& tally, Skip reason) {
    return tally.skipped_by[static_cast<size_t>(reason)];
}

class Rules {
  public:
    Rules(RunResult& result, const ValidityConfig& limits) : result_(result), limits_(limits) {}

    void apply() {
        if (result_.tally.offered == 0 && !result_.interrupted) invalid("no connection was opened");
        late();
        unsent();
        lost();
        fewer_than_asked();
        waited();
        refused_as_old();
        device();
        dropped();
    }

  private:
    void invalid(std::string why) { result_.invalid_because.push_back(std::move(why)); }

    /// Latencies count from the time at which a connection was due, so a late generator would inflate them.
    void late() {
        if (result_.times == nullptr || result_.times->slip.count() == 0) return;
        const double slip = result_.times->slip.quantile_us(0.99) / 1e3;
        const double connect = result_.times->connect.quantile_us(0.99) / 1e3;
        if (slip <= milliseconds(limits_.slip) || slip <= percent(limits_.slip_of_connect) / 100 * connect)
            return;
        invalid(fmt::format(
            "the generator was late: slip p99 {:.1f} ms, above {} and above {} of the connect p99 of {:.1f} "
            "ms; lower the rate or give more --cores",
            slip, duration_text(limits_.slip), percent_text(limits_.slip_of_connect), connect));
    }

    /// Requests of a rate or a heartbeat that were due and not sent: this end's doing makes the run invalid,
    /// that of the target is a result.
    void unsent() {
        const LoadTally& tally = result_.tally;
        const auto due = static_cast<double>(tally.requests_due);
        const double late = percent(static_cast<double>(tally.requests_late), due);
        if (late > percent(limits_.offered))
            invalid(
                fmt::format("{} of {} requests that were due were not sent, because the generator was late "
                            "({:.1f} %, limit {}); lower the rate or give more --cores",
                            tally.requests_late, tally.requests_due, late, percent_text(limits_.offered)));
        const double busy = percent(static_cast<double>(tally.requests_busy), due);
        if (busy > percent(limits_.offered))
            result_.warnings.push_back(fmt::format(
                "{} of {} requests that were due were not sent ({:.1f} %): all connections waited "
                "for the target; if it can do more, raise -c",
                tally.requests_busy, tally.requests_due, busy));
    }

    /// An engine's loop paused: the operating system ran other work, or a turn took long.
    void lost() {
        for (const CoreShare& core : result_.cores) {
            if (100 * core.lost <= percent(limits_.lost)) continue;
            std::string why = fmt::format(
                "core {} was shared: its loop was away for {:.1f} % of the run while work was due (limit {}; "
                "gaps above {}, "
                "the longest {:.1f} ms); give it a free core with --cores",
                core.core, 100 * core.lost, percent_text(limits_.lost), duration_text(limits_.gap),
                milliseconds(core.longest_gap));
            const bool is_paced = result_.command == Command::bench || result_.open_loop;
            (is_paced ? result_.invalid_because : result_.warnings).push_back(std::move(why));
        }
    }

    void fewer_than_asked() {
        const LoadTally& tally = result_.tally;
        if (!result_.asked) return;
        const auto asked = static_cast<double>(*result_.asked);
        const double missing = percent(asked - static_cast<double>(tally.opened), asked);
        const bool ran_out = skipped(tally, Skip::no_port) + skipped(tally, Skip::no_memory) != 0;
        if (missing <= percent(limits_.offered) && !(result_.count != 0 && ran_out)) return;
        std::string why =
            fmt::format("{} of {} connections that were asked for were opened ({:.1f} % fewer, limit {})",
                        tally.opened, *result_.asked, missing, percent_text(limits_.offered));
        for (size_t i = 0; i < tally.skipped_by.size(); ++i)
            if (tally.skipped_by[i] != 0)
                why += fmt::format("; {} {}: {}", name(static_cast<Skip>(i)), tally.skipped_by[i],
                                   remedy(static_cast<Skip>(i)));
        result_.too_few_opened = why;
        invalid(std::move(why));
    }

    /// If a closed loop waits for ports or records, its rate depends on them and not on the target.
    void waited() {
        for (const Skip reason : {Skip::no_port, Skip::no_memory}) {
            const double time = seconds(result_.tally.waited(reason));
            const double share = percent(time, result_.lead_s + result_.duration_s);
            if (share <= percent(limits_.waited)) continue;
            std::string why;
            if (result_.count > result_.tally.opened)
                why = fmt::format("{} of {} connections (-n) were opened: ", result_.tally.opened,
                                  result_.count);
            why += fmt::format(
                "the generator waited for a free {} for {:.1f} % of the run ({:.2f} s, limit {}); {}",
                reason == Skip::no_port ? "source port" : "connection record", share, time,
                percent_text(limits_.waited), remedy(reason));
            invalid(std::move(why));
        }
    }

    /// Each refused SYN costs a round trip, so the figures would depend on the TIME-WAIT left by earlier
    /// runs.
    void refused_as_old() {
        const uint64_t refused = result_.client ? result_.client->final[Counter::stale_syn] : 0;
        const uint64_t opened = result_.tally.opened;
        const double share = percent(static_cast<double>(refused), static_cast<double>(opened));
        if (share <= percent(limits_.stale_syn)) return;
        invalid(fmt::format(
            "targets refused {} of {} SYNs at first ({:.2f} %, limit {}): they hold TIME-WAIT of the same "
            "addresses and ports from another host, user or boot; wait until it ends (60 s), use other "
            "source "
            "addresses, or run as a user who can write /run/synfin or $XDG_RUNTIME_DIR/synfin",
            refused, opened, share, percent_text(limits_.stale_syn)));
    }

    void device() {
        const DeviceStats& stats = result_.device;
        if (stats.is_gone)
            invalid("the interface was deleted, or moved to another namespace");
        else if (stats.link_downs != 0)
            invalid(fmt::format("the link went down {}, for {:.1f} s together",
                                stats.link_downs == 1 ? "once" : fmt::format("{} times", stats.link_downs),
                                seconds(stats.link_down_time)));
    }

    void dropped() {
        Counters counters;
        if (result_.client) counters += result_.client->final;
        if (result_.command == Command::bench && result_.server) counters += result_.server->final;
        uint64_t sum = 0;
        std::string by;
        const auto add = [&](std::string_view reason, uint64_t n) {
            if (n == 0) return;
            sum += n;
            by += fmt::format("{}{} {}", by.empty() ? "" : ", ", reason, n);
        };
        for (const DropReason reason : {DropReason::no_packet, DropReason::no_send_block, DropReason::tx_full,
                                        DropReason::neighbour_queue_full})
            add(synfin::name(reason), counters[reason]);
        add("rx_missed", result_.device.rx_missed);
        add("rx_no_buffer", result_.device.rx_no_buffer);
        add("tx_errors", result_.device.tx_errors);
        add("mailbox_full", result_.device.mailbox_full);
        const uint64_t packets = counters[Counter::rx_packets] + counters[Counter::tx_packets] + sum;
        const double share = percent(static_cast<double>(sum), static_cast<double>(packets));
        if (share <= percent(limits_.drops)) return;
        invalid(fmt::format(
            "this end dropped {} of {} packets ({:.2f} %, limit {}): {}; lower the load or give more "
            "--cores",
            sum, packets, share, percent_text(limits_.drops), by));
    }

    RunResult& result_;
    const ValidityConfig& limits_;
};

/// Rates and latencies are those of the measured time. Failures and statuses count from its beginning to the
/// end of the run: a connection may fail after the last one was opened.
Measures measures_of(double seconds, const LoadTally& measured, const LoadTally& lead, LoadTally judged,
                     const LoadTimes* times) {
    judged -= lead;
    Measures run;
    run.seconds = seconds;
    run.opened = judged.opened;
    run.failed = judged.failed();
    run.completed = measured.completed;
    run.responses = measured.responses;
    const auto& statuses = judged.statuses;
    for (unsigned i = 0; i < statuses.size(); ++i) {
        if (statuses[i] != 0) run.statuses[LoadTally::kLeastStatus + i] = statuses[i];
        run.answered += statuses[i];
    }
    if (times != nullptr) {
        run.connect = &times->connect;
        run.first_byte = &times->first_byte;
        run.last_byte = &times->last_byte;
        run.life = &times->life;
    }
    return run;
}

/// What a criterion refers to: the run, or one class of it.
Measures measures_of(const RunResult& result, const std::string& of_class) {
    for (const ClassResult& each : result.classes)
        if (each.name == of_class)
            return measures_of(result.duration_s, each.measured, each.lead, each.tally, &each.times);
    return measures_of(result.duration_s, result.measured, result.lead, result.tally, result.times);
}

/// When the target falls silent, a closed loop opens no more connections, so few of them fail. The run
/// therefore fails if half of the connections open at the end were still waiting for an answer.
void require_answers(RunResult& result) {
    LoadTally at_end = result.measured;
    at_end += result.lead;
    const uint64_t open = std::max(at_end.open_now(), result.tally.unanswered);
    if (result.tally.unanswered == 0 || result.tally.unanswered * 2 < open) return;
    Judgement silent;
    silent.name = "unanswered";
    silent.limit = "<50%";
    silent.value = percent(static_cast<double>(result.tally.unanswered), static_cast<double>(open));
    silent.unit = "%";
    silent.samples = open;
    silent.verdict = Verdict::fail;
    silent.why = fmt::format("the target was silent at the end of the run to {} of {} open connections",
                             result.tally.unanswered, open);
    result.criteria.push_back(std::move(silent));
}

}  // namespace

void reach_verdict(RunResult& result, const std::vector<Criterion>& criteria, const ValidityConfig& limits) {
    Rules(result, limits).apply();
    for (const Criterion& each : criteria)
        result.criteria.push_back(judge(each, measures_of(result, each.of_class)));
    require_answers(result);
}

bool has_passed(const RunResult& result) noexcept {
    return std::all_of(result.criteria.begin(), result.criteria.end(),
                       [](const Judgement& each) { return each.verdict == Verdict::pass; });
}

Exit exit_of(const RunResult& result) noexcept {
    return result.invalid_because.empty() && has_passed(result) ? Exit::done : Exit::invalid;
}

}  // namespace synfin::app
