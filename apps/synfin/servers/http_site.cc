#include "http_site.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "config/user_error.hh"

namespace synfin::app {

namespace fs = std::filesystem;

namespace {

struct Named {
    std::string_view key, value;
};

/// The content of a regular file. Throws UserError(usage).
std::vector<uint8_t> read_file(const fs::path& path, uint64_t at_most) {
    // The path has no symbolic links. O_NOFOLLOW refuses one that appears now.
    const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const auto fail = [&](const char* why) {
        if (fd >= 0) ::close(fd);
        return usage_error(fmt::format("--root: {} can't be read: {}", path.string(), why),
                           "make it readable, or give a directory without it");
    };
    struct stat about {};
    if (fd < 0 || ::fstat(fd, &about) != 0) throw fail(std::strerror(errno));
    if (!S_ISREG(about.st_mode)) throw fail("not a regular file");
    if (static_cast<uint64_t>(about.st_size) > at_most) {
        ::close(fd);
        throw usage_error(fmt::format("--root: the files are larger than {} together",
                                      bytes_text(static_cast<double>(HttpSite::kMostFileBytes))),
                          "synfin keeps the files in memory: give a smaller directory");
    }
    std::vector<uint8_t> bytes(static_cast<size_t>(about.st_size));
    size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = ::read(fd, bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw fail(n < 0 ? std::strerror(errno) : "the file became shorter during the read");
        done += static_cast<size_t>(n);
    }
    ::close(fd);
    return bytes;
}

bool is_within(const fs::path& path, const fs::path& directory) {
    const auto [end, rest] = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
    return end == directory.end();
}

}  // namespace

std::string_view reason_phrase(unsigned status) noexcept {
    struct Phrase {
        unsigned status;
        std::string_view text;
    };
    static constexpr Phrase kPhrases[] = {{200, "OK"},
                                          {201, "Created"},
                                          {202, "Accepted"},
                                          {204, "No Content"},
                                          {206, "Partial Content"},
                                          {301, "Moved Permanently"},
                                          {302, "Found"},
                                          {303, "See Other"},
                                          {304, "Not Modified"},
                                          {307, "Temporary Redirect"},
                                          {308, "Permanent Redirect"},
                                          {400, "Bad Request"},
                                          {401, "Unauthorized"},
                                          {403, "Forbidden"},
                                          {404, "Not Found"},
                                          {405, "Method Not Allowed"},
                                          {408, "Request Timeout"},
                                          {409, "Conflict"},
                                          {410, "Gone"},
                                          {413, "Content Too Large"},
                                          {418, "I'm a teapot"},
                                          {429, "Too Many Requests"},
                                          {431, "Request Header Fields Too Large"},
                                          {500, "Internal Server Error"},
                                          {501, "Not Implemented"},
                                          {502, "Bad Gateway"},
                                          {503, "Service Unavailable"},
                                          {504, "Gateway Timeout"},
                                          {505, "HTTP Version Not Supported"}};
    for (const Phrase& phrase : kPhrases)
        if (phrase.status == status) return phrase.text;
    return "Status";
}

std::string_view content_type_of(std::string_view file_name) noexcept {
    static constexpr Named kTypes[] = {{"html", "text/html; charset=utf-8"},
                                       {"htm", "text/html; charset=utf-8"},
                                       {"css", "text/css; charset=utf-8"},
                                       {"js", "text/javascript; charset=utf-8"},
                                       {"mjs", "text/javascript; charset=utf-8"},
                                       {"json", "application/json"},
                                       {"xml", "application/xml"},
                                       {"txt", "text/plain; charset=utf-8"},
                                       {"md", "text/markdown; charset=utf-8"},
                                       {"csv", "text/csv; charset=utf-8"},
                                       {"svg", "image/svg+xml"},
                                       {"png", "image/png"},
                                       {"jpg", "image/jpeg"},
                                       {"jpeg", "image/jpeg"},
                                       {"gif", "image/gif"},
                                       {"webp", "image/webp"},
                                       {"ico", "image/x-icon"},
                                       {"woff", "font/woff"},
                                       {"woff2", "font/woff2"},
                                       {"pdf", "application/pdf"},
                                       {"wasm", "application/wasm"},
                                       {"mp4", "video/mp4"},
                                       {"zip", "application/zip"},
                                       {"gz", "application/gzip"}};
    const size_t dot = file_name.rfind('.');
    if (dot != file_name.npos) {
        std::string suffix(file_name.substr(dot + 1));
        for (char& c : suffix) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        for (const Named& type : kTypes)
            if (type.key == suffix) return type.value;
    }
    return "application/octet-stream";
}

Parsed<Route> Route::parse(std::string_view text) {
    const auto refuse = [&] {
        return Parsed<Route>::refuse(expected_but_found(
            "PATH=STATUS[,SIZE][,DELAY] such as /slow=200,1KiB,250ms with a status from 200 to 599", text));
    };
    Route route;
    const size_t equals = text.rfind('=');
    if (equals == text.npos) return refuse();
    route.path = text.substr(0, equals);
    if (route.path.empty() || route.path.front() != '/' ||
        route.path.find_first_of("?# ") != std::string::npos)
        return refuse();
    std::vector<std::string_view> parts;
    for (std::string_view rest = text.substr(equals + 1);;) {
        const size_t comma = rest.find(',');
        parts.push_back(rest.substr(0, comma));
        if (comma == rest.npos) break;
        rest.remove_prefix(comma + 1);
    }
    const auto status = parse_count(parts[0]);
    if (!status || parts[0].size() != 3 || *status.value < 200 || *status.value > 599 || parts.size() > 3)
        return refuse();
    route.status = static_cast<unsigned>(*status.value);
    // A size, a delay, or both. Units tell them apart: no size has a unit of time.
    bool has_size = false, has_delay = false;
    for (size_t i = 1; i < parts.size(); ++i) {
        if (const auto size = parse_bytes(parts[i]); size && !has_size && !has_delay) {
            route.size = *size.value;
            has_size = true;
        } else if (const auto delay = parse_duration(parts[i]); delay && !has_delay) {
            route.delay = *delay.value;
            has_delay = true;
        } else {
            return refuse();
        }
    }
    if (route.size > 1ull << 40) return refuse();
    return route;
}

std::string Route::text() const {
    return fmt::format("{}={},{}B{}", path, status, size,
                       delay == Duration::zero() ? "" : "," + duration_text(delay));
}

void HttpSite::add(const std::string& path, const HttpResource& resource) {
    const uint64_t hash = PathHash::of(path);
    if (const auto [at, is_new] = path_of_.try_emplace(hash, path); !is_new) {
        if (at->second == path) throw usage_error(fmt::format("the path {} is given twice", path));
        throw usage_error(fmt::format("the paths {} and {} have the same hash", path, at->second),
                          "rename one of them");
    }
    index_of_.emplace(hash, static_cast<uint32_t>(resources_.size()));
    resources_.push_back(resource);
}

void HttpSite::add(const Route& route) {
    HttpResource resource;
    resource.status = route.status;
    resource.size = route.size;
    if (!resource.has_body()) resource.size = 0;
    if (route.delay > Duration::zero()) {
        const auto known = std::find(delays_.begin(), delays_.end(), route.delay);
        resource.delay = static_cast<uint16_t>(known - delays_.begin() + 1);
        if (known == delays_.end()) delays_.push_back(route.delay);
        if (delays_.size() > kMostDelays)
            throw usage_error(fmt::format("the routes have more than {} different delays", kMostDelays),
                              "use fewer different delays");
    }
    add(route.path, resource);
}

std::vector<std::string> HttpSite::load(const std::string& directory) {
    std::error_code error;
    const fs::path root = fs::canonical(directory, error);
    if (error || !fs::is_directory(root, error))
        throw usage_error(
            fmt::format("--root {}: {}", directory, error ? error.message() : "not a directory"),
            "give an existing directory");
    std::vector<std::string> left_out;
    std::vector<fs::path> found;
    for (auto at = fs::recursive_directory_iterator(root, error); !error && at != fs::end(at);
         at.increment(error)) {
        const fs::path path = at->path();
        const fs::file_status link = at->symlink_status(error);
        if (fs::is_directory(link)) continue;
        const fs::path real = fs::is_symlink(link) ? fs::canonical(path, error) : path;
        if (error || !is_within(real, root))
            left_out.push_back(fmt::format("{} leads out of {}", path.string(), root.string()));
        else if (!fs::is_regular_file(real, error))
            left_out.push_back(fmt::format("{} is no ordinary file", path.string()));
        else
            found.push_back(path);
        error.clear();
        if (found.size() > kMostFiles)
            throw usage_error(fmt::format("--root {}: more than {} files", directory, kMostFiles),
                              "synfin keeps the files in memory: give a smaller directory");
    }
    if (error)
        throw usage_error(fmt::format("--root {}: {}", directory, error.message()),
                          "make every directory in it readable");
    std::sort(found.begin(), found.end());
    files_.reserve(found.size());
    for (const fs::path& path : found) {
        std::vector<uint8_t>& file =
            files_.emplace_back(read_file(fs::canonical(path, error), kMostFileBytes - file_bytes_));
        file_bytes_ += file.size();
        HttpResource resource;
        resource.content_type = content_type_of(path.filename().string());
        resource.size = file.size();
        resource.bytes = file;
        const std::string name = "/" + path.lexically_relative(root).generic_string();
        const auto add_if_free = [&](const std::string& at) {  // a route with that path takes precedence
            const auto known = path_of_.find(PathHash::of(at));
            if (known == path_of_.end() || known->second != at) add(at, resource);
        };
        add_if_free(name);
        if (path.filename() == "index.html") add_if_free(name.substr(0, name.size() - 10));
    }
    resources_[0] = {.status = 404};
    return left_out;
}

}  // namespace synfin::app
