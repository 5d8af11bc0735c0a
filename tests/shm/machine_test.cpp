#include "shm/machine.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <string>

namespace locum::shm {
namespace {

TEST(Machine, IsWhatTheSystemSays) {
  const RankFacts facts = facts_of_machine();
  EXPECT_EQ(facts.cores_online, ::sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_GE(facts.numa_nodes, 1);
  EXPECT_GT(facts.physical_bytes, std::uint64_t{1} << 26U);
  std::array<char, 256> host{};
  ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
  EXPECT_EQ(std::string(facts.host.data()), std::string(host.data()).substr(0, facts.host.size() - 1));
  struct rlimit files {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(facts.open_files, files.rlim_cur);
}

TEST(Machine, CountsTheCoresOfThisProcess) {
  cpu_set_t before;
  CPU_ZERO(&before);
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(facts_of_machine().cores_allowed, CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++core) {
    if (CPU_ISSET(core, &before)) {
      CPU_SET(core, &one);
    }
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(facts_of_machine().cores_allowed, 1);
  EXPECT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace
}  // namespace locum::shm
