#pragma once
/// @file
/// The two applications of the soak test: a client with connections of several kinds, and a server that
/// answers. Every byte is checked at both ends.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.hh"
#include "synfin/virtual_stack.hh"

namespace synfin::soak {

enum class Life : uint8_t {
    one_request,    ///< the client closes after the answer
    server_closes,  ///< one request, and the server closes
    many_requests,  ///< up to ten on one connection
    bulk_up,        ///< up to 400 kB to the server
    bulk_down,      ///< and from it
    half_close,     ///< the client sends FIN behind its request, and reads the answer
    client_aborts,  ///< RST at any time
    leaves,         ///< closes at any time, with bytes under way
    kCount
};

/// A byte of the stream `id`.
inline uint8_t stream_byte(uint32_t offset, uint32_t id) {
    return static_cast<uint8_t>(offset * 7 + offset / 251 * 3 + id * 101);
}

/// What the client asks for: the first bytes of each request, in the machine's byte order.
struct Request {
    uint32_t id = 0;
    uint32_t up = 0, down = 0;  ///< bytes that follow, and bytes of the answer
    uint32_t server_closes = 0;
};

/// One end's half of a conversation: bytes of a stream to send and to receive.
struct Session {
    Connection c{};
    Life life = Life::one_request;
    Request request{};
    uint32_t head = 0;  ///< bytes of the request's head sent or received
    uint32_t sent = 0, received = 0;
    uint32_t requests_left = 0;
    bool answering = false;  ///< server: the request is complete
    bool peer_fin = false, closed = false, told = false, is_used = false;
};

/// Checks what both applications have in common.
class Sessions {
  public:
    size_t add(Connection c) {
        size_t at = 0;
        while (at < all_.size() && all_[at].is_used) ++at;
        if (at == all_.size()) all_.emplace_back();
        all_[at] = Session{.c = c, .is_used = true};
        c.set_user_tag(at + 1);
        ++opened_;
        return at;
    }
    Session* of(Connection c) {
        const uint64_t tag = c.user_tag();
        return tag == 0 ? nullptr : &all_[tag - 1];
    }
    /// on_close: the tag of a connection that is gone reads as 0.
    void end(Connection c) {
        for (Session& each : all_)
            if (each.is_used && each.c == c) {
                each.is_used = false;
                ++ended_;
                return;
            }
        fail("on_close for a connection that is not open");
    }
    size_t open() const {
        return static_cast<size_t>(
            std::count_if(all_.begin(), all_.end(), [](const Session& each) { return each.is_used; }));
    }
    std::vector<Session>& all() { return all_; }
    uint64_t opened() const { return opened_; }
    uint64_t ended() const { return ended_; }
    void fail(const std::string& why) {
        if (failure_.empty()) failure_ = why;
    }
    const std::string& failure() const { return failure_; }

    /// Sends the stream `id` from `session.sent` to `end`. @return whether all is queued.
    bool send_stream(Session& session, uint32_t id, uint32_t end) {
        uint8_t bytes[2048];
        while (session.sent < end) {
            const uint32_t n = std::min<uint32_t>(sizeof bytes, end - session.sent);
            for (uint32_t i = 0; i < n; ++i) bytes[i] = stream_byte(session.sent + i, id);
            const auto taken = session.c.send(Bytes(bytes, n));
            if (!taken) return false;
            session.sent += *taken;
            if (*taken < n) return false;
        }
        return true;
    }
    void check_stream(Session& session, Bytes data, uint32_t id, uint32_t end) {
        if (data.size() > end - session.received) return fail("more bytes than were sent");
        for (const uint8_t byte : data)
            if (byte != stream_byte(session.received++, id)) return fail("a wrong byte");
    }

  private:
    std::vector<Session> all_;
    uint64_t opened_ = 0, ended_ = 0;
    std::string failure_;
};

class Server {
  public:
    explicit Server(Sessions& sessions) : sessions_(sessions) {}

