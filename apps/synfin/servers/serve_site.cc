#include "serve_site.hh"

#include <fmt/format.h>

#include <cstdio>

namespace synfin::app {

std::shared_ptr<const HttpSite> site_of(const ServeConfig& config) {
    auto site = std::make_shared<HttpSite>(config.response_size);
    site->close_after(config.keep_alive == 0 && config.close_by == CloseBy::server ? 1 : config.keep_alive);
    for (const Route& route : config.routes) site->add(route);
    if (!config.root.empty())
        for (const std::string& why : site->load(config.root))
            std::fputs(fmt::format("--root: left out: {}\n", why).c_str(), stderr);
    return site;
}

}  // namespace synfin::app
