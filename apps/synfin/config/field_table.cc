#include "field_table.hh"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "results/criteria.hh"

namespace synfin::app {

namespace {

using nlohmann::ordered_json;

template <typename T>
class ScalarAccess final : public FieldAccess {
  public:
    ScalarAccess(const Codec<T>& codec, Place<T> at) : codec_(codec), at_(at) {}
    std::string set(Config& config, std::string_view text, bool) const override {
        auto parsed = codec_.parse(text, codec_.range);
        if (parsed) at_(config) = std::move(*parsed.value);
        return parsed.error;
    }
    ordered_json get(const Config& config) const override {
        return codec_.json(at_(const_cast<Config&>(config)));
    }

  private:
    Codec<T> codec_;
    Place<T> at_;
};

template <typename T>
class OptionalAccess final : public FieldAccess {
  public:
    OptionalAccess(const Codec<T>& codec, Place<std::optional<T>> at) : codec_(codec), at_(at) {}
    std::string set(Config& config, std::string_view text, bool) const override {
        auto parsed = codec_.parse(text, codec_.range);
        if (parsed) at_(config) = std::move(*parsed.value);
        return parsed.error;
    }
    ordered_json get(const Config& config) const override {
        const std::optional<T>& value = at_(const_cast<Config&>(config));
        return value ? codec_.json(*value) : ordered_json();
    }

  private:
    Codec<T> codec_;
    Place<std::optional<T>> at_;
};

template <typename T>
class ListAccess final : public FieldAccess {
  public:
    ListAccess(const Codec<T>& codec, Place<std::vector<T>> at) : codec_(codec), at_(at) {}
    std::string set(Config& config, std::string_view text, bool first) const override {
        auto parsed = codec_.parse(text, codec_.range);
        if (!parsed) return parsed.error;
        if (first) at_(config).clear();
        at_(config).push_back(std::move(*parsed.value));
        return {};
    }
    ordered_json get(const Config& config) const override {
        ordered_json all = ordered_json::array();
        for (const T& value : at_(const_cast<Config&>(config))) all.push_back(codec_.json(value));
        return all;
    }

  private:
    Codec<T> codec_;
    Place<std::vector<T>> at_;
};

template <typename T, typename V>
class TcpAccess final : public FieldAccess {
  public:
    TcpAccess(const Codec<V>& codec, T TcpConfig::*member) : codec_(codec), member_(member) {}
    std::string set(Config& config, std::string_view text, bool) const override {
        const auto parsed = codec_.parse(text, codec_.range);
        if (parsed) config.tcp.*member_ = static_cast<T>(*parsed.value);
        return parsed.error;
    }
    ordered_json get(const Config& config) const override {
        return codec_.json(static_cast<V>(config.tcp.*member_));
    }

  private:
    Codec<V> codec_;
    T TcpConfig::*member_;
};

class CriteriaAccess final : public FieldAccess {
  public:
    explicit CriteriaAccess(Place<std::vector<Criterion>> at) : at_(at) {}
    std::string set(Config& config, std::string_view text, bool first) const override {
        auto parsed = parse_criteria(text);
        if (!parsed) return parsed.error;
        auto& all = at_(config);
        if (first) all.clear();
        for (Criterion& each : *parsed.value) all.push_back(std::move(each));
        return {};
    }
    ordered_json get(const Config& config) const override {
        ordered_json all = ordered_json::array();
        // A place gives access to change; this only reads.
        for (const Criterion& each : at_(const_cast<Config&>(config)))  // NOLINT(*-const-cast)
            all.push_back(each.text());
        return all;
    }

  private:
    Place<std::vector<Criterion>> at_;
};

class GatewayAccess final : public FieldAccess {
  public:
    std::string set(Config& config, std::string_view text, bool first) const override {
        const auto parsed = Gateway::parse(text);
        if (!parsed) return parsed.error;
        auto& all = config.gateways;
        if (first) all.clear();
        if (const Gateway* other = gateway_of(all, parsed.value->family()))
            return expected_but_found(fmt::format("at most one {} gateway ({} is given)",
                                                  name(parsed.value->family()), other->text()),
                                      text);
        all.push_back(*parsed.value);
        return {};
    }
    ordered_json get(const Config& config) const override {
        const auto& all = config.gateways;
        if (all.empty()) return nullptr;
        if (all.size() == 1) return all.front().text();
        return ordered_json::array({all[0].text(), all[1].text()});
    }
};

}  // namespace

template <typename T>
Access scalar_access(const Codec<T>& codec, Place<T> at) {
    return std::make_shared<const ScalarAccess<T>>(codec, at);
}
template <typename T>
Access optional_access(const Codec<T>& codec, Place<std::optional<T>> at) {
    return std::make_shared<const OptionalAccess<T>>(codec, at);
}
template <typename T>
Access list_access(const Codec<T>& codec, Place<std::vector<T>> at) {
    return std::make_shared<const ListAccess<T>>(codec, at);
}
template <typename T, typename V>
Access tcp_access(const Codec<V>& codec, T TcpConfig::*member) {
    return std::make_shared<const TcpAccess<T, V>>(codec, member);
}
Access criteria_access(Place<std::vector<Criterion>> at) {
    return std::make_shared<const CriteriaAccess>(at);
}
Access gateway_access() {
    return std::make_shared<const GatewayAccess>();
}

#define SCALAR(...) template Access scalar_access(const Codec<__VA_ARGS__>&, Place<__VA_ARGS__>)
#define OPTIONAL(T) template Access optional_access(const Codec<T>&, Place<std::optional<T>>)
#define LIST(T) template Access list_access(const Codec<T>&, Place<std::vector<T>>)
#define TCP(T, V) template Access tcp_access(const Codec<V>&, T TcpConfig::*)
SCALAR(bool);
SCALAR(uint64_t);
SCALAR(std::string);
SCALAR(Duration);
SCALAR(std::vector<unsigned>);
SCALAR(CountRange);
SCALAR(CloseBy);
SCALAR(ServeConfig::App);
SCALAR(LoadConfig::Close);
SCALAR(BenchConfig::Profile);
SCALAR(SearchConfig::Kind);
SCALAR(IpAddress::Family);
SCALAR(Dad);
SCALAR(Impairments);
SCALAR(ArrivalPattern);
OPTIONAL(uint64_t);
OPTIONAL(Duration);
OPTIONAL(PortRange);
OPTIONAL(IpAddress::Family);
OPTIONAL(CloseBy);
OPTIONAL(Distribution);
LIST(uint64_t);
LIST(std::string);
LIST(AddressRange);
LIST(Target);
LIST(Route);
LIST(ServeConfig::Listen);
TCP(uint8_t, uint64_t);
TCP(uint16_t, uint64_t);
TCP(uint32_t, uint64_t);
TCP(Duration, Duration);
TCP(bool, bool);
TCP(CongestionControl, CongestionControl);
TCP(Pacing, Pacing);
#undef SCALAR
#undef OPTIONAL
#undef LIST
#undef TCP

Field& FieldTable::put(Field field) {
    return all_.emplace_back(std::move(field));
}

}  // namespace synfin::app