    void on_open(Connection c) { sessions_.add(c); }
    void on_data(Connection c, RxView& view) {
        Session* s = sessions_.of(c);
        if (s == nullptr) return;
        Bytes data = view;
        while (!data.empty() && !s->closed) {
            if (s->answering) return sessions_.fail("bytes behind a request");
            if (s->head < sizeof s->request) {
                const size_t n = std::min(data.size(), sizeof s->request - s->head);
                std::memcpy(reinterpret_cast<uint8_t*>(&s->request) + s->head, data.data(), n);
                s->head += static_cast<uint32_t>(n);
                data = data.subspan(n);
            }
            const size_t n = std::min<size_t>(data.size(), s->request.up - s->received);
            sessions_.check_stream(*s, data.first(n), s->request.id, s->request.up);
            data = data.subspan(n);
            if (s->head == sizeof s->request && s->received == s->request.up) {
                s->answering = true;
                answer(*s);
            }
        }
    }
    void on_writable(Connection c) {
        if (Session* s = sessions_.of(c)) answer(*s);
    }
    void on_peer_fin(Connection c) {
        if (Session* s = sessions_.of(c)) {
            s->peer_fin = true;
            if (!s->answering) close(*s);
        }
    }
    void on_close(Connection c, const CloseInfo&) { sessions_.end(c); }

  private:
    void answer(Session& s) {
        if (!s.answering || s.closed || !sessions_.send_stream(s, ~s.request.id, s.request.down)) return;
        const bool last = s.request.server_closes != 0 || s.peer_fin;
        s.answering = false;
        s.head = s.sent = s.received = 0;
        if (last) close(s);
    }
    static void close(Session& s) {
        s.closed = true;
        (void)s.c.close();
    }
    Sessions& sessions_;
};

class Client {
  public:
    Client(Sessions& sessions, Random& random) : sessions_(sessions), random_(random) {}

    /// Begins a life with a connection that connect() has given.
    void begin(Connection c, Life life) {
        Session& s = sessions_.all()[sessions_.add(c)];
        s.life = life;
        s.requests_left = life == Life::many_requests ? 2 + random_.below(9) : 1;
        next_request(s);
    }
    void on_open(Connection c) {
        if (Session* s = sessions_.of(c)) ask(*s);
    }
    void on_data(Connection c, RxView& view) {
        Session* s = sessions_.of(c);
        if (s == nullptr || s->closed) return;
        sessions_.check_stream(*s, view, ~s->request.id, s->request.down);
        if (s->received < s->request.down) return;
        ++answers_;
        if (--s->requests_left != 0) {
            next_request(*s);
            ask(*s);
        } else if (s->life != Life::server_closes) {
            s->closed = true;
            (void)s->c.close();
        }
    }
    void on_writable(Connection c) {
        if (Session* s = sessions_.of(c)) ask(*s);
    }
    void on_peer_fin(Connection c) { (void)c.close(); }
    void on_close(Connection c, const CloseInfo&) { sessions_.end(c); }
    /// Ends one of the connections that abort or leave, if there is one.
    void end_one_rudely() {
        for (Session& s : sessions_.all()) {
            if (!s.is_used || s.closed) continue;
            if (s.life != Life::client_aborts && s.life != Life::leaves) continue;
            s.closed = true;
            (void)(s.life == Life::leaves ? s.c.close() : s.c.abort());
            return;
        }
    }
    /// Answers received in full.
    uint64_t answers() const { return answers_; }

  private:
    void next_request(Session& s) {
        const bool up = s.life == Life::bulk_up, down = s.life == Life::bulk_down;
        const bool rude = s.life == Life::client_aborts || s.life == Life::leaves;
        s.request.id = static_cast<uint32_t>(random_.next());
        s.request.up = random_.below(up || rude ? 400'000 : 2'000);
        s.request.down = 1 + random_.below(down || rude ? 400'000 : 5'000);
        s.request.server_closes = s.life == Life::server_closes ? 1 : 0;
        s.head = s.sent = s.received = 0;
    }
    void ask(Session& s) {
        if (s.closed) return;
        while (s.head < sizeof s.request) {
            const auto* head = reinterpret_cast<const uint8_t*>(&s.request);
            const auto taken = s.c.send(Bytes(head + s.head, sizeof s.request - s.head));
            if (!taken || *taken == 0) return;
            s.head += *taken;
        }
        if (sessions_.send_stream(s, s.request.id, s.request.up) && s.life == Life::half_close)
            (void)s.c.shutdown();
    }
    Sessions& sessions_;
    Random& random_;
    uint64_t answers_ = 0;
};

}  // namespace synfin::soak
