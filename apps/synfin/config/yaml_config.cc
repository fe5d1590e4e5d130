#include "yaml_config.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <vector>

#include "class_texts.hh"
#include "fields.hh"
#include "user_error.hh"

namespace synfin::app {

namespace {

/// The largest file accepted; a configuration with 8,000 addresses has 200 KB.
constexpr size_t kMostText = size_t{16} << 20;
constexpr std::string_view kClasses = "load.classes";

/// Reads one file, and adds the position to every error.
class YamlReader {
  public:
    YamlReader(Config& config, const std::string& name) : config_(config), name_(name) {}

    void document(const std::vector<YAML::Node>& documents) {
        for (size_t i = 1; i < documents.size(); ++i)
            if (!documents[i].IsNull())
                refuse(documents[i], "found a second document; expected one per file");
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
            if (!seen.insert(word).second) refuse(key, fmt::format("key '{}' occurs twice", full));
            if (full == kClasses)
                classes(value);
            else if (const Field* field = find_field(full))
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
        config_.given.emplace_back(field.key);
        bool first = true;
        for (const auto& [text, node] : texts_of(field, field.key, value)) {
            const std::string why = field.set(config_, text, std::exchange(first, false));
            if (!why.empty()) refuse(node, fmt::format("{}: {}", field.key, why));
        }
    }

    /// The texts of a field's values, each with its node for messages.
    std::vector<std::pair<std::string, YAML::Node>> texts_of(const Field& field, std::string_view key,
                                                             const YAML::Node& value) {
        std::vector<std::pair<std::string, YAML::Node>> texts;
        if (field.kind == Field::Kind::list && value.IsSequence()) {
            for (const YAML::Node& item : value) texts.emplace_back(scalar_of(key, item), item);
        } else if (field.kind == Field::Kind::list && value.IsMap()) {  // headers: {Accept: text/html}
            for (const auto& entry : value) {
                if (!entry.first.IsScalar() || !entry.second.IsScalar())
                    refuse(entry.second, fmt::format("{}: expected names and values", key));
                texts.emplace_back(entry.first.Scalar() + ": " + entry.second.Scalar(), entry.first);
            }
        } else {
            texts.emplace_back(scalar_of(key, value), value);
        }
        return texts;
    }

    std::string scalar_of(std::string_view key, const YAML::Node& value) {
        if (!value.IsScalar() && !value.IsNull())
            refuse(value, fmt::format("{}: expected a single value, found {}", key, shape(value)));
        return value.IsNull() ? "" : value.Scalar();
    }

    void classes(const YAML::Node& list) {
        if (!list.IsSequence())
            refuse(list, fmt::format("{}: expected a list of classes, found {}", kClasses, shape(list)));
        config_.given.emplace_back(kClasses);
        config_.load.class_texts.clear();
        for (const YAML::Node& item : list) config_.load.class_texts.push_back(class_of(item));
    }

    LoadConfig::ClassText class_of(const YAML::Node& map) {
        if (!map.IsMap())
            refuse(map, fmt::format("{}: expected keys and values such as 'name: web', found {}", kClasses,
                                    shape(map)));
        LoadConfig::ClassText text;
        std::set<std::string> seen;
        for (const auto& entry : map) {
            if (!entry.first.IsScalar())
                refuse(entry.first, fmt::format("expected a key, found {}", shape(entry.first)));
            const std::string key = entry.first.Scalar();
            if (!seen.insert(key).second) refuse(entry.first, fmt::format("key '{}' occurs twice", key));
            const Field* const field = find_class_field(key);
            if (field == nullptr && key != "name" && key != "share")
                refuse(entry.first, unknown_class_key(key));
            std::vector<std::string> values;
            const auto add = [&](const std::string& value, const YAML::Node& node) {
                // Each is checked alone, so that the message has its position.
                LoadConfig::ClassText scratch;
                const std::string why = set_class_value(scratch, key, {value});
                if (!why.empty()) refuse(node, fmt::format("{}: {}", kClasses, why));
                values.push_back(value);
            };
            if (field == nullptr)
                add(scalar_of(key, entry.second), entry.second);
            else
                for (const auto& [value, node] : texts_of(*field, key, entry.second)) add(value, node);
            if (!values.empty()) static_cast<void>(set_class_value(text, key, values));
        }
        return text;
    }

    Config& config_;
    const std::string& name_;
};

/// Reads at most kMostText bytes. Refuses devices such as /dev/zero, which never end, and directories. Waits
/// for a pipe (`-f <(make-config)`).
std::string read_text_file(const std::string& path) {
    const auto refuse = [&](const std::string& why) {
        return usage_error(fmt::format("{}: {}", path, why), "give a readable YAML file to -f");
    };
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) throw refuse(fmt::format("can't be read: {}", std::strerror(errno)));
    std::string text;
    ssize_t got = 0;
    int error = 0;
    struct stat status {};
    fstat(fd, &status);
    const bool is_device = S_ISBLK(status.st_mode) || (S_ISCHR(status.st_mode) && isatty(fd) == 0);
    for (char part[4096]; !is_device && text.size() <= kMostText;) {
        got = read(fd, part, sizeof part);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(part, static_cast<size_t>(got));
    }
    if (got < 0) error = errno;
    close(fd);
    if (error != 0) throw refuse(fmt::format("can't be read: {}", std::strerror(error)));
    if (is_device && path != "/dev/null") throw refuse("is a device, not a file");
    if (text.size() > kMostText) throw refuse(fmt::format("is longer than {} MiB", kMostText >> 20));
    return text;
}

/// What a syntax error most likely comes from, in a file with IPv6 addresses; else empty.
std::string_view likely_cause(std::string_view text) noexcept {
    const bool has_brackets = text.find("//[") != text.npos || text.find("]:") != text.npos;
    return has_brackets ? "; put quotes around a value with brackets, as in \"http://[2001:db8::1]/\"" : "";
}

}  // namespace

void read_yaml(Config& config, const std::string& text, const std::string& name) {
    YamlReader reader(config, name);
    try {
        reader.document(YAML::LoadAll(text));
    } catch (const YAML::Exception& error) {
        reader.refuse(error.mark, fmt::format("{}{}", error.msg, likely_cause(text)));
    }
    fill_classes(config);
    config.file = name;
}

void read_yaml_file(Config& config, const std::string& path) {
    read_yaml(config, read_text_file(path), path);
}

}  // namespace synfin::app
