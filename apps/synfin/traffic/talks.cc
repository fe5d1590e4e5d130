#include "talks.hh"

#include <algorithm>
#include <cstring>
#include <utility>

namespace synfin::app {

using Kind = Step::Kind;

Talks::Talks(std::shared_ptr<const StepList> steps, uint32_t ids, bool verify, uint64_t seed)
    : steps_(std::move(steps)),
      pattern_(PayloadPattern::instance()),
      talks_(size_t{ids} + 1),
      random_(seed),
      verify_(verify) {
    if (steps_->has_pauses()) wakes_ = WakeList(ids);
}

Talks::Outcome Talks::on_open(const Scene& scene) noexcept {
    Bytes none;
    return walk(scene, talks_[scene.id], none, false);
}

Talks::Outcome Talks::on_data(const Scene& scene, RxView& view) noexcept {
    Talk& talk = talks_[scene.id];
    talk.is_holding = false;
    Bytes bytes = view;
    const Outcome outcome = walk(scene, talk, bytes, true);
    const auto used = static_cast<uint32_t>(view.size() - bytes.size());
    scene.tally.received_bytes += used;
    if (outcome.next != Next::wait || bytes.empty()) return outcome;
    // No step has expected the rest yet.
    view.take(used);
    talk.is_holding = true;
    return outcome;
}

Talks::Outcome Talks::on_writable(const Scene& scene) noexcept {
    Talk& talk = talks_[scene.id];
    if (talk.sending == 0) return {};
    push(scene, talk);
    Bytes none;
    return talk.sending == 0 ? walk(scene, talk, none, false) : Outcome{};
}

Talks::Outcome Talks::on_peer_fin(const Scene& scene) noexcept {
    Talk& talk = talks_[scene.id];
    talk.fin_seen = true;
    if (is_pausing(scene.id)) return {};
    Bytes none;
    return walk(scene, talk, none, false);
}

Talks::Outcome Talks::on_wake(const Scene& scene) noexcept {
    Talk& talk = talks_[scene.id];
    ++talk.step;
    talk.asked = scene.now;
    Bytes none;
    return walk(scene, talk, none, false);
}

/// Takes steps until one has to wait. Ends: repeats have an expect, which uses up bytes, or a think, which
/// waits.
Talks::Outcome Talks::walk(const Scene& scene, Talk& talk, Bytes& bytes, bool in_data) noexcept {
    if (is_pausing(scene.id)) return {};
    for (;;)
        if (const Stop stop = take_step(scene, talk, bytes, in_data)) return *stop;
}

Talks::Stop Talks::take_step(const Scene& scene, Talk& talk, Bytes& bytes, bool in_data) noexcept {
    if (talk.step == steps_->size()) return finish(talk, bytes);
    const Entry& entry = (*steps_)[talk.step];
    const bool is_free = talk.sending == 0 || entry.kind == Kind::expect ||
                         entry.kind == Kind::expect_close || entry.kind == Kind::begin;
    if (!is_free) return Outcome{};
    switch (entry.kind) {
        case Kind::send: begin_send(scene, talk); return {};
        case Kind::expect: return expect(scene, talk, entry, bytes, in_data);
        case Kind::expect_close: return expect_close(scene, talk, entry, bytes, in_data);
        case Kind::think:
            wakes_.pause(scene.id, scene.connection, drawn(entry.pause), scene.now);
            return Outcome{};
        case Kind::half_close: static_cast<void>(Connection(scene.connection).shutdown()); break;
        case Kind::close: return finish(talk, bytes);
        case Kind::reset: return Outcome{Next::end, Failure::kCount};
        case Kind::begin: break;
        case Kind::repeat: repeat(scene, talk, entry); return {};
    }
    ++talk.step;
    return {};
}

/// A pause; parse_times() limits it to 24 days, but not what is drawn.
Duration Talks::drawn(const Sampler& pause) noexcept {
    constexpr auto kMost = static_cast<uint64_t>(std::chrono::nanoseconds(24h * 24).count());
    return Duration(static_cast<int64_t>(pause.draw(random_, kMost)));
}

/// The steps are complete, once everything is sent. A peer may not say more than they expect.
Talks::Stop Talks::finish(const Talk& talk, Bytes bytes) noexcept {
    if (talk.sending != 0) return Outcome{};
    if (!bytes.empty() || talk.is_holding) return failed(Failure::bad_response);
    return Outcome{Next::end, Failure::kCount};
}

void Talks::begin_send(const Scene& scene, Talk& talk) noexcept {
    talk.sending = ++talk.step;
    talk.sent = 0;
    push(scene, talk);
}

/// Sends the step, or the rest of it; on_writable goes on.
void Talks::push(const Scene& scene, Talk& talk) noexcept {
    const Entry& entry = (*steps_)[talk.sending - 1];
    const bool is_pattern = entry.bytes.empty();
    while (talk.sent < entry.size) {
        const Bytes part = is_pattern ? pattern_.view(talk.pattern_sent, entry.size - talk.sent)
                                      : Bytes(entry.bytes).subspan(talk.sent);
        const uint32_t sent = Connection(scene.connection).send_static(part).value_or(0);
        talk.sent += sent;
        talk.pattern_sent += is_pattern ? sent : 0;
        scene.tally.sent_bytes += sent;
        if (sent < part.size()) return;
    }
    talk.sending = 0;
    scene.tally.requests += entry.ends_request ? 1 : 0;
}

Talks::Stop Talks::expect(const Scene& scene, Talk& talk, const Entry& entry, Bytes& bytes,
                          bool in_data) noexcept {
    if (bytes.empty()) {
        if (talk.is_holding && !in_data) static_cast<void>(Connection(scene.connection).resume());
        if (talk.is_holding || !talk.fin_seen) return Outcome{};
        return failed(talk.has_begun ? Failure::short_response : Failure::closed_early);
    }
    if (!std::exchange(talk.has_begun, true)) scene.times.first_byte.record(scene.now - talk.asked);
    if (entry.within == 0) {
        if (const Stop stop = match(scene, talk, entry, bytes)) return stop;
        if (talk.heard < entry.size) return Outcome{};
    } else if (!search(talk, entry, bytes)) {
        return talk.heard == entry.within ? failed(Failure::bad_response) : Outcome{};
    }
    talk.heard = 0;
    talk.matched = 0;
    ++talk.step;
    if (entry.ends_response) end_response(scene, talk);
    return {};
}

/// The bytes of the step, or of the pattern, have to be next.
Talks::Stop Talks::match(const Scene& scene, Talk& talk, const Entry& entry, Bytes& bytes) noexcept {
    const Bytes part = bytes.first(std::min<uint64_t>(bytes.size(), entry.size - talk.heard));
    if (!entry.bytes.empty()) {
        if (std::memcmp(part.data(), entry.bytes.data() + talk.heard, part.size()) != 0)
            return failed(Failure::bad_response);
    } else if (verify_) {
        if (const auto at = pattern_.first_difference(part, talk.pattern_heard)) {
            const Connection c = scene.connection;
            scene.corruptions.add({.local = c.local().value_or(Endpoint{}),
                                   .peer = c.peer().value_or(Endpoint{}),
                                   .offset = talk.pattern_heard + *at,
                                   .expected = PayloadPattern::byte_at(talk.pattern_heard + *at),
                                   .found = part[*at]});
            return failed(Failure::corrupt);
        }
    }
    if (entry.bytes.empty()) talk.pattern_heard += part.size();
    talk.heard += part.size();
    bytes = bytes.subspan(part.size());
    return {};
}

/// Looks for the step's text among the next `within` bytes. Returns whether it has been found; otherwise all
/// bytes, or `within` in all, are used up.
bool Talks::search(Talk& talk, const Entry& entry, Bytes& bytes) const noexcept {
    while (!bytes.empty() && talk.heard < entry.within) {
        const uint8_t byte = bytes.front();
        bytes = bytes.subspan(1);
        ++talk.heard;
        while (talk.matched != 0 && entry.bytes[talk.matched] != byte)
            talk.matched = entry.borders[talk.matched - 1];
        if (entry.bytes[talk.matched] == byte && ++talk.matched == entry.bytes.size()) return true;
    }
    return false;
}

Talks::Stop Talks::expect_close(const Scene& scene, Talk& talk, const Entry& entry, Bytes& bytes,
                                bool in_data) noexcept {
    if (entry.size - talk.heard < bytes.size()) return failed(Failure::bad_response);
    talk.heard += bytes.size();
    bytes = {};
    if (talk.is_holding && !in_data) static_cast<void>(Connection(scene.connection).resume());
    if (!talk.fin_seen) return Outcome{};
    talk.heard = 0;
    ++talk.step;
    return {};
}

void Talks::end_response(const Scene& scene, Talk& talk) const noexcept {
    ++scene.tally.responses;
    scene.times.last_byte.record(scene.now - talk.asked);
    talk.has_begun = false;
    talk.asked = scene.now;
}

/// Goes back, or on to the next step.
void Talks::repeat(const Scene& scene, Talk& talk, const Entry& entry) noexcept {
    if (entry.times.most == 0) {
        talk.step = scene.is_stopped ? talk.step + 1 : entry.back;
        return;
    }
    if (talk.repeats_left == 0) {
        const auto least = static_cast<uint32_t>(entry.times.least),
                   most = static_cast<uint32_t>(entry.times.most);
        talk.repeats_left = least == most ? most : least + random_.below(most - least + 1);
    }
    talk.step = --talk.repeats_left != 0 ? entry.back : talk.step + 1;
}

}  // namespace synfin::app
