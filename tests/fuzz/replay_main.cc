// Runs a fuzz target without libFuzzer, so that every build and compiler has the fuzz tests:
// every file of the given folders first, then inputs made from them and from nothing by a seeded generator.
//
//   TARGET_replay [--seed N] [--count N] FOLDER|FILE...
//   TARGET_replay --history FILE         the inputs of an InputHistory, and no others
//
// When an input breaks the target, it is printed in hexadecimal before the process ends.

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hh"
#include "fuzz_target.hh"

// There when a sanitizer is linked in: its report ends the process without a signal.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Input = std::vector<uint8_t>;

/// The input at work, for the report: a signal handler can reach nothing else.
const uint8_t* current_data = nullptr;
size_t current_size = 0;

void print_current() {
    constexpr char kDigits[] = "0123456789abcdef";
    char line[2 * 4096 + 1];
    const size_t shown = std::min<size_t>(current_size, 4096);
    for (size_t i = 0; i < shown; ++i) {
        line[2 * i] = kDigits[current_data[i] >> 4];
        line[2 * i + 1] = kDigits[current_data[i] & 0xf];
    }
    line[2 * shown] = '\n';
    constexpr std::string_view kTitle = "fuzz input: ";
    (void)!write(STDERR_FILENO, kTitle.data(), kTitle.size());
    (void)!write(STDERR_FILENO, line, 2 * shown + 1);
}

void on_signal(int number) {
    print_current();
    std::signal(number, SIG_DFL);
    std::raise(number);
}

void run(const Input& input) {
    // A block of the exact size, so that a sanitizer sees the first byte of an over-read.
    const auto exact = std::make_unique<uint8_t[]>(input.size());
    std::copy(input.begin(), input.end(), exact.get());
    current_data = exact.get();
    current_size = input.size();
    LLVMFuzzerTestOneInput(exact.get(), input.size());
    current_size = 0;
}

Input read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return Input(std::istreambuf_iterator<char>(file), {});
}

/// The inputs of an InputHistory file, in their order.
std::vector<Input> read_history(const std::string& path) {
    const Input file = read_file(path);
    std::vector<Input> inputs;
    for (size_t at = 0; at + 4 <= file.size();) {
        uint32_t length = 0;
        std::memcpy(&length, file.data() + at, 4);
        at += 4;
        if (length > file.size() - at) break;
        const auto first = file.begin() + static_cast<ptrdiff_t>(at);
        inputs.emplace_back(first, first + length);
        at += length;
    }
    return inputs;
}

/// In the order of the names, so that a seed means the same everywhere.
std::vector<Input> read_corpus(const std::vector<std::string>& paths) {
    std::vector<std::filesystem::path> files;
    for (const std::string& path : paths) {
        if (!std::filesystem::is_directory(path)) {
            files.emplace_back(path);
            continue;
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
            if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::vector<Input> corpus;
    for (const auto& file : files) corpus.push_back(read_file(file));
    return corpus;
}

/// Values at which parsers turn: lengths and counts around their limits.
uint8_t edge(synfin::Random& random) {
    constexpr uint8_t kEdges[] = {0,    1,    2,    3,    4,    5,    8,    10,  20,
                                  0x40, 0x45, 0x4f, 0x50, 0x7f, 0x80, 0xf0, 0xff};
    return kEdges[random.below(std::size(kEdges))];
}

void mutate(Input& input, synfin::Random& random) {
    const auto size = static_cast<uint32_t>(input.size());
    const size_t at = size == 0 ? 0 : random.below(size);
    const auto byte = random.below(2) ? edge(random) : static_cast<uint8_t>(random.next());
    switch (random.below(6)) {
        case 0:
            if (size != 0) input[at] ^= static_cast<uint8_t>(1u << random.below(8));
            break;
        case 1:
            if (size != 0) input[at] = byte;
            break;
        case 2: input.insert(input.begin() + static_cast<ptrdiff_t>(at), byte); break;
        case 3:
            if (size != 0) input.erase(input.begin() + static_cast<ptrdiff_t>(at));
            break;
        case 4: input.resize(at); break;
        default: input.resize(size + random.below(64), byte); break;
    }
}

Input make_input(const std::vector<Input>& corpus, synfin::Random& random) {
    Input input;
    if (corpus.empty() || random.below(8) == 0) {
        input.resize(random.below(200));
        for (auto& byte : input) byte = random.below(2) ? edge(random) : static_cast<uint8_t>(random.next());
        return input;
    }
    input = corpus[random.below(static_cast<uint32_t>(corpus.size()))];
    for (uint32_t n = 1 + random.below(4); n > 0; --n) mutate(input, random);
    return input;
}

}  // namespace

int main(int argc, char** argv) {
    uint64_t seed = 1;
    uint64_t count = 100'000;
    std::vector<std::string> paths;
    std::string history;
    for (int i = 1; i < argc; ++i) {
        const std::string_view arg = argv[i];
        const bool has_value = i + 1 < argc;
        if (arg == "--seed" && has_value)
            seed = std::strtoull(argv[++i], nullptr, 0);
        else if (arg == "--count" && has_value)
            count = std::strtoull(argv[++i], nullptr, 0);
        else if (arg == "--history" && has_value)
            history = argv[++i];
        else
            paths.emplace_back(arg);
    }
    const std::vector<Input> corpus = read_corpus(paths);
    if (!paths.empty() && corpus.empty()) {
        std::fprintf(stderr, "no input in the given folders\n");
        return 1;
    }
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(number, on_signal);
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(print_current);
    for (const Input& input : corpus) run(input);
    if (!history.empty()) {
        const auto inputs = read_history(history);
        for (const Input& input : inputs) run(input);
        std::printf("%zu inputs of %s\n", inputs.size(), history.c_str());
        return 0;
    }
    synfin::Random random(seed);
    for (uint64_t i = 0; i < count; ++i) run(make_input(corpus, random));
    std::printf("%zu files, %llu made with seed %llu\n", corpus.size(),
                static_cast<unsigned long long>(count), static_cast<unsigned long long>(seed));
    return 0;
}
