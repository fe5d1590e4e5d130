#pragma once
/// @file
/// HttpSite: the resources of an HTTP server: routes, the files of a directory, or one body for every path.
/// It is made once, before the engines run; all engines read the same site.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/quantity.hh"
#include "synfin/units.hh"

namespace synfin::app {

/// The hash of a request's path (FNV-1a, 64 bits), computed byte by byte as it arrives; the key of a
/// resource. Two paths of a site never have the same hash: HttpSite refuses the second one. A request whose
/// path collides with a site's path gets that resource, which is public anyway.
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

/// The response for a path.
struct HttpResource {
    unsigned status = 200;
    std::string_view content_type = "text/plain";
    uint64_t size = 0;
    Bytes bytes{};       ///< empty: the server's pattern
    uint16_t delay = 0;  ///< 1 + index in delays(); 0: none
    bool has_body() const noexcept { return status != 204 && status != 304; }
};

class HttpSite {
  public:
    static constexpr size_t kMostFiles = 10'000;
    static constexpr uint64_t kMostFileBytes = 256ull << 20;
    static constexpr size_t kMostDelays = 200;  ///< distinct delays

    /// One body of this size at every path, with status 200.
    explicit HttpSite(uint64_t response_size) { resources_.push_back({.size = response_size}); }

    HttpSite(HttpSite&&) = default;  // no copies: their resources would refer to the original's bytes
    HttpSite& operator=(HttpSite&&) = default;

    /// Throws UserError(usage) for a path that exists already, or more than kMostDelays distinct delays.
    void add(const Route& route);
    /// Loads every file below the directory under its path, and DIRECTORY/index.html also under DIRECTORY/.
    /// From then on unknown paths give 404. Symbolic links to files inside the directory are followed. Other
    /// links and everything that is not a regular file are left out.
    /// @return the paths left out, one line each. Throws UserError(usage) when there are more than kMostFiles
    ///         or kMostFileBytes, or when a file can't be read.
    std::vector<std::string> load(const std::string& directory);

    /// The index of the resource whose path has this hash.
    uint32_t find(uint64_t path_hash) const noexcept {
        if (index_of_.empty()) [[likely]]
            return 0;
        const auto found = index_of_.find(path_hash);
        return found == index_of_.end() ? 0 : found->second;
    }
    /// Makes the server close each connection after this many responses. 0: it leaves that to the client.
    void close_after(uint64_t responses) noexcept { most_responses_ = responses; }
    uint64_t most_responses() const noexcept { return most_responses_; }
    /// [0] is the response for unknown paths.
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
    uint64_t most_responses_ = 0;
};

/// "Not Found" for 404; "Status" for a status without a name (RFC 9112 4 allows any text).
std::string_view reason_phrase(unsigned status) noexcept;
/// The media type of a file name's suffix.
std::string_view content_type_of(std::string_view file_name) noexcept;

}  // namespace synfin::app
