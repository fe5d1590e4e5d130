#include "yaml_config.hh"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <vector>

#include "fields.hh"
#include "user_error.hh"

namespace synfin::app {

namespace {

/// One file being read: knows how to say where.
class YamlReader {
  public:
    YamlReader(Config& config, const std::string& name) : config_(config), name_(name) {}

    void document(const std::vector<YAML::Node>& documents) {
        for (size_t i = 1; i < documents.size(); ++i)
            if (!documents[i].IsNull()) refuse(documents[i], "a second document: expected one in a file");
        if (!documents.empty()) section(documents.front(), "");
    }

    void section(const YAML::Node& map, const std::string& path) {
        if (map.IsNull()) return;
        if (!map.IsMap())
            refuse(map, path.empty()
                            ? "expected keys and values such as 'device: tap:synfin0'"
                            : fmt::format("{}: expected keys and values, found {}", path, shape(map)));
        std::set<std::string> seen;
        for (const auto& entry : map) {
            const YAML::Node &key = entry.first, &value = entry.second;
            if (!key.IsScalar()) refuse(key, fmt::format("expected a key, found {}", shape(key)));
            const std::string word = key.Scalar();
            const std::string full = path.empty() ? word : fmt::format("{}.{}", path, word);
            if (!seen.insert(word).second) refuse(key, fmt::format("key '{}' stands twice", full));
            if (const Field* field = find_field(full))
                store(*field, value);
            else if (is_section(full))
                section(value, full);
            else
                refuse(key, unknown_key(path, word));
        }
    }

    [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& why) const {
        throw usage_error(fmt::format("{}:{}:{}: {}", name_, mark.line + 1, mark.column + 1, why));
    }

  private:
    [[noreturn]] void refuse(const YAML::Node& node, const std::string& why) const {
        refuse(node.Mark(), why);
    }

    static std::string shape(const YAML::Node& node) {
        if (node.IsMap()) return "keys and values";
        if (node.IsSequence()) return "a list";
        if (node.IsNull()) return "nothing";
        return fmt::format("'{}'", node.Scalar());
    }

    static bool is_section(const std::string& path) {
        return std::any_of(fields().begin(), fields().end(),
                           [&](const Field& field) { return field.key.starts_with(path + "."); });
    }

    void store(const Field& field, const YAML::Node& value) {
        config_.given.push_back(field.key);
        if (field.kind == Field::Kind::list && value.IsSequence()) {
            bool first = true;
            for (const YAML::Node& item : value) store_one(field, item, std::exchange(first, false));
            return;
        }
        store_one(field, value, true);
    }

    void store_one(const Field& field, const YAML::Node& value, bool first) {
        if (!value.IsScalar() && !value.IsNull())
            refuse(value, fmt::format("{}: expected a single value, found {}", field.key, shape(value)));
        const std::string why = field.set(config_, value.IsNull() ? "" : value.Scalar(), first);
        if (!why.empty()) refuse(value, fmt::format("{}: {}", field.key, why));
    }

    Config& config_;
    const std::string& name_;
};

}  // namespace

void read_yaml(Config& config, const std::string& text, const std::string& name) {
    YamlReader reader(config, name);
    try {
        reader.document(YAML::LoadAll(text));
    } catch (const YAML::Exception& error) {
        reader.refuse(error.mark, error.msg);
    }
    config.file = name;
}

void read_yaml_file(Config& config, const std::string& path) {
    std::ifstream file(path);
    std::string text;
    // Not by operator<<, which takes a file without a character for an error.
    for (char part[4096]; file.good() && (file.read(part, sizeof part), file.gcount() > 0);)
        text.append(part, static_cast<size_t>(file.gcount()));
    if (!file.eof())
        throw usage_error(fmt::format("{}: can't be read: {}", path, std::strerror(errno != 0 ? errno : EIO)),
                          "give a readable YAML file to -f");
    read_yaml(config, text, path);
}

}  // namespace synfin::app
