// The store on machines, in containers or in batch jobs that provide less than usual: it works in another
// way, or its error says what is missing.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "shm/node.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/small_mount.hpp"

namespace locum::shm {
namespace {

using tests::Ending;
using tests::run_group;
using tests::sanitized;

using namespace std::chrono_literals;

RuntimeOptions modest() {
  return {.memory_bytes = 32_MiB, .timeout = 20s, .reserve_bytes = 64_GiB};
}

/// Restricts the machine, called in each process before it opens the node; returns the reason if it cannot.
using Restriction = std::function<std::optional<std::string>()>;

constexpr int victim = 2;

/// Every rank puts, names, waits, reads in place, evicts; then the victim dies, and the others notice.
/// Returns where the memory is.
std::string use_store(Group& group, const RuntimeOptions& options) {
  std::vector<std::uint32_t> ranks(static_cast<std::size_t>(group.size()));
  std::iota(ranks.begin(), ranks.end(), 0U);
  Node node = open_node(group, ranks, options, 4711);
  const std::string kind = node.memory_kind;
  const auto losses = node.losses;
  auto connector = open_cluster({.arena = std::move(node.arena),
                                 .table = std::move(node.table),
                                 .directory = std::move(node.directory),
                                 .timeout = options.timeout});
  const auto session = std::make_shared<Session>(
      std::move(connector), std::make_shared<Metrics>(),
      SessionOptions{.incarnation = 4711, .rank = group.rank(), .options = options});
  Store store = session->open("poor").value();
  const auto name_of = [](int rank) { return "of rank " + std::to_string(rank); };
  (void)store.put(name_of(group.rank()), std::vector<int>(100'000, group.rank())).value();
  for (int rank = 0; rank < group.size(); ++rank) {
    const auto view = store.wait<int[]>(name_of(rank)).value();
    EXPECT_EQ(view.size(), 100'000U);
    EXPECT_EQ(view[99'999], rank);
  }
  group.barrier();
  EXPECT_TRUE(store.evict(name_of(group.rank())).value());
  group.barrier();
  EXPECT_TRUE(store.keys().value().empty());
  group.barrier();
  if (group.rank() == victim) {
    ::raise(SIGKILL);
  }
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (!losses->any() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(losses->any()) << "the death was not reported";
  return kind;
}

std::vector<Ending> use_store_under(const Restriction& restriction, const RuntimeOptions& options) {
  return run_group(3, [&](Group& group) -> std::string {
    if (const auto reason = restriction()) {
      return "skipped: " + *reason;
    }
    return use_store(group, options);
  });
}

/// All processes but the victim succeeded, with the node's memory of this kind.
#define EXPECT_WORKS(all_endings, expected_kind)                                       \
  do {                                                                                 \
    const std::vector<Ending> exits = all_endings;                                     \
    for (std::size_t rank = 0; rank < exits.size(); ++rank) {                          \
      const Ending& ending = exits[rank];                                              \
      if (ending.said.starts_with("skipped")) {                                        \
        GTEST_SKIP() << ending.said;                                                   \
      }                                                                                \
      EXPECT_EQ(ending.signal, rank == victim ? SIGKILL : 0) << ending.said;           \
      EXPECT_EQ(ending.said, rank == victim ? "" : expected_kind) << ending.exit_code; \
      EXPECT_EQ(ending.exit_code, rank == victim ? -1 : 0) << ending.said;             \
    }                                                                                  \
  } while (false)

std::optional<std::string> own_mounts() {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return std::string("no mount namespace: ") + std::strerror(errno);
  }
  return std::nullopt;
}

std::optional<std::string> mount_over(const char* folder, unsigned long flags, const char* options) {
  if (::mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV | flags, options) != 0) {
    return std::string("nothing can be mounted at ") + folder + ": " + std::strerror(errno);
  }
  return std::nullopt;
}

/// From now on these system calls fail with `error`, as with a container's seccomp profile.
std::optional<std::string> forbid(std::vector<long> calls, int error) {
  std::vector<sock_filter> program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offsetof(seccomp_data, nr)))};
  for (const long call : calls) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    return std::string("no seccomp filter: ") + std::strerror(errno);
  }
  return std::nullopt;
}

TEST(PoorMachine, NeedsNoProc) {
  EXPECT_WORKS(use_store_under(
                   [] {
                     auto reason = own_mounts();
                     return reason ? reason : mount_over("/proc", 0, "size=64k");
                   },
                   modest()),
               "unnamed file in /dev/shm");
}

// Docker provides 64 MB; larger memory is a memfd.
TEST(PoorMachine, TakesAMemfdWhereSharedMemoryIsAsSmallAsInContainers) {
  RuntimeOptions options = modest();
  options.memory_bytes = 256_MiB;
  EXPECT_WORKS(use_store_under([] { return tests::mount_small_shared_memory(64_MiB); }, options), "memfd");
}

TEST(PoorMachine, TakesAMemfdWhereNothingCanBeWrittenToSharedMemory) {
  EXPECT_WORKS(use_store_under(
                   [] {
                     auto reason = own_mounts();
                     return reason ? reason : mount_over("/dev/shm", MS_RDONLY, "size=1g");
                   },
                   modest()),
               "memfd");
}

TEST(PoorMachine, NeedsNeitherMembarrierNorDescriptorsOfProcesses) {
  for (const int error : {EPERM, ENOSYS}) {
    EXPECT_WORKS(use_store_under(
                     [&] {
                       return forbid({SYS_membarrier, SYS_pidfd_open}, error);
                     },
                     modest()),
                 "unnamed file in /dev/shm");
  }
}

TEST(PoorMachine, SaysThatNoSharedMemoryCanBeHad) {
  RuntimeOptions options = modest();
  options.memory_bytes = 256_MiB;
  for (const Ending& ending : use_store_under(
           [] {
             auto reason = tests::mount_small_shared_memory(64_MiB);
             return reason ? reason : forbid({SYS_memfd_create}, EPERM);
           },
           options)) {
    if (ending.said.starts_with("skipped")) {
      GTEST_SKIP() << ending.said;
    }
    EXPECT_EQ(ending.exit_code, 1) << ending.said;
    EXPECT_NE(ending.said.find("neither an unnamed file in /dev/shm nor a memfd"), std::string::npos)
        << ending.said;
    EXPECT_NE(ending.said.find("rank 0"), std::string::npos) << ending.said;
  }
}

// The fewest that three ranks need: only the standard streams, the test's own sockets and these.
TEST(PoorMachine, WorksWithFewDescriptors) {
  if (sanitized) {
    GTEST_SKIP() << "UndefinedBehaviorSanitizer checks types with a pipe, and needs descriptors for it";
  }
  EXPECT_WORKS(use_store_under(
                   []() -> std::optional<std::string> {
                     const int first_free = ::dup(0);
                     ::close(first_free);
                     const auto most = static_cast<rlim_t>(first_free) + 5;
                     const rlimit limit{most, most};
                     ::setrlimit(RLIMIT_NOFILE, &limit);
                     return std::nullopt;
                   },
                   modest()),
               "unnamed file in /dev/shm");
}

TEST(PoorMachine, SaysHowToLiveWithLittleAddressSpace) {
  if (sanitized) {
    GTEST_SKIP() << "a sanitizer's own memory does not fit under RLIMIT_AS";
  }
  const auto under = [](std::uint64_t reserve_bytes) {
    RuntimeOptions options = modest();
    options.memory_bytes = 4_GiB;
    options.reserve_bytes = reserve_bytes;
    return use_store_under(
        []() -> std::optional<std::string> {
          const rlimit limit{4_GiB, 4_GiB};
          ::setrlimit(RLIMIT_AS, &limit);
          return std::nullopt;
        },
        options);
  };
  for (const Ending& ending : under(64_GiB)) {
    EXPECT_EQ(ending.exit_code, 1) << ending.said;
    EXPECT_NE(ending.said.find("ulimit -v"), std::string::npos) << ending.said;
    EXPECT_NE(ending.said.find("reserve_bytes"), std::string::npos) << ending.said;
  }
  EXPECT_WORKS(under(1_GiB), "unnamed file in /dev/shm");
}

}  // namespace
}  // namespace locum::shm
