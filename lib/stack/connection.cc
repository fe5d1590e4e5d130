#include "synfin/connection.hh"

#include "stack/connections.hh"

namespace synfin {

Result<uint32_t> Connection::send(Bytes data) noexcept {
    return owner_ == nullptr ? Result<uint32_t>(Error::gone) : owner_->send(index_, generation_, data, false);
}
Result<uint32_t> Connection::send(std::span<const Bytes> pieces) noexcept {
    return owner_ == nullptr ? Result<uint32_t>(Error::gone)
                             : owner_->send_pieces(index_, generation_, pieces);
}
Result<uint32_t> Connection::send_static(Bytes data) noexcept {
    return owner_ == nullptr ? Result<uint32_t>(Error::gone) : owner_->send(index_, generation_, data, true);
}
Result<uint32_t> Connection::receive(MutableBytes into) noexcept {
    return owner_ == nullptr ? Result<uint32_t>(Error::gone) : owner_->receive(index_, generation_, into);
}
Result<void> Connection::resume() noexcept {
    return owner_ == nullptr ? Result<void>(Error::gone) : owner_->resume(index_, generation_);
}
Result<void> Connection::shutdown() noexcept {
    return owner_ == nullptr ? Result<void>(Error::gone) : owner_->shutdown(index_, generation_);
}
Result<void> Connection::close() noexcept {
    return owner_ == nullptr ? Result<void>(Error::gone) : owner_->close(index_, generation_);
}
Result<void> Connection::abort() noexcept {
    return owner_ == nullptr ? Result<void>(Error::gone) : owner_->abort(index_, generation_);
}
Result<void> Connection::set_no_delay(bool on) noexcept {
    return owner_ == nullptr ? Result<void>(Error::gone) : owner_->set_no_delay(index_, generation_, on);
}
Result<void> Connection::set_user_timeout(Duration timeout) noexcept {
    return owner_ == nullptr ? Result<void>(Error::gone)
                             : owner_->set_user_timeout(index_, generation_, timeout);
}
uint32_t Connection::room() const noexcept {
    return owner_ == nullptr ? 0 : owner_->room(index_, generation_);
}

State Connection::state() const noexcept {
    const tcp::Tcb* tcb = owner_ == nullptr ? nullptr : owner_->find(index_, generation_);
    return tcb == nullptr ? State::closed : tcb->state();
}
Result<ConnectionInfo> Connection::info() const noexcept {
    if (owner_ == nullptr) return Error::gone;
    return owner_->info(index_, generation_);
}
Result<Endpoint> Connection::local() const noexcept {
    const auto found = info();
    if (!found) return found.error();
    return found->local;
}
Result<Endpoint> Connection::peer() const noexcept {
    const auto found = info();
    if (!found) return found.error();
    return found->peer;
}
uint64_t Connection::user_tag() const noexcept {
    return owner_ == nullptr ? 0 : owner_->user_tag(index_, generation_);
}
void Connection::set_user_tag(uint64_t user_tag) noexcept {
    if (owner_ != nullptr) owner_->set_user_tag(index_, generation_, user_tag);
}

}  // namespace synfin
