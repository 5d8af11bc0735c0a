#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shm/node.hpp"
#include "shm/segment/available_memory.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/open_node.hpp"
#include "tests/shm/small_mount.hpp"

// Nodes that fail to open: all processes get the error, and nothing is left.
namespace locum::shm {
namespace {

using tests::Ending;
using tests::in_child;
using tests::open;
using tests::ranks_of;
using tests::run_group;
using tests::sanitized;
using tests::small_options;

// All ranks must end with the same error, whichever rank failed first.
void expect_all_say(const std::vector<Ending>& exits, const std::vector<std::string>& words) {
  for (const Ending& ending : exits) {
    EXPECT_EQ(ending.exit_code, 1) << "signal " << ending.signal;
    EXPECT_EQ(ending.said, exits.front().said);
    for (const std::string& word : words) {
      EXPECT_NE(ending.said.find(word), std::string::npos) << word << " is not in: " << ending.said;
    }
  }
}

TEST(Node, AFailureOfTheFirstProcessIsThrownByAll) {
  expect_all_say(run_group(3,
                           [](Group& group) {
                             RuntimeOptions options = small_options();
                             options.memory_bytes = 1000;
                             static_cast<void>(open(group, options));
                             return std::string("opened");
                           }),
                 {"invalid_argument", "memory_bytes = 1000", "rank 0"});
}

TEST(Node, AFailureOfAnotherProcessIsThrownByAll) {
  if (sanitized) {
    GTEST_SKIP() << "UndefinedBehaviorSanitizer checks types with a pipe, and here none can be opened";
  }
  expect_all_say(run_group(4,
                           [](Group& group) {
                             if (group.rank() == 2) {  // no descriptor can be opened: not even the socket
                               const rlimit none{3, 3};
                               ::setrlimit(RLIMIT_NOFILE, &none);
                             }
                             RuntimeOptions options = small_options();
                             options.timeout = std::chrono::seconds(2);
                             static_cast<void>(open(group, options));
                             return std::string("opened");
                           }),
                 {"open files", "rank 2"});
}

TEST(Node, ProcessesThatExpectAnotherSegmentAreRefused) {
  expect_all_say(run_group(2,
                           [](Group& group) {
                             static_cast<void>(open_node(group, ranks_of(group), small_options(),
                                                         static_cast<std::uint64_t>(group.rank())));
                             return std::string("opened");
                           }),
                 {"corrupt", "rank 1"});
}

TEST(Node, ADeadProcessEndsTheOpeningOfTheOthersInTime) {
  const auto start = std::chrono::steady_clock::now();
  const auto exits = run_group(3, [](Group& group) -> std::string {
    RuntimeOptions options = small_options();
    options.timeout = std::chrono::seconds(2);
    if (group.rank() == 1) {
      // Takes part until the memory is announced, and dies instead of requesting it.
      static_cast<void>(group.agree({}));
      ::raise(SIGKILL);
    }
    static_cast<void>(open(group, options));
    return "opened";
  });
  EXPECT_EQ(exits[1].signal, SIGKILL);
  for (const std::size_t rank : {0U, 2U}) {
    EXPECT_EQ(exits[rank].exit_code, 1) << exits[rank].said;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15));
}

/// A group in which one process dies at the beginning of a collective call.
class DyingGroup final : public Group {
 public:
  DyingGroup(Group& group, int victim, int meeting)
      : group_(group), victim_(victim), meetings_left_(meeting) {}

  [[nodiscard]] int rank() const noexcept override { return group_.rank(); }
  [[nodiscard]] int size() const noexcept override { return group_.size(); }
  [[nodiscard]] const std::vector<int>& node_of_rank() const noexcept override {
    return group_.node_of_rank();
  }
  void barrier() override {
    meet();
    group_.barrier();
  }
  [[nodiscard]] std::vector<std::byte> all_gather(std::span<const std::byte> mine) override {
    meet();
    return group_.all_gather(mine);
  }
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine) override {
    meet();
    return group_.agree(mine);
  }

 private:
  void meet() {
    if (--meetings_left_ == 0 && rank() == victim_) {
      ::raise(SIGKILL);
    }
  }

  Group& group_;
  int victim_;
  int meetings_left_;
};

TEST(Node, WhoDiesWhileTheNodeOpensLeavesNothingAndTheOthersAnError) {
  const Ending ending = in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(64_MiB)) {
      return "skipped: " + *reason;
    }
    const std::uint64_t free_before = shared_mount()->free_bytes;
    int meeting = 1;
    for (bool opened = false; !opened; ++meeting) {
      for (const int victim : {0, 1, 2}) {
        const auto exits = run_group(3, [&](Group& group) {
          DyingGroup dying(group, victim, meeting);
          const Node node = open(dying, small_options());
          return std::string("opened");
        });
        opened = exits[static_cast<std::size_t>(victim)].signal == 0;
        for (const Ending& each : exits) {
          const bool expected =
              opened ? each.said == "opened"
                     : each.signal == SIGKILL || (each.exit_code == 1 && each.said.starts_with("peer_lost"));
          if (!expected) {
            return "rank " + std::to_string(victim) + " died in meeting " + std::to_string(meeting) +
                   ", and another one has " + each.said;
          }
        }
        if (!std::filesystem::is_empty("/dev/shm") || shared_mount()->free_bytes != free_before) {
          return "memory is left after meeting " + std::to_string(meeting);
        }
      }
    }
    return "nothing is left after each of " + std::to_string(meeting - 2) + " meetings";
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.said, "nothing is left after each of 4 meetings");
}

}  // namespace
}  // namespace locum::shm
