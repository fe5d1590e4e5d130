/// @file
/// The keys that last for the host's boot: who gets which, and which files are not believed.

#include "api/host_keys.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "port/run_directory.hh"

namespace synfin {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBoot = "8f3c2c1e-0000-4000-8000-000000000001";

bool same(const HostKeys& a, const HostKeys& b) {
    return a.isn.k0 == b.isn.k0 && a.isn.k1 == b.isn.k1 && a.timestamps.k0 == b.timestamps.k0 &&
           a.timestamps.k1 == b.timestamps.k1;
}

bool write_keys(int pipe, const HostKeys& keys) {
    const uint64_t words[] = {keys.isn.k0, keys.isn.k1, keys.timestamps.k0, keys.timestamps.k1};
    return write(pipe, words, sizeof words) == sizeof words;
}

struct Directory : testing::Test {
    Directory() {
        char name[] = "/tmp/synfin-keys-XXXXXX";
        root = mkdtemp(name);
        directories = {root + "/first", root + "/second"};
    }
    ~Directory() override { fs::remove_all(root); }
    HostKeys get(std::string_view boot = kBoot) const { return host_keys(directories, boot); }
    std::string file(unsigned i = 0) const { return directories[i] + "/" + kHostKeysFile; }
    static std::string read(const std::string& path) {
        std::ifstream in(path);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static void write(const std::string& path, const std::string& text) {
        std::ofstream(path, std::ios::trunc) << text;
    }
    static mode_t mode(const std::string& path) {
        struct stat is {};
        return lstat(path.c_str(), &is) == 0 ? is.st_mode : 0;
    }
    std::string root;
    std::vector<std::string> directories;
};

TEST_F(Directory, TheNextProcessHasTheSameKeys) {
    const HostKeys first = get();
    EXPECT_TRUE(first.warning.empty()) << first.warning;
    EXPECT_EQ(mode(file()), S_IFREG | 0600u);
    EXPECT_TRUE(same(get(), first));
    EXPECT_FALSE(fs::exists(directories[1])) << "only the first that works is used";
    EXPECT_NE(first.isn.k0, first.timestamps.k0);
}

TEST_F(Directory, AnotherBootHasOtherKeys) {
    const HostKeys first = get();
    const HostKeys second = get("8f3c2c1e-0000-4000-8000-000000000002");
    EXPECT_FALSE(same(first, second));
    EXPECT_TRUE(second.warning.empty());
    EXPECT_FALSE(same(get(), first)) << "what the earlier boot had is gone";
}

TEST_F(Directory, AMissingOrDamagedFileIsMadeAnew) {
    const HostKeys first = get();
    const std::string text = read(file());
    ASSERT_FALSE(text.empty());
    fs::remove(file());
    EXPECT_FALSE(same(get(), first));
    for (const std::string& damaged :
         {std::string(), text.substr(0, text.size() - 1), text.substr(0, 40), text + "x", "x" + text,
          std::string(100'000, 'a'), std::string(text.size(), '\0'),
          text.substr(0, text.size() - 2) + "g\n"}) {
        write(file(), damaged);
        const HostKeys made = get();
        EXPECT_TRUE(made.warning.empty());
        EXPECT_FALSE(same(made, first));
        EXPECT_TRUE(same(get(), made)) << damaged.size() << " bytes";
        EXPECT_EQ(read(file()).size(), text.size());
    }
}

TEST_F(Directory, AFileThatOthersMayReadIsReplaced) {
    const HostKeys first = get();
    for (const mode_t open_to_others : {0640u, 0604u, 0620u, 0666u}) {
        ASSERT_EQ(chmod(file().c_str(), open_to_others), 0);
        const int reader = open(file().c_str(), O_RDONLY);  // one that was opened meanwhile sees no new keys
        const HostKeys second = get();
        EXPECT_TRUE(second.warning.empty());
        EXPECT_FALSE(same(second, first));
        EXPECT_EQ(mode(file()), S_IFREG | 0600u);
        struct stat old {};
        ASSERT_EQ(fstat(reader, &old), 0);
        EXPECT_EQ(old.st_nlink, 0u);
        close(reader);
    }
}

TEST_F(Directory, ALinkIsNotFollowed) {
    const HostKeys planted = get();
    const std::string elsewhere = root + "/elsewhere";
    fs::rename(file(), elsewhere);
    fs::create_symlink(elsewhere, file());
    const HostKeys made = get();
    EXPECT_FALSE(same(made, planted));
    EXPECT_TRUE(S_ISREG(mode(file())));
    EXPECT_TRUE(fs::exists(elsewhere)) << "only the link is gone";
    fs::remove(file());
    fs::create_hard_link(elsewhere, file());
    EXPECT_FALSE(same(get(), planted));
    fs::remove(file());
    fs::create_symlink(root + "/nowhere", file());
    EXPECT_TRUE(get().warning.empty());
    EXPECT_FALSE(fs::exists(root + "/nowhere"));
}

TEST_F(Directory, WhatIsNoFileIsReplacedOrPassedOver) {
    ASSERT_EQ(mkdir(directories[0].c_str(), 0755), 0);
    ASSERT_EQ(mkfifo(file().c_str(), 0600), 0);
    EXPECT_TRUE(get().warning.empty());
    EXPECT_TRUE(S_ISREG(mode(file())));
    fs::remove(file());
    ASSERT_EQ(mkdir(file().c_str(), 0700), 0);
    const HostKeys made = get();
    EXPECT_TRUE(made.warning.empty());
    EXPECT_TRUE(S_ISREG(mode(file(1)))) << "the second directory has them";
    EXPECT_TRUE(same(get(), made));
}

TEST_F(Directory, ADirectoryThatOthersMayWriteToIsPassedOver) {
    ASSERT_EQ(mkdir(directories[0].c_str(), 0700), 0);
    ASSERT_EQ(chmod(directories[0].c_str(), 01777), 0);
    const HostKeys made = get();
    EXPECT_TRUE(made.warning.empty());
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_TRUE(fs::exists(file(1)));
    directories.resize(1);
    EXPECT_NE(get().warning.find("others may write to the directory"), std::string::npos);
}

TEST_F(Directory, AnotherUsersFileOrDirectoryIsNotBelieved) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: files of another user";
    const HostKeys planted = get();
    ASSERT_EQ(chown(file().c_str(), 12'345, 12'345), 0);
    const HostKeys made = get();
    EXPECT_FALSE(same(made, planted));
    EXPECT_TRUE(same(get(), made));
    ASSERT_EQ(chown(directories[0].c_str(), 12'345, 12'345), 0);
    EXPECT_FALSE(same(get(), made));
    EXPECT_TRUE(fs::exists(file(1)));
}

TEST_F(Directory, WithoutAPlaceTheyAreTheProcesssOwnAndItSaysWhy) {
    write(root + "/file", "");
    directories = {root + "/file", root + "/none/such"};
    const HostKeys first = get(), second = get();
    EXPECT_FALSE(same(first, second));
    for (const char* part : {"/file/tcp-keys", "/none/such/tcp-keys", "XDG_RUNTIME_DIR", "TIME-WAIT"})
        EXPECT_NE(first.warning.find(part), std::string::npos) << part << " in: " << first.warning;
    EXPECT_EQ(first.warning.find('\n'), std::string::npos);
    directories.clear();
    EXPECT_FALSE(get().warning.empty());
}

TEST_F(Directory, WithoutABootIdNothingIsKept) {
    const HostKeys made = get("");
    EXPECT_NE(made.warning.find("boot_id"), std::string::npos);
    EXPECT_FALSE(fs::exists(directories[0]));
}

/// A process that was stopped with the lock in its hand costs the next ones a moment, not their start.
TEST_F(Directory, ALockThatNobodyGivesBackIsNotWaitedForLong) {
    get();
    const int holder = open(file().c_str(), O_RDWR);
    ASSERT_EQ(flock(holder, LOCK_EX), 0);
    const HostKeys made = get();
    EXPECT_TRUE(fs::exists(file(1)));
    EXPECT_TRUE(made.warning.empty());
    directories.resize(1);
    EXPECT_NE(get().warning.find("another process holds its lock"), std::string::npos);
    close(holder);
}

/// However many start at once, with nothing there, with a file of another boot, or one that is open to
/// others: all of them have what the file has in the end.
TEST_F(Directory, ProcessesThatStartTogetherAgree) {
    directories.resize(1);
    for (int round = 0; round < 30; ++round) {
        if (round % 3 == 1) get("another boot");
        if (round % 3 == 2) fs::permissions(file(), fs::perms{0644});
        if (round % 3 == 0) fs::remove(file());
        constexpr int kAtOnce = 8;
        int pipes[2];
        ASSERT_EQ(pipe(pipes), 0);
        std::vector<pid_t> children;
        for (int i = 0; i < kAtOnce; ++i) {
            const pid_t pid = fork();
            ASSERT_GE(pid, 0);
            if (pid == 0) {
                const HostKeys keys = get();
                const bool whole = write_keys(pipes[1], keys);
                _exit(whole && keys.warning.empty() ? 0 : 1);
            }
            children.push_back(pid);
        }
        close(pipes[1]);
        std::set<std::string> seen;
        char bytes[32];
        while (::read(pipes[0], bytes, sizeof bytes) == sizeof bytes) seen.insert(std::string(bytes, 32));
        close(pipes[0]);
        for (const pid_t pid : children) {
            int status = 0;
            ASSERT_EQ(waitpid(pid, &status, 0), pid);
            EXPECT_EQ(status, 0);
        }
        EXPECT_EQ(seen.size(), 1u) << "round " << round;
    }
}

TEST(HostKeys, TheDirectoriesAreRunAndTheUsersOwn) {
    const char* const before = getenv("XDG_RUNTIME_DIR");
    const std::string saved = before != nullptr ? before : "";
    setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    EXPECT_EQ(port::run_directories(), (std::vector<std::string>{"/run/synfin", "/run/user/1000/synfin"}));
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    EXPECT_EQ(port::run_directories(), (std::vector<std::string>{"/run/synfin"}));
    unsetenv("XDG_RUNTIME_DIR");
    EXPECT_EQ(port::run_directories(), (std::vector<std::string>{"/run/synfin"}));
    if (before != nullptr) setenv("XDG_RUNTIME_DIR", saved.c_str(), 1);
    EXPECT_EQ(host_boot_id().size(), 36u);
    EXPECT_EQ(host_boot_id(), host_boot_id());
}

}  // namespace
}  // namespace synfin
