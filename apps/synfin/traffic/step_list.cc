#include "step_list.hh"

#include <fmt/format.h>

#include <fstream>

#include "config/user_error.hh"

namespace synfin::app {

namespace {
using Kind = Step::Kind;
constexpr uint64_t kMostFile = 64u << 20;

std::vector<uint32_t> borders_of(const std::vector<uint8_t>& text) {
    std::vector<uint32_t> borders(text.size());
    for (uint32_t i = 1, k = 0; i < text.size(); ++i) {
        while (k != 0 && text[i] != text[k]) k = borders[k - 1];
        k += text[i] == text[k] ? 1 : 0;
        borders[i] = k;
    }
    return borders;
}
}  // namespace

std::vector<uint8_t> content_of(const std::string& file, uint64_t at_most, const std::string& option) {
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    const auto size = static_cast<int64_t>(stream.tellg());
    if (!stream || size < 0)
        throw usage_error(fmt::format("{}: the file can't be read", option), "give a readable file");
    if (static_cast<uint64_t>(size) > at_most)
        throw usage_error(fmt::format("{}: the file is larger than {}", option, exact_bytes_text(at_most)),
                          "give a smaller one");
    std::vector<uint8_t> bytes(static_cast<size_t>(size));
    stream.seekg(0);
    if (!stream.read(reinterpret_cast<char*>(bytes.data()), size))
        throw usage_error(fmt::format("{}: the file can't be read", option), "give a readable file");
    return bytes;
}

StepList::StepList(const std::vector<Step>& steps) {
    uint32_t from = 0;
    for (const Step& step : steps) {
        Entry entry{.kind = step.kind,
                    .size = step.size,
                    .bytes = {step.text.begin(), step.text.end()},
                    .within = step.within,
                    .borders = {},
                    .pause = Sampler(step.pause),
                    .times = step.times,
                    .back = from};
        if (!step.file.empty())
            entry.bytes = content_of(step.file, step.within != 0 ? kMostStepText : kMostFile,
                                     fmt::format("step '{} @{}'", name(step.kind), step.file));
        if (!step.file.empty() && entry.bytes.empty())
            throw usage_error(fmt::format("step '{} @{}': the file is empty", name(step.kind), step.file));
        if (step.kind == Kind::expect_close)
            entry.size = step.within;
        else if (!entry.bytes.empty())
            entry.size = entry.bytes.size();
        if (step.within != 0) entry.borders = borders_of(entry.bytes);
        has_pauses_ |= step.kind == Kind::think;
        entries_.push_back(std::move(entry));
        if (step.kind == Kind::begin || step.kind == Kind::repeat) from = size();
    }
    find_runs();
}

void StepList::find_runs() noexcept {
    const auto is = [&](uint32_t i, Kind kind) { return i < size() && entries_[i].kind == kind; };
    for (uint32_t i = 0; i < size(); ++i) {
        Entry& entry = entries_[i];
        entry.ends_request = entry.kind == Kind::send && !is(i + 1, Kind::send);
        entry.begins_response = entry.kind == Kind::expect && (i == 0 || !is(i - 1, Kind::expect));
        entry.ends_response = entry.kind == Kind::expect && !is(i + 1, Kind::expect);
    }
}

}  // namespace synfin::app
