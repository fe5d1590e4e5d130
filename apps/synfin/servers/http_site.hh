#pragma once
/// @file
/// HttpSite: what an HTTP server has to give: routes, the files of a directory, or one body for every path.
/// Made once, before the engines run; they all read the same.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// The hash of a request's path by which a site finds it, byte by byte as it comes in (FNV-1a, 64 bits). Two
/// paths of one site never have the same hash: that is an error when it is made. A request whose path has the
/// hash of another gets what everybody may have anyway.
class PathHash {
  public:
    constexpr void add(uint8_t byte) noexcept { value_ = (value_ ^ byte) * 0x100000001b3ull; }
    constexpr uint64_t value() const noexcept { return value_; }
    static constexpr uint64_t of(std::string_view path) noexcept {
        PathHash hash;
        for (const char c : path) hash.add(static_cast<uint8_t>(c));
        return hash.value();
    }

  private:
    uint64_t value_ = 0xcbf29ce484222325ull;
};

/// `PATH=STATUS[,SIZE][,DELAY]`.
struct Route {
    std::string path;     ///< begins with '/', without a query
    unsigned status = 0;  ///< 200 to 599
    uint64_t size = 0;    ///< bytes of the body
    Duration delay{};     ///< between the request and its answer

    static Parsed<Route> parse(std::string_view text);
    std::string text() const;
};

/// What a path gives.
struct HttpResource {
    unsigned status = 200;
    std::string_view content_type = "text/plain";
    uint64_t size = 0;
    Bytes bytes{};       ///< empty: the pattern of the servers' own bodies
    uint16_t delay = 0;  ///< 1 + index in delays(); 0: none
    bool has_body() const noexcept { return status != 204 && status != 304; }
};

class HttpSite {
  public:
    static constexpr size_t kMostFiles = 10'000;
    static constexpr uint64_t kMostFileBytes = 256ull << 20;
    static constexpr size_t kMostDelays = 200;  ///< different ones

    /// One body of this size at every path, with status 200.
    explicit HttpSite(uint64_t response_size) { resources_.push_back({.size = response_size}); }

    HttpSite(HttpSite&&) = default;  // a copy's resources would show the original's bytes
    HttpSite& operator=(HttpSite&&) = default;

    /// Throws UserError(usage): a path twice, more than kMostDelays different delays.
    void add(const Route& route);
    /// Loads every file below the directory: for its path, and DIRECTORY/ for DIRECTORY/index.html. From then
    /// on, a path that the site does not have is answered with 404. Symbolic links are followed to files
    /// inside the directory; others, links to directories, and what is no ordinary file are left out.
    /// @return what was left out, one line each. Throws UserError(usage) when there are more than kMostFiles
    ///         or kMostFileBytes, or one can't be read.
    std::vector<std::string> load(const std::string& directory);

    /// The index of the resource at a path, whose hash this is.
    uint32_t find(uint64_t path_hash) const noexcept {
        if (index_of_.empty()) [[likely]]
            return 0;
        const auto found = index_of_.find(path_hash);
        return found == index_of_.end() ? 0 : found->second;
    }
    /// [0] is what a path gives that the site does not have.
    const std::vector<HttpResource>& resources() const noexcept { return resources_; }
    const std::vector<Duration>& delays() const noexcept { return delays_; }

  private:
    void add(const std::string& path, const HttpResource& resource);

    std::vector<HttpResource> resources_;
    std::unordered_map<uint64_t, uint32_t> index_of_;
    std::unordered_map<uint64_t, std::string> path_of_;
    std::vector<Duration> delays_;
    std::vector<std::vector<uint8_t>> files_;
    uint64_t file_bytes_ = 0;
};

/// "Not Found" for 404; "Status" for one without a name of its own (RFC 9112 4: it may be anything).
std::string_view reason_phrase(unsigned status) noexcept;
/// The media type that a file name's suffix stands for.
std::string_view content_type_of(std::string_view file_name) noexcept;

}  // namespace synfin::app
