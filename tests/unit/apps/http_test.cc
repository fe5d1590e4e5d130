#include <gtest/gtest.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.hh"
#include "config/user_error.hh"
#include "http/http_ask.hh"
#include "http/http_chunked.hh"
#include "http/http_request.hh"
#include "http/http_response.hh"
#include "servers/http_site.hh"

namespace synfin::app {
namespace {

Bytes bytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

using Outcome = HttpRequest::Outcome;

/// Feeds the text in pieces of `step` bytes; the outcome, and how much was used in `used`.
Outcome feed(HttpRequest& request, std::string_view text, size_t step, size_t* used_in_all = nullptr) {
    KnownHead<HttpRequest> none;
    size_t at = 0;
    Outcome outcome = Outcome::more;
    while (at < text.size() && outcome == Outcome::more) {
        uint32_t used = 0;
        outcome = request.feed(bytes(text.substr(at, step)), used, none);
        at += used;
    }
    if (used_in_all != nullptr) *used_in_all = at;
    return outcome;
}
Outcome outcome_of(std::string_view text) {
    HttpRequest request;
    return feed(request, text, text.size());
}

TEST(HttpRequest, IsTheSameHoweverItIsSplit) {
    const std::string text =
        "GET /a/b?c HTTP/1.1\r\nHost: x\r\nX-Long: a: b, \"c\"\r\nConnection: foo, CLOSE\r\n"
        "Content-Length: 12\r\n\r\nrest";
    for (size_t step = 1; step <= text.size(); ++step) {
        HttpRequest request;
        size_t used = 0;
        ASSERT_EQ(feed(request, text, step, &used), Outcome::complete) << step;
        EXPECT_EQ(used, text.size() - 4) << step;
        EXPECT_EQ(request.method(), HttpRequest::Method::get);
        EXPECT_FALSE(request.keep_alive());
        EXPECT_EQ(request.content_length(), 12u);
        EXPECT_FALSE(request.chunked());
    }
}

TEST(HttpRequest, Variants) {
    HttpRequest request;
    EXPECT_EQ(feed(request, "\r\n\nHEAD / HTTP/1.1\nHost:x\n\n", 1), Outcome::complete);
    EXPECT_EQ(request.method(), HttpRequest::Method::head);
    EXPECT_TRUE(request.keep_alive());
    request.clear();
    EXPECT_EQ(feed(request, "GET / HTTP/1.0\r\n\r\n", 3), Outcome::complete);
    EXPECT_FALSE(request.keep_alive());
    request.clear();
    EXPECT_EQ(feed(request, "GET / HTTP/1.1\r\nConnection: close, x\r\nConnection: y\r\n\r\n", 3),
              Outcome::complete);
    EXPECT_FALSE(request.keep_alive()) << "once said, close stays";
    request.clear();
    EXPECT_EQ(feed(request, "get / HTTP/1.1\r\n\r\n", 3), Outcome::complete);
    EXPECT_EQ(request.method(), HttpRequest::Method::other);
    request.clear();
    EXPECT_EQ(feed(request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 3), Outcome::complete);
    EXPECT_EQ(request.method(), HttpRequest::Method::post);
    EXPECT_TRUE(request.chunked());
}

TEST(HttpRequest, GarbageIsBad) {
    for (const char* text : {"nonsense\r\n\r\n",
                             "GET\r\n",
                             "GET /\r\n",
                             " GET / HTTP/1.1\r\n",
                             "GET  / HTTP/1.1\r\n",
                             "GET / HTTP/2.0\r\n",
                             "GET / HTTP/1.x\r\n",
                             "GET / HTTP/1.1 \r\n",
                             "GET / HTTP/1.1\rX",
                             "GET / HTTP/1.1\r\nHost : x\r\n",
                             "GET / HTTP/1.1\r\n: x\r\n",
                             "GET / HTTP/1.1\r\n\x01q: x\r\n",
                             "GET / HTTP/1.1\r\nA: b\r\n c\r\n",
                             "GET /\x01 HTTP/1.1\r\n",
                             "GET a HTTP/1.1\r\n",
                             "GET * HTTP/1.1\r\n",
                             "GET http:/x HTTP/1.1\r\n",
                             "GET http HTTP/1.1\r\n",
                             "GET / HTTP/1.1\r\nA: b\rc\r\n",
                             "GET / HTTP/1.1\r\nHost: a b\r\n",
                             "GET / HTTP/1.1\r\nContent-Length: \r\n",
                             "GET / HTTP/1.1\r\nContent-Length: 1,1\r\n",
                             "GET / HTTP/1.1\r\nContent-Length: 1 1\r\n",
                             "GET / HTTP/1.1\r\nContent-Length: -1\r\n",
                             "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n",
                             "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
                             "\x16\x03\x01\x02"})
        EXPECT_EQ(outcome_of(text), Outcome::bad) << text;
    EXPECT_EQ(outcome_of("GET / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n"),
              Outcome::complete);
}

TEST(HttpRequest, HeadsAreBounded) {
    const std::string start = "GET / HTTP/1.1\r\nX: ";
    const std::string most = start + std::string(HttpRequest::kMaxHead - start.size() - 4, 'x') + "\r\n\r\n";
    ASSERT_EQ(most.size(), HttpRequest::kMaxHead);
    const std::string more = start + std::string(HttpRequest::kMaxHead - start.size() - 3, 'x') + "\r\n\r\n";
    for (const size_t step : {size_t{1}, size_t{1000}, most.size() + 10}) {
        HttpRequest request;
        EXPECT_EQ(feed(request, most, step), Outcome::complete) << step;
        request.clear();
        EXPECT_EQ(feed(request, more, step), Outcome::too_large) << step;
    }
    HttpRequest request;
    EXPECT_EQ(feed(request, std::string(10'000, '\n'), 100), Outcome::too_large) << "empty lines count too";
}

TEST(HttpRequest, RandomBytesNeverGoPastTheEnd) {
    Random random(7);
    for (int round = 0; round < 2'000; ++round) {
        std::string text = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n";
        for (int i = 0; i < 3; ++i)
            text[random.below(static_cast<uint32_t>(text.size()))] = static_cast<char>(random.below(256));
        HttpRequest whole, split;
        size_t used_whole = 0, used_split = 0;
        const Outcome a = feed(whole, text, text.size(), &used_whole);
        const Outcome b = feed(split, text, 1 + random.below(7), &used_split);
        ASSERT_EQ(a, b) << text;
        ASSERT_EQ(used_whole, used_split) << text;
        ASSERT_LE(used_whole, text.size());
    }
}

TEST(HttpRequest, WhatIsAskedOfAHead) {
    using Verdict = HttpRequest::Verdict;
    const auto verdict = [](const std::string& line, const std::string& fields) {
        HttpRequest request;
        EXPECT_EQ(feed(request, line + "\r\n" + fields + "\r\n", 7), Outcome::complete) << line << fields;
        return request.judge();
    };
    const std::string get = "GET / HTTP/1.1", post = "POST / HTTP/1.1", host = "Host: x\r\n";
    EXPECT_EQ(verdict(get, host), Verdict::good);
    EXPECT_EQ(verdict("GET / HTTP/1.0", ""), Verdict::good);
    EXPECT_EQ(verdict(get, ""), Verdict::bad);
    EXPECT_EQ(verdict(get, host + host), Verdict::bad);
    EXPECT_EQ(verdict("GET / HTTP/1.0", host + host), Verdict::bad);
    EXPECT_EQ(verdict("OPTIONS * HTTP/1.1", host), Verdict::not_allowed);
    EXPECT_EQ(verdict("CONNECT x:1 HTTP/1.1", host), Verdict::not_allowed);
    EXPECT_EQ(verdict("get / HTTP/1.1", host), Verdict::not_allowed);
    // Shapes of request smuggling: two readers would find different ends.
    for (const char* coding :
         {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
          "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n",
          "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: chunked, chunked\r\n",
          "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n",
          "Transfer-Encoding: chun ked\r\n"})
        EXPECT_EQ(verdict(post, host + coding), Verdict::bad) << coding;
    EXPECT_EQ(verdict("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n"), Verdict::bad);
    EXPECT_EQ(verdict(post, host + "Transfer-Encoding: gzip, chunked\r\n"), Verdict::not_implemented);
    EXPECT_EQ(verdict(post, host + "Transfer-Encoding: Chunked\r\n"), Verdict::good);
}

TEST(HttpRequest, PathsAreFoundByWhatTheyName) {
    const auto path_of = [](const std::string& target) {
        HttpRequest request;
        EXPECT_EQ(feed(request, "GET " + target + " HTTP/1.1\r\n\r\n", 3), Outcome::complete) << target;
        return request.path_hash();
    };
    for (const char* same : {"/a%20b", "/%61%20b?c=/d", "http://h/a%20b", "HTTP://h:80/a%20b?x"})
        EXPECT_EQ(path_of(same), PathHash::of("/a b")) << same;
    for (const char* root : {"/", "/?", "http://h", "http://h?x", "http://h/"})
        EXPECT_EQ(path_of(root), PathHash::of("/")) << root;
    EXPECT_EQ(path_of("/%"), PathHash::of("/%"));
    EXPECT_EQ(path_of("/%4"), PathHash::of("/%4"));
    EXPECT_EQ(path_of("/%4x%41%%41"), PathHash::of("/%4xA%A"));
    EXPECT_EQ(path_of("/%2e%2E/x"), PathHash::of("/../x")) << "a name like another, that no site has";
}

TEST(HttpRequest, KeepAliveOfBothVersions) {
    const auto stays = [](const std::string& text) {
        HttpRequest request;
        EXPECT_EQ(feed(request, text, 5), Outcome::complete);
        return request.keep_alive();
    };
    EXPECT_FALSE(stays("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(stays("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    EXPECT_FALSE(stays("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
    EXPECT_TRUE(stays("GET / HTTP/1.1\r\n\r\n"));
}

// -- what there is to give

TEST(Route, IsReadAndRefused) {
    const auto route = Route::parse("/a=b=503,1KiB,250ms");
    ASSERT_TRUE(route);
    EXPECT_EQ(route.value->path, "/a=b");
    EXPECT_EQ(route.value->status, 503u);
    EXPECT_EQ(route.value->size, 1024u);
    EXPECT_EQ(route.value->delay, 250ms);
    EXPECT_EQ(Route::parse("/=200,250ms").value->delay, 250ms);
    EXPECT_EQ(Route::parse(route.value->text()).value->text(), route.value->text());
    for (const char* text : {"", "/", "a=200", "/a=20", "/a=199", "/a=600", "/a=x", "/a?b=200", "/a=200,1s,2",
                             "/a=200,1,2s,3", "/a=200,", "/a=200,-1"})
        EXPECT_FALSE(Route::parse(text)) << text;
}

struct Directory {
    Directory() {
        std::string name = ::testing::TempDir() + "synfin-site-XXXXXX";
        path = ::mkdtemp(name.data());
    }
    ~Directory() { std::filesystem::remove_all(path); }
    void file(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((path / name).parent_path());
        std::ofstream(path / name) << text;
    }
    std::filesystem::path path;
};

TEST(HttpSite, HasTheFilesOfADirectoryAndNoOthers) {
    Directory outside, root;
    outside.file("secret", "secret");
    root.file("index.html", "<p>");
    root.file("a/b.PNG", "png");
    root.file("a/c d", std::string(3000, 'x'));
    std::filesystem::create_symlink("a/b.PNG", root.path / "inside");
    std::filesystem::create_symlink(outside.path / "secret", root.path / "leaves");
    std::filesystem::create_symlink("../" + outside.path.filename().string() + "/secret", root.path / "up");
    std::filesystem::create_directory_symlink(outside.path, root.path / "away");
    std::filesystem::create_symlink("nowhere", root.path / "broken");
    ASSERT_EQ(::mkfifo((root.path / "fifo").c_str(), 0600), 0);
    HttpSite site(2);
    site.add(*Route::parse("/a/b.PNG=410").value);
    EXPECT_EQ(site.load(root.path).size(), 5u) << "what leads out, what is no file";
    const auto at = [&](const char* path) { return site.resources()[site.find(PathHash::of(path))]; };
    EXPECT_EQ(at("/").size, 3u);
    EXPECT_EQ(at("/index.html").content_type, "text/html; charset=utf-8");
    EXPECT_EQ(at("/a/b.PNG").status, 410u) << "a route comes first";
    EXPECT_EQ(at("/inside").content_type, "application/octet-stream");
    EXPECT_EQ(at("/a/c d").bytes.size(), 3000u);
    for (const char* path : {"/leaves", "/up", "/away/secret", "/broken", "/fifo", "/../secret", "/a", "/a/",
                             "/a/../index.html", "//index.html"})
        EXPECT_EQ(at(path).status, 404u) << path;
    EXPECT_THROW(HttpSite(2).load(root.path / "a/b.PNG"), UserError);
    EXPECT_THROW(HttpSite(2).load(root.path / "none"), UserError);
}

TEST(HttpSite, IsBounded) {
    Directory root;
    root.file("large", "");
    std::filesystem::resize_file(root.path / "large", HttpSite::kMostFileBytes + 1);
    EXPECT_THROW(HttpSite(2).load(root.path), UserError);
    HttpSite site(2);
    for (size_t i = 1; i <= HttpSite::kMostDelays; ++i)
        site.add({.path = "/" + std::to_string(i), .status = 200, .delay = i * 1ms});
    site.add({.path = "/again", .status = 200, .delay = 1ms});
    EXPECT_THROW(site.add({.path = "/more", .status = 200, .delay = 1h}), UserError);
    EXPECT_THROW(site.add({.path = "/1", .status = 200}), UserError);
}

// -- fields and chunks, which requests and responses share

HttpFields fields_of(const std::string& text, HttpStep expected = HttpStep::complete) {
    HttpFields whole;
    uint32_t end = 0;
    EXPECT_EQ(whole.feed(bytes(text), end), expected) << text;
    HttpFields split;
    HttpStep step = HttpStep::more;
    for (size_t i = 0; i < text.size() && step == HttpStep::more; ++i) {
        uint32_t at = 0;
        step = split.feed(bytes(text).subspan(i, 1), at);
    }
    EXPECT_EQ(step, expected) << text;
    return whole;
}

TEST(HttpFields, TransferCodings) {
    const auto coded = [](const std::string& value) {
        return fields_of("Transfer-Encoding: " + value + "\r\n\r\n");
    };
    EXPECT_TRUE(coded("chunked").chunked());
    EXPECT_TRUE(coded(" ,Chunked , ").chunked());
    EXPECT_FALSE(coded("chunked").has_other_coding());
    EXPECT_TRUE(coded("gzip, chunked").has_other_coding());
    EXPECT_TRUE(coded("gzip, chunked").chunked()) << "where the body ends is known";
    for (const char* value : {"identity", "chunked, gzip", "chunked, chunked", "chun ked", "xchunked",
                              "chunked;q=1", "chunkedchunkedchunkedchunked"})
        EXPECT_FALSE(coded(value).chunked()) << value;
    EXPECT_FALSE(coded(" , ").has_transfer_coding());
    EXPECT_FALSE(fields_of("Transfer-Encoding: chunked\r\ntransfer-encoding: gzip\r\n\r\n").chunked());
}

TEST(HttpFields, WhatIsNoFieldIsRefused) {
    for (const char* text : {"A: b\rc\r\n\r\n", "A: b\x01\r\n\r\n", "A: b\x7f\r\n\r\n", "A: b\r\r\n\r\n",
                             "A : b\r\n\r\n", " A: b\r\n\r\n", "A\r\n\r\n", "Host: a b\r\n\r\n",
                             "Host: a, b\r\n\r\n", "Host: a/b\r\n\r\n", "Connection: cl\x0bose\r\n\r\n",
                             "Content-Length: 1\x0b\r\n\r\n", "Transfer-Encoding: \x0b chunked\r\n\r\n"})
        fields_of(text, HttpStep::bad);
    fields_of(std::string("A: b\0c\r\n\r\n", 10), HttpStep::bad);
}

TEST(HttpFields, WhatIsKept) {
    EXPECT_EQ(fields_of("\r\n").hosts(), 0u);
    EXPECT_EQ(fields_of("Host:\r\n\r\n").hosts(), 1u);
    EXPECT_EQ(fields_of("Host: [::1]:80 \r\nHost: x\r\nHost: y\r\n\r\n").hosts(), 2u);
    EXPECT_TRUE(fields_of("Expect: 100-Continue\r\n\r\n").expects_continue());
    EXPECT_FALSE(fields_of("Expect: 100-continued\r\n\r\n").expects_continue());
    EXPECT_TRUE(fields_of("Connection: upgrade, Keep-Alive\r\n\r\n").keep_alive());
    EXPECT_FALSE(fields_of("Connection: keep alive\r\n\r\n").keep_alive());
    EXPECT_FALSE(fields_of("Connection: not close\r\n\r\n").close());
}

/// Where a body of chunks ends, in one piece and byte by byte; 0 when it is refused or not over.
size_t chunked_end(const std::string& text, uint64_t* data_bytes = nullptr) {
    ChunkedBody whole, split;
    uint32_t end = 0, at = 0;
    const HttpStep step = whole.feed(bytes(text), end);
    HttpStep split_step = HttpStep::more;
    while (at < text.size() && split_step == HttpStep::more) {
        uint32_t used = 0;
        split_step = split.feed(bytes(text).subspan(at, 1), used);
        at += used;
    }
    EXPECT_EQ(step, split_step) << text;
    EXPECT_EQ(end, at) << text;
    EXPECT_EQ(whole.data_bytes(), split.data_bytes());
    if (data_bytes != nullptr) *data_bytes = whole.data_bytes();
    return step == HttpStep::complete ? end : 0;
}

TEST(ChunkedBody, EndsBehindItsTrailers) {
    for (const char* text :
         {"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "A;a=b;c=\"d\"\r\n0123456789\r\n000\r\n\r\n",
          "1 ;x\r\na\r\n0 \r\nX: y\r\nZ:\r\n\r\n", "00005\r\nhello\r\n0;last\r\n\r\n"}) {
        const std::string body = text;
        EXPECT_EQ(chunked_end(body), body.size()) << text;
        EXPECT_EQ(chunked_end(body + "GET"), body.size()) << text;
    }
    uint64_t data = 0;
    chunked_end("5\r\nhello\r\n1\r\nx\r\n0\r\n\r\n", &data);
    EXPECT_EQ(data, 6u);
}

TEST(ChunkedBody, WhatTwoReadersCouldTakeDifferentlyIsRefused) {
    for (const char* text : {"\r\n",
                             " 5\r\nhello\r\n0\r\n\r\n",
                             "0x5\r\nhello\r\n0\r\n\r\n",
                             "-1\r\n",
                             "+5\r\nhello\r\n0\r\n\r\n",
                             "5 5\r\nhello\r\n0\r\n\r\n",
                             "5\nhello\r\n0\r\n\r\n",
                             "5\r\nhello0\r\n\r\n",
                             "5\r\nhello\n0\r\n\r\n",
                             "5\r\nhello\rx0\r\n\r\n",
                             "5;a\nb\r\nhello\r\n0\r\n\r\n",
                             "5;a\rb\r\nhello\r\n0\r\n\r\n",
                             "0\r\n\n",
                             "0\r\nX y: z\r\n\r\n",
                             "0\r\nX: a\rb\r\n\r\n",
                             "0\r\nX\r\n\r\n",
                             "0\r\n X: y\r\n\r\n",
                             "8000000000000000\r\n",
                             "10000000000000000\r\n",
                             ";a\r\n",
                             "g\r\n"})
        EXPECT_EQ(chunked_end(text), 0u) << text;
    EXPECT_EQ(chunked_end("1;" + std::string(ChunkedBody::kMaxLine + 1, 'x') + "\r\na\r\n0\r\n\r\n"), 0u);
    EXPECT_EQ(chunked_end("0\r\nX: " + std::string(ChunkedBody::kMaxLine, 'x') + "\r\n\r\n"), 0u);
}

using ResponseOutcome = HttpResponse::Outcome;

ResponseOutcome feed(HttpResponse& response, std::string_view text, size_t step, size_t& at) {
    KnownHead<HttpResponse> none;
    ResponseOutcome outcome = ResponseOutcome::more;
    for (at = 0; at < text.size() && outcome == ResponseOutcome::more;) {
        uint32_t used = 0;
        outcome = response.feed(bytes(text.substr(at, step)), used, none);
        at += used;
    }
    return outcome;
}

TEST(HttpResponse, EndsWhereItsLengthSays) {
    const std::string text =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloX";
    for (size_t step = 1; step <= text.size(); ++step) {
        HttpResponse response;
        size_t used = 0;
        ASSERT_EQ(feed(response, text, step, used), ResponseOutcome::complete) << step;
        EXPECT_EQ(used, text.size() - 1) << step;
        EXPECT_EQ(response.status(), 200u);
        EXPECT_TRUE(response.keep_alive());
    }
}

/// How a response is read.
struct Reading {
    std::string text;
    unsigned status;  ///< 0: it is refused
    size_t used;      ///< bytes that belong to it
    bool keeps;       ///< the connection stays
    bool until_fin = false;
    bool to_head = false;
};
constexpr size_t kAll = ~size_t{0};

/// The end is the same wherever the segments' borders are: at every byte, and in pieces of each size.
void expect_reading(const Reading& reading) {
    const std::string_view text = reading.text;
    const size_t all = reading.used == kAll ? text.size() : reading.used;
    for (size_t step = 1; step <= text.size(); ++step) {
        HttpResponse response(reading.to_head);
        size_t used = 0;
        const ResponseOutcome outcome = feed(response, text, step, used);
        const ResponseOutcome expected = reading.status == 0 ? ResponseOutcome::bad
                                         : reading.until_fin ? ResponseOutcome::more
                                                             : ResponseOutcome::complete;
        ASSERT_EQ(outcome, expected) << text << " in pieces of " << step;
        if (reading.status == 0) continue;
        ASSERT_EQ(used, all) << text << " in pieces of " << step;
        ASSERT_EQ(response.status(), reading.status) << text;
        ASSERT_EQ(response.keep_alive(), reading.keeps) << text;
        ASSERT_EQ(response.end() == ResponseOutcome::complete, reading.until_fin) << text;
    }
    for (size_t cut = 1; cut < text.size(); ++cut) {
        HttpResponse response(reading.to_head);
        KnownHead<HttpResponse> none;
        uint32_t first = 0, second = 0;
        ResponseOutcome outcome = response.feed(bytes(text.substr(0, cut)), first, none);
        if (outcome == ResponseOutcome::more) outcome = response.feed(bytes(text.substr(cut)), second, none);
        ASSERT_EQ(outcome == ResponseOutcome::bad, reading.status == 0) << text << " cut at " << cut;
        ASSERT_EQ(reading.status != 0 ? first + second : all, all) << text << " cut at " << cut;
    }
}

TEST(HttpResponse, BodiesEndWhereRfc9112Says) {
    const std::string ok = "HTTP/1.1 200 OK\r\n", length = "Content-Length: 2\r\n\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    for (const auto& [text, used, keeps, until_fin] :
         std::vector<std::tuple<std::string, size_t, bool, bool>>{
             {ok + length + "okX", ok.size() + length.size() + 2, true, false},
             {ok + "Content-Length: 0\r\n\r\nX", ok.size() + 21, true, false},
             {chunked + "2\r\nok\r\n0\r\n\r\n", kAll, true, false},
             {chunked + "2;a=b\r\nok\r\nA ;c=\"d e\"\r\n0123456789\r\n0\r\nX-Sum: 1\r\nY: \r\n\r\n", kAll,
              true, false},
             {ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n00\r\n\r\n", kAll, true,
              false},
             {ok + "Transfer-Encoding: gzip, Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", kAll, true, false},
             {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
              kAll, false, false},
             {ok + "\r\nuntil the end", kAll, false, true},
             {ok + "Connection: keep-alive\r\n\r\n", kAll, false, true},
             {ok + "Transfer-Encoding: gzip\r\n" + length + "until the end", kAll, false, true},
             {ok + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", kAll, false, true},
             {ok + "Transfer-Encoding: identity\r\n" + length + "ok", kAll, true, false},
         })
        expect_reading({text, 200, used, keeps, until_fin});
    // No body, whatever the fields say.
    expect_reading({"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, kAll, true});
    expect_reading({"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, kAll, true});
    expect_reading({"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 101, kAll, false});
    expect_reading({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, kAll, true, false, true});
    expect_reading({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, kAll, true, false, true});
    expect_reading({"HTTP/1.1 200 OK\r\n\r\n", 200, kAll, true, false, true});
}

TEST(HttpResponse, WhatComesBeforeTheResponseIsReadAway) {
    const std::string end = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    expect_reading({"HTTP/1.1 100 Continue\r\n\r\n" + end, 200, kAll, true});
    expect_reading(
        {"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nContent-Length: 9\r\n\r\n" + end, 200,
         kAll, true});
    expect_reading({"\r\n" + end, 200, kAll, true});
    HttpResponse response;
    size_t used = 0;
    std::string many;
    while (many.size() <= HttpResponse::kMaxHead) many += "HTTP/1.1 102 Processing\r\n\r\n";
    EXPECT_EQ(feed(response, many, 1'000, used), ResponseOutcome::bad) << "not for ever";
    response.clear();
    EXPECT_EQ(feed(response, std::string(HttpResponse::kMaxHead + 1, '\n'), 1'000, used),
              ResponseOutcome::bad);
}

TEST(HttpResponse, PersistsAsRfc9112Says) {
    const auto text = [](const char* version, const char* field) {
        return fmt::format("HTTP/{} 200 OK\r\n{}Content-Length: 2\r\n\r\nok", version, field);
    };
    expect_reading({text("1.1", ""), 200, kAll, true});
    expect_reading({text("1.1", "Connection: close\r\n"), 200, kAll, false});
    expect_reading({text("1.1", "CONNECTION:Close\r\n"), 200, kAll, false});
    expect_reading({text("1.1", "Connection: keep-alive, close\r\n"), 200, kAll, false});
    expect_reading({text("1.1", "Connection: closed, not close\r\n"), 200, kAll, true});
    expect_reading({text("1.0", ""), 200, kAll, false});
    expect_reading({text("1.0", "Connection: Keep-Alive\r\n"), 200, kAll, true});
    expect_reading({text("1.0", "Connection: keep-alive\r\nConnection: close\r\n"), 200, kAll, false});
}

TEST(HttpResponse, FieldsAsServersSendThem) {
    const std::string start = "HTTP/1.1 200 OK\r\n", end = "Content-Length: 2\r\n\r\nok";
    for (const char* field :
         {"X-A: one\r\n two\r\n", "X-A: one\r\n\ttwo\r\n \r\n", "X-A : b\r\n", "X-Empty:\r\n",
          "X: caf\xe9\r\n", "Content-Length: 2\r\n", "Content-Length \t:2 \r\n",
          "Content-Length:\r\n 0002\r\n", "Connection: a\r\n lose\r\n"})
        expect_reading({start + field + end, 200, kAll, true});
    for (const char* field : {"Connection:\r\n close\r\n", "Connection: x,\r\n\tclose\r\n"})
        expect_reading({start + field + end, 200, kAll, false});
    for (const char* line : {"HTTP/1.1 200\r\n", "HTTP/1.1 200 \r\n", "HTTP/1.1 200 Tr\xc3\xa8s bien\r\n"})
        expect_reading({line + end, 200, kAll, true});
    expect_reading({"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, kAll, true});
}

TEST(HttpResponse, RefusesWhatCouldBeReadInTwoWays) {
    const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    for (const std::string& text : {std::string("HTTP/2 200\r\n"),
                                    std::string("http/1.1 200 OK\r\n"),
                                    std::string("HTTP/1.1 2x0 OK\r\n"),
                                    std::string("HTTP/1.1 2000 OK\r\n"),
                                    std::string("HTTP/1.1 000 OK\r\n"),
                                    std::string("SSH-2.0\r\n"),
                                    std::string("hello\n"),
                                    std::string("ICY 200 OK\r\n"),
                                    ok + " X: folded onto nothing\r\n",
                                    ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
                                    ok + "Content-Length: 2\r\n 3\r\n\r\n",
                                    ok + "Content-Length: -1\r\n\r\n",
                                    ok + "Content-Length:\r\n\r\n",
                                    ok + "no colon\r\n",
                                    ok + "X Y: z\r\n",
                                    ok + "X: a\rb\r\n",
                                    std::string("HTTP/1.1 200 O\rK\r\n"),
                                    chunked + "\r\n",
                                    chunked + "-1\r\n",
                                    chunked + "0x2\r\nok\r\n",
                                    chunked + "2\r\nokay\r\n",
                                    chunked + "10000000000000000\r\n"})
        expect_reading({text, 0, 0, false});
}

TEST(HttpResponse, HeadsAreBounded) {
    const std::string start = "HTTP/1.1 200 OK\r\nSet-Cookie: a=", end = "\r\nContent-Length: 2\r\n\r\nok";
    HttpResponse response;
    size_t used = 0;
    EXPECT_EQ(feed(response, start + std::string(32'000, 'x') + end, 1'448, used), ResponseOutcome::complete);
    response.clear();
    EXPECT_EQ(feed(response, start + std::string(90'000, 'x') + end, 1'448, used), ResponseOutcome::bad);
}

TEST(HttpResponse, AShortBodyIsShort) {
    for (const char* text : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "HTTP/1.1 200 OK\r\n", "HTTP",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"}) {
        HttpResponse response;
        size_t used = 0;
        EXPECT_EQ(feed(response, text, 4, used), ResponseOutcome::more) << text;
        EXPECT_EQ(response.end(), ResponseOutcome::more) << text;
    }
}

// -- requests that are made

TEST(HttpAsk, RequestsAsRfc9112WantsThem) {
    const auto text = [](const std::vector<uint8_t>& request) {
        return std::string(request.begin(), request.end());
    };
    EXPECT_EQ(text(http_request("h", "/a?b", false)),
              "GET /a?b HTTP/1.1\r\nHost: h\r\nUser-Agent: synfin\r\n\r\n");
    EXPECT_EQ(text(http_request("h:81", "/", true)),
              "GET / HTTP/1.1\r\nHost: h:81\r\nUser-Agent: synfin\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(text(http_request("h", "/", false, {.method = "POST", .body = "a=1"})),
              "POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: synfin\r\nContent-Length: 3\r\n\r\na=1");
    EXPECT_NE(text(http_request("h", "/", false, {.method = "PUT"})).find("Content-Length: 0\r\n"),
              std::string::npos);
    EXPECT_EQ(
        text(http_request("h", "/", true,
                          {.headers = {"host: other", "USER-AGENT: me", "Connection: keep-alive", "X: y"}})),
        "GET / HTTP/1.1\r\nhost: other\r\nUSER-AGENT: me\r\nConnection: keep-alive\r\nX: y\r\n\r\n");
    EXPECT_EQ(authority_of("10.0.0.2", 80), "10.0.0.2");
    EXPECT_EQ(authority_of("name", 8080), "name:8080");
    EXPECT_TRUE(HttpAsk{}.is_idempotent());
    EXPECT_FALSE(HttpAsk{.method = "POST"}.is_idempotent());
}

TEST(HttpAsk, WhatIsNoHeaderIsRefused) {
    EXPECT_TRUE(parse_header("X-A: b"));
    EXPECT_TRUE(parse_header("X-A:"));
    for (const char* bad : {"", "X-A", ": b", "X A: b", "X: a\r\nY: b", "X: a\n"})
        EXPECT_FALSE(parse_header(bad)) << bad;
    for (const char* bad : {"", "G T", "GET\r\n", "CONNECT"}) EXPECT_FALSE(parse_method(bad)) << bad;
}

TEST(HttpAsk, StatusesInLists) {
    const StatusSet set = *parse_statuses("200,404,5xx,300-302").value;
    for (const unsigned status : {200u, 404u, 500u, 599u, 300u, 301u, 302u})
        EXPECT_TRUE(set[status]) << status;
    EXPECT_EQ(set.count(), 105u);
    EXPECT_EQ(successful_statuses(), *parse_statuses("2xx,3xx").value);
    for (const char* bad : {"", "20", "2000", "abc", "0xx", "404-200", "200,", "-"})
        EXPECT_FALSE(parse_statuses(bad)) << bad;
}

// -- heads that are known

/// Reads one message after the other, each as a new one, in pieces of `step` bytes, with what the ones before
/// have said and without: both must come to the same.
template <typename Message>
void expect_known_changes_nothing(const std::vector<std::string>& texts, size_t step) {
    KnownHead<Message> known;
    for (const std::string& text : texts) {
        Message remembering, reading;
        size_t at = 0;
        for (auto outcome = Message::Outcome::more; at < text.size() && outcome == Message::Outcome::more;) {
            KnownHead<Message> none;
            uint32_t used = 0, used_reading = 0;
            const Bytes piece = bytes(std::string_view(text).substr(at, step));
            outcome = remembering.feed(piece, used, known);
            ASSERT_EQ(reading.feed(piece, used_reading, none), outcome) << text;
            ASSERT_EQ(used, used_reading) << text;
            at += used;
        }
        ASSERT_EQ(remembering.keep_alive(), reading.keep_alive()) << text;
        if constexpr (requires { reading.status(); }) {
            ASSERT_EQ(remembering.status(), reading.status()) << text;
            ASSERT_EQ(remembering.end(), reading.end()) << text;
        } else {
            ASSERT_EQ(remembering.method(), reading.method()) << text;
            ASSERT_EQ(remembering.content_length(), reading.content_length()) << text;
            ASSERT_EQ(remembering.chunked(), reading.chunked()) << text;
            ASSERT_EQ(remembering.path_hash(), reading.path_hash()) << text;
            ASSERT_EQ(remembering.judge(), reading.judge()) << text;
        }
    }
}

TEST(KnownHead, RequestsAreReadAsWithoutIt) {
    const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::vector<std::string> texts = {get,
                                            get,
                                            get + "GET /",
                                            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                                            get,
                                            "G",
                                            "GET / HTTP/1.1\r\nHost: x\r\n",
                                            "HEAD / HTTP/1.1\n\n",
                                            "HEAD / HTTP/1.1\n\nmore",
                                            "\r\n" + get,
                                            get,
                                            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
                                            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
                                            "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd",
                                            "nonsense\r\n\r\n",
                                            "nonsense\r\n\r\n",
                                            "GET / HTTP/1.1\r\nX: " + std::string(600, 'x') + "\r\n\r\n",
                                            get};
    for (const size_t step : {size_t{1}, size_t{2}, size_t{17}, size_t{28}, size_t{10'000}})
        expect_known_changes_nothing<HttpRequest>(texts, step);
}

TEST(KnownHead, ResponsesAreReadAsWithoutIt) {
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab";
    const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
    const std::vector<std::string> texts = {
        ok,
        ok,
        ok + "X",
        ok.substr(0, ok.size() - 1),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        ok,
        interim + ok,
        interim + ok,
        interim,
        ok,
        "HTTP/1.0 200 OK\r\n\r\nto the end",
        "HTTP/1.0 200 OK\r\n\r\nto the end of it",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
        "\r\n" + ok,
        ok,
        "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\nHTTP",
        ok,
        "HTTP/2\r\n"};
    for (const size_t step : {size_t{1}, size_t{2}, size_t{17}, size_t{38}, size_t{10'000}})
        expect_known_changes_nothing<HttpResponse>(texts, step);
}

TEST(KnownHead, AKnownHeadIsTakenAndAnotherIsNot) {
    KnownHead<HttpRequest> known;
    const std::string first = "HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n";
    HttpRequest request;
    EXPECT_EQ(known.recall(bytes(first), request), 0u);
    uint32_t used = 0;
    EXPECT_EQ(request.feed(bytes(first), used, known), Outcome::complete);
    HttpRequest next;
    EXPECT_EQ(known.recall(bytes(first + "GET"), next), first.size());
    EXPECT_EQ(next.method(), HttpRequest::Method::head);
    EXPECT_FALSE(next.keep_alive());
    HttpRequest other;
    EXPECT_EQ(known.recall(bytes(first).first(first.size() - 1), other), 0u);
    EXPECT_EQ(known.recall(bytes("HEAD /b HTTP/1.1\r\nConnection: close\r\n\r\n"), other), 0u);
    EXPECT_FALSE(other.started());
}

}  // namespace
}  // namespace synfin::app
