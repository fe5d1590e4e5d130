#include "port/eal.hh"

#include <dlfcn.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "port/limits.hh"
#include "port/run_directory.hh"

namespace synfin::port {

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
/// Memory for DPDK's own tables, drivers' rings and descriptors.
constexpr uint64_t kOverheadBytes = 64 * kMiB;
/// Ordinary pages are allocated on first use, so room for a later device costs nothing.
constexpr uint64_t kOrdinaryAtLeast = 1024 * kMiB;

/// The destination of DPDK's log: shown on request, otherwise discarded. Any thread may log.
class LogSink {
  public:
    /// Lives as long as the process, because DPDK may log until the process ends.
    static LogSink& instance() {
        static auto* sink = new LogSink;
        return *sink;
    }
    void open(int verbose) {
        show_ = verbose > 0;
        if (stream_ == nullptr) {
            stream_ = fopencookie(this, "w", {nullptr, &LogSink::write, nullptr, nullptr});
            if (stream_ == nullptr) return;
            setvbuf(stream_, nullptr, _IOLBF, 512);
            rte_openlog_stream(stream_);
        }
    }
    bool is_shown() const noexcept { return show_; }
    std::FILE* stream() const noexcept { return stream_; }
    void line(std::string text) { (void)write(this, (text += '\n').data(), text.size()); }

  private:
    static ssize_t write(void* cookie, const char* text, size_t size) {
        auto& sink = *static_cast<LogSink*>(cookie);
        std::lock_guard lock(sink.mutex_);
        if (sink.show_) std::fwrite(text, 1, size, sink.shown_);
        return static_cast<ssize_t>(size);
    }

    std::mutex mutex_;
    std::FILE* shown_ = stderr;  ///< the original stderr, see CapturedStderr
    std::FILE* stream_ = nullptr;
    bool show_ = false;
};

/// DPDK pins the calling thread, and its helper threads inherit the signal mask. This class restores the
/// affinity, and blocks signals meanwhile so that no helper thread receives the program's signals.
class ThreadState {
  public:
    ThreadState() {
        pthread_getaffinity_np(pthread_self(), sizeof affinity_, &affinity_);
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &mask_);
    }
    ~ThreadState() {
        pthread_setaffinity_np(pthread_self(), sizeof affinity_, &affinity_);
        pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    }
    ThreadState(const ThreadState&) = delete;
    ThreadState& operator=(const ThreadState&) = delete;

    unsigned first_cpu() const {
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &affinity_)) return cpu;
        return 0;
    }

  private:
    cpu_set_t affinity_{};
    sigset_t mask_{};
};

/// Redirects to the sink what DPDK writes directly to stderr ("EAL: FATAL"), which works because glibc's
/// stderr is a variable.
class CapturedStderr {
  public:
    CapturedStderr() noexcept : before_(stderr) {
        if (std::FILE* sink = LogSink::instance().stream(); sink != nullptr) stderr = sink;
    }
    ~CapturedStderr() { stderr = before_; }
    CapturedStderr(const CapturedStderr&) = delete;
    CapturedStderr& operator=(const CapturedStderr&) = delete;

  private:
    std::FILE* before_;
};

