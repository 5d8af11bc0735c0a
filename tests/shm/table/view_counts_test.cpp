#include "shm/table/view_counts.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "core/value/options.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/child.hpp"

namespace locum::shm {
namespace {

std::uint64_t resident_bytes() {
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST(ViewCounts, StartAtZeroAndTakeNoMemoryUntilTheyAreUsed) {
  const std::uint64_t before = resident_bytes();
  const ViewCounts counts(1'000'000'000);
  EXPECT_LT(resident_bytes(), before + 1_MiB);
  for (const std::uint32_t slot : {0U, 1U, 77'777'777U, 999'999'999U}) {
    EXPECT_EQ(counts[slot].load(), 0U);
    counts[slot].store(slot + 1);
  }
  EXPECT_EQ(counts[77'777'777].load(), 77'777'778U);
  EXPECT_EQ(counts[77'777'778].load(), 0U);
  EXPECT_LT(resident_bytes(), before + 2_MiB);
}

TEST(ViewCounts, MoveTheirMemory) {
  ViewCounts first(1000);
  first[3].store(9);
  const ViewCounts second(std::move(first));
  EXPECT_EQ(second[3].load(), 9U);
}

TEST(ViewCounts, RememberHowFarTheyReach) {
  ViewCounts first(1000);
  EXPECT_EQ(first.reach(), 0U);
  first.reach_to(64);
  first.reach_to(8);
  const ViewCounts second(std::move(first));
  EXPECT_EQ(second.reach(), 64U);
}

TEST(ViewCounts, SayWhichLimitIsTooLow) {
  if (tests::sanitized) {
    GTEST_SKIP() << "sanitizers take more address space than a limit would leave";
  }
  const tests::Ending ending = tests::in_child([] {
    const rlimit limit{1_GiB, 1_GiB};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) {
      return std::string("no limit could be set");
    }
    const ViewCounts counts(1'000'000'000);
    return std::string("no error");
  });
  EXPECT_NE(ending.said.find("4000000000 bytes"), std::string::npos) << ending.said;
  EXPECT_NE(ending.said.find("ulimit -v"), std::string::npos) << ending.said;
}

}  // namespace
}  // namespace locum::shm
