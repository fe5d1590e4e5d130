/// @file
/// The part of a generator that follows a list of steps on each connection.

#include "generator.hh"

namespace synfin::app {

Talks::Scene Generator::scene_of(uint32_t id, Connection c) noexcept {
    return {.id = id,
            .connection = c,
            .now = now_,
            .is_stopped = stopped_,
            .tally = tally_,
            .times = times_,
            .corruptions = corruptions_};
}

void Generator::follow(Connection c, ConnectionRecord& record, Talks::Outcome outcome) noexcept {
    switch (outcome.next) {
        case Talks::Next::wait: return;
        case Talks::Next::fail: return fail(c, record, outcome.failure);
        case Talks::Next::end: break;
    }
    end(c, record);
    // A peer that should close first, and has closed already.
    if (plan_.ending == GeneratorPlan::Ending::fin_by_peer && c.state() == State::close_wait)
        static_cast<void>(c.close());
}

/// The pause of a connection is over.
void Generator::wake(uint32_t id, Connection c) noexcept {
    if (c.user_tag() != tag_of(id)) return;  // it has ended, and on_close follows
    ConnectionRecord& record = records_[id];
    if (record.done || record.failure != kNone) return;
    record.heard = tick_;
    follow(c, record, talks_->on_wake(scene_of(id, c)));
}

/// Data on a connection without requests: steps may expect it.
void Generator::on_unasked_data(Connection c, ConnectionRecord& record, RxView& view) noexcept {
    if (talks_ == nullptr || record.done) tally_.received_bytes += view.size();
    if (talks_ == nullptr) return;
    if (record.done) return fail(c, record, Failure::bad_response);
    follow(c, record, talks_->on_data(scene_of(id_of(c), c), view));
}

}  // namespace synfin::app