/// DPDK makes a run-time directory even when it shares nothing, in one place for all users of the host. This
/// class gives it a private one and removes that when DPDK has started, so a process that is killed later
/// leaves nothing behind. The next process removes the directory of one that was killed during its start.
class PrivateDirectory {
  public:
    PrivateDirectory() : before_(std::getenv(kVariable) != nullptr ? std::getenv(kVariable) : "") {
        const std::string shared = usable_directory(run_directories());
        if (!shared.empty()) {
            remove_those_of_the_dead(shared);
            path_ = shared + "/" + kPrefix + std::to_string(getpid());
            if (mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) path_.clear();
        }
        if (path_.empty()) {
            const char* base = std::getenv("TMPDIR");
            path_ = std::string(base != nullptr ? base : "/tmp") + "/synfin-" + kPrefix +
                    std::to_string(getpid());
            if (mkdir(path_.c_str(), 0700) != 0) path_.clear();  // DPDK then uses its default
        }
        if (!path_.empty()) setenv(kVariable, path_.c_str(), 1);
    }
    ~PrivateDirectory() {
        if (path_.empty()) return;
        if (before_.empty())
            unsetenv(kVariable);
        else
            setenv(kVariable, before_.c_str(), 1);
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;

  private:
    static void remove_those_of_the_dead(const std::string& shared) {
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(shared, ignored)) {
            const std::string name = entry.path().filename().string();
            if (!name.starts_with(kPrefix)) continue;
            const auto pid =
                static_cast<pid_t>(std::strtol(name.c_str() + std::strlen(kPrefix), nullptr, 10));
            if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH)
                std::filesystem::remove_all(entry.path(), ignored);
        }
    }

    static constexpr const char* kVariable = "RUNTIME_DIRECTORY";
    static constexpr const char* kPrefix = "dpdk-";
    std::string before_;
    std::string path_;
};

struct PageSize {
    uint64_t bytes = 0;
    uint64_t free = 0;
};

std::vector<PageSize> huge_page_sizes() {
    std::vector<PageSize> sizes;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", ignored)) {
        const std::string directory = entry.path().filename().string();  // hugepages-2048kB
        const size_t dash = directory.find('-');
        PageSize size;
        if (dash != directory.npos)
            size.bytes = std::strtoull(directory.c_str() + dash + 1, nullptr, 10) * 1024;
        std::ifstream(entry.path() / "free_hugepages") >> size.free;
        if (size.bytes != 0) sizes.push_back(size);
    }
    std::sort(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
    return sizes;
}

std::string size_text(uint64_t bytes) {
    return bytes >= 1024 * kMiB ? std::to_string(bytes / (1024 * kMiB)) + " GiB"
                                : std::to_string((bytes + kMiB - 1) / kMiB) + " MiB";
}

/// Whether this process really gets the pages: only trying shows cgroup limits and other users.
bool can_map(uint64_t bytes, uint64_t page) {
    bytes = (bytes + page - 1) / page * page;
    const int shift = std::countr_zero(page);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (shift << MAP_HUGE_SHIFT), -1, 0);
    if (memory == MAP_FAILED) return false;
    munmap(memory, bytes);
    return true;
}

EalState choose_memory(const EalNeeds& needs) {
    if (needs.no_huge) return {false, "4 KiB pages, as requested (no_huge)"};
    const uint64_t bytes = needs.memory_bytes + kOverheadBytes;
    uint64_t free_bytes = 0;
    for (const PageSize& size : huge_page_sizes()) {
        free_bytes += size.bytes * size.free;
        if (size.bytes * size.free >= bytes && can_map(bytes, size.bytes))
            return {true, size_text(size.bytes) + " hugepages"};
    }
    if (free_bytes == 0) return {false, "4 KiB pages: no hugepage is free"};
    return {false, "4 KiB pages: " + size_text(free_bytes) + " of hugepages are free, " + size_text(bytes) +
                       " are needed"};
}

struct Eal {
    EalState state;
    uint64_t memory_bytes = 0;
    bool pci = false;

    Eal() = default;
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;
    ~Eal() { rte_eal_cleanup(); }
};

std::vector<std::string> arguments(const EalNeeds& needs, const Eal& eal, unsigned cpu) {
    const std::string id = "synfin-" + std::to_string(getpid());
    std::vector<std::string> list = {"synfin",        "-l", std::to_string(cpu), "--no-telemetry",
                                     "--file-prefix", id};
    if (eal.state.hugepages) {
        // One file for all segments, because virtio-user can pass at most eight to the other side.
        list.insert(list.end(), {"--in-memory", "--single-file-segments"});
    } else {
        list.insert(list.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(eal.memory_bytes / kMiB)});
    }
    if (needs.pci.empty()) {
        list.insert(list.end(),
                    {"--no-pci", "--iova-mode=va"});  // a NIC's driver may need physical addresses
    } else {
        list.insert(list.end(), {"-a", needs.pci});
    }
    list.push_back(needs.verbose >= 2 ? "--log-level=debug" : "--log-level=info");
    return list;
}

