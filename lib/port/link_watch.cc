#include "port/link_watch.hh"

#include <chrono>
#include <utility>

#include "port/core_threads.hh"

namespace synfin::port {

namespace {

Instant steady_now() {
    return Instant::from_ns(std::chrono::steady_clock::now().time_since_epoch() / 1ns);
}

}  // namespace

Link wait_for_link(const std::function<Link()>& ask, Duration most) {
    constexpr auto kPoll = std::chrono::milliseconds(20);
    const auto until = std::chrono::steady_clock::now() + most;
    Link link = ask();
    for (; !link.up && !link.is_gone && std::chrono::steady_clock::now() < until; link = ask())
        std::this_thread::sleep_for(kPoll);
    return link;
}

void LinkLog::see(Link link, Instant now) noexcept {
    if (last_.is_gone) return;
    if (link.up != last_.up) {
        if (link.up)
            down_time_ += now - since_;
        else
            ++downs_;
        since_ = now;
    }
    last_ = link;
}

LinkHistory LinkLog::history(Instant now) const noexcept {
    return {last_, downs_, last_.up ? down_time_ : down_time_ + (now - since_)};
}

void add_link_history(const LinkHistory& link, DeviceStats& stats) noexcept {
    stats.link_up = link.now.up;
    stats.is_gone = link.now.is_gone;
    stats.link_downs = link.downs;
    stats.link_down_time = link.down_time;
}

LinkWatch::LinkWatch(Link first, std::function<Link()> ask)
    : ask_(std::move(ask)), log_(first, steady_now()), thread_([this] { run(); }) {}

LinkWatch::~LinkWatch() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

LinkHistory LinkWatch::history() const {
    const std::lock_guard lock(mutex_);
    return log_.history(steady_now());
}

void LinkWatch::run() {
    block_signals();
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kEvery, [this] { return ending_; })) {
        lock.unlock();
        const Link link = ask_();
        lock.lock();
        log_.see(link, steady_now());
    }
}

}  // namespace synfin::port
