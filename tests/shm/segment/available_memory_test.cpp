#include "shm/segment/available_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "core/value/options.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/small_mount.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::shm {
namespace {

TEST(AvailableMemory, IsSomethingButNotMoreThanTheMachineHas) {
  std::ifstream file("/proc/meminfo");
  std::string word;
  std::uint64_t total_kib = 0;
  ASSERT_TRUE(file >> word >> total_kib);
  ASSERT_EQ(word, "MemTotal:");
  const auto available = available_memory();
  ASSERT_TRUE(available.has_value());
  EXPECT_GT(*available, 0U);
  EXPECT_LE(*available, total_kib * 1024 * 2) << "swap included";
}

/// The files of memory cgroups, one below the other.
class Cgroups : public testing::Test {
 protected:
  void write(const std::string& group, const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(mount_ / group);
    std::ofstream(mount_ / group / file) << text;
  }
  [[nodiscard]] std::uint64_t left(const std::string& group, CgroupVersion version) const {
    return memory_left_by_cgroup(mount_, group, version);
  }

  const tests::TemporaryFolder folder_;
  const std::filesystem::path mount_ = folder_.path();
};

TEST_F(Cgroups, CountPageCacheAsFree) {
  write("job", "memory.max", "1000\n");
  write("job", "memory.current", "900\n");
  write("job", "memory.stat", "anon 100\nfile 800\nactive_anon 100\ninactive_file 300\nactive_file 450\n");
  EXPECT_EQ(left("/job", CgroupVersion::v2), 850U);
  write("old", "memory.limit_in_bytes", "1000\n");
  write("old", "memory.usage_in_bytes", "900\n");
  write("old", "memory.stat",
        "active_file 1\ninactive_file 1\ntotal_inactive_file 300\ntotal_active_file 450\n");
  EXPECT_EQ(left("/old", CgroupVersion::v1), 850U) << "the totals have those of the groups below";
  write("odd", "memory.max", "1000\n");
  write("odd", "memory.current", "100\n");
  write("odd", "memory.stat", "active_file 450\n");
  EXPECT_EQ(left("/odd", CgroupVersion::v2), 1000U) << "figures of different moments";
}

TEST_F(Cgroups, HaveLimitsOfAllThatEncloseThem) {
  constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(left("/nobody/here", CgroupVersion::v2), unlimited);
  for (const char* group : {"a", "a/b", "a/b/c"}) {
    write(group, "memory.max", "max\n");
    write(group, "memory.current", "100\n");
  }
  EXPECT_GT(left("/a/b/c", CgroupVersion::v2), unlimited / 2);
  write("a/b", "memory.high", "400\n");
  EXPECT_EQ(left("/a/b/c", CgroupVersion::v2), 300U) << "memory.high";
  write("a", "memory.max", "350\n");
  EXPECT_EQ(left("/a/b/c", CgroupVersion::v2), 250U);
  write("a/b/c", "memory.high", "max\n");
  EXPECT_EQ(left("/a/b/c", CgroupVersion::v2), 250U);
  EXPECT_EQ(left("/a", CgroupVersion::v2), 250U);
  write("a/b/c", "memory.high", "50\n");
  EXPECT_EQ(left("/a/b/c", CgroupVersion::v2), 0U);
}

TEST(SharedMount, TellsSizeAndFreeSpaceOfTheMemoryThatIsMounted) {
  const tests::Ending ending = tests::in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(24_MiB)) {
      return "skipped: " + *reason;
    }
    const auto empty = shared_mount();
    std::ofstream("/dev/shm/filling") << std::string(4_MiB, 'x') << std::flush;
    const auto filled = shared_mount();
    if (!empty || !filled || empty->size_bytes != 24_MiB || empty->free_bytes != 24_MiB) {
      return "wrong figures for an empty mount";
    }
    return std::to_string(empty->free_bytes - filled->free_bytes);
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.said, std::to_string(4_MiB));
}

TEST(SharedMount, APlainFolderIsNoSharedMemory) {
  const tests::Ending ending = tests::in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(1_MiB)) {
      return "skipped: " + *reason;
    }
    if (::mount("/etc", "/dev/shm", nullptr, MS_BIND, nullptr) != 0) {
      return "skipped: no bind mount";
    }
    return shared_mount() ? "taken for memory" : "told apart";
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.said, "told apart");
}

}  // namespace
}  // namespace locum::shm