std::string mend(int error) {
    if (error == EACCES || error == EPERM)
        return "; run as root, or set no_huge and use a device that needs no privilege";
    if (error == ENOMEM) return "; " + memory_remedy();
    return {};
}

/// The signature of libbpf_print_fn_t and libxdp_print_fn_t.
int print_to_sink(int /*level*/, const char* format, va_list values) {
    char text[256];
    const int size = vsnprintf(text, sizeof text, format, values);
    std::string_view line(text, static_cast<size_t>(std::clamp<int>(size, 0, sizeof text - 1)));
    if (line.ends_with('\n')) line.remove_suffix(1);
    LogSink::instance().line(std::string(line));
    return size;
}

/// The AF_XDP driver loads two libraries that write to stderr directly. They are present only when the driver
/// is loaded, so we look them up at run time instead of linking them.
void quiet_xdp_libraries() {
    using Print = int (*)(int, const char*, va_list);
    using SetPrint = Print (*)(Print);
    constexpr struct {
        const char* library;
        const char* function;
    } kLibraries[] = {{"libbpf.so.1", "libbpf_set_print"}, {"libxdp.so.1", "libxdp_set_print"}};
    for (const auto& one : kLibraries) {
        void* library = dlopen(one.library, RTLD_LAZY | RTLD_NOLOAD);
        if (library == nullptr) continue;
        if (void* function = dlsym(library, one.function); function != nullptr)
            (void)reinterpret_cast<SetPrint>(function)(print_to_sink);
        dlclose(library);
    }
}

bool start(Eal& eal, const EalNeeds& needs, Refusal& refusal) {
    eal.state = choose_memory(needs);
    eal.pci = !needs.pci.empty();
    eal.memory_bytes = (needs.memory_bytes + kOverheadBytes + kMiB - 1) / kMiB * kMiB;
    if (!eal.state.hugepages) eal.memory_bytes = std::max(eal.memory_bytes, kOrdinaryAtLeast);

    LogSink::instance().open(needs.verbose);
    const ThreadState keep;
    const PrivateDirectory directory;
    std::vector<std::string> list = arguments(needs, eal, keep.first_cpu());
    std::vector<char*> argv;
    for (std::string& argument : list) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int started = 0;
    {
        const CapturedStderr quiet;
        started = rte_eal_init(static_cast<int>(list.size()), argv.data());
    }
    if (started < 0) {
        const int error = rte_errno;
        return refusal.because(
            error == EACCES || error == EPERM ? Error::no_permission
            : error == ENOMEM                 ? Error::no_memory
                                              : Error::device_failed,
            "DPDK did not start (" + std::string(rte_strerror(error)) + ")" + mend(error) + eal_hint());
    }
    quiet_xdp_libraries();
    return true;
}

}  // namespace

std::string eal_hint() {
    return LogSink::instance().is_shown() ? "" : "; -v shows DPDK's log";
}

const EalState* start_eal(const EalNeeds& needs, Refusal& refusal) {
    static std::optional<Refusal> failed;  // DPDK can be started once; later calls repeat the first refusal
    static Eal* running = nullptr;
    if (failed) {
        refusal = *failed;
        return nullptr;
    }
    if (running == nullptr) {
        auto starting = std::make_unique<Eal>();
        if (!start(*starting, needs, refusal)) {
            failed = refusal;
            starting.release();  // NOLINT: nothing can be cleaned up
            return nullptr;
        }
        static const std::unique_ptr<Eal> at_exit = std::move(starting);
        running = at_exit.get();
    } else {
        LogSink::instance().open(needs.verbose);
    }
    if (!needs.pci.empty() && !running->pci) {
        refusal.because(Error::not_supported,
                        "DPDK was started in this process without the PCI bus; open the pci: device first");
        return nullptr;
    }
    return &running->state;
}

}  // namespace synfin::port
