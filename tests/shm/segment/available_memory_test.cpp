#include "shm/segment/available_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include <cstring>
#include <fstream>
#include <string>

#include "core/options.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/small_mount.hpp"

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
