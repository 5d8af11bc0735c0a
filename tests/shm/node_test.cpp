#include "shm/node.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/node/cluster.hpp"
#include "shm/segment/available_memory.hpp"
#include "tests/core/collect_into.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/open_node.hpp"
#include "tests/shm/small_mount.hpp"

namespace locum::shm {
namespace {

using tests::Child;
using tests::Ending;
using tests::in_child;
using tests::open;
using tests::run_group;
using tests::small_options;
using tests::start_group;

struct Announced {
  Key key;
  std::uint64_t offset = 0;
};

// Every rank makes an object; every rank reads all of them by key, in place.
void share_objects(Group& group) {
  const Node node = open(group, small_options());
  const std::uint64_t size_bytes = 50'000;
  const auto block = node.arena->allocate(size_bytes);
  ASSERT_TRUE(block) << block.error();
  std::memset(node.arena->data(block->offset), group.rank() + 1, size_bytes);
  const auto key = node.table->publish(ObjectRecord{.offset = block->offset, .size_bytes = size_bytes});
  ASSERT_TRUE(key) << key.error();

  const Announced mine{*key, block->offset};
  const auto gathered = group.all_gather(std::as_bytes(std::span(&mine, 1)));
  for (int rank = 0; rank < group.size(); ++rank) {
    Announced told;
    std::memcpy(&told, gathered.data() + static_cast<std::size_t>(rank) * sizeof told, sizeof told);
    const auto pin = node.table->pin(told.key);
    ASSERT_TRUE(pin) << pin.error();
    EXPECT_EQ(pin->record->offset, told.offset);
    const std::byte* const bytes = node.arena->data(pin->record->offset);
    EXPECT_EQ(std::to_integer<int>(bytes[0]), rank + 1);
    EXPECT_EQ(std::to_integer<int>(bytes[size_bytes - 1]), rank + 1);
    node.table->release(pin->id);
  }
  EXPECT_EQ(node.memory_bytes, 32_MiB);
  EXPECT_EQ(node.memory_kind, "unnamed file in /dev/shm");
  group.barrier();
}

TEST(Node, AnyNumberOfProcessesShareOneMemory) {
  for (int size = 1; size <= 5; ++size) {
    for (const Ending& ending : run_group(size, [](Group& group) {
           share_objects(group);
           return std::string("done");
         })) {
      EXPECT_EQ(ending.exit_code, 0) << ending.said;
      EXPECT_EQ(ending.said, "done") << size << " processes, signal " << ending.signal;
    }
  }
}

TEST(Node, OneProcessNeedsNoOther) {
  SoloGroup group;
  share_objects(group);
}

// As when main() returns while the process still has a view of a closed runtime.
TEST(Node, AForkedProcessMayDestroyWhatItInherits) {
  SoloGroup group;
  std::optional<Node> node = open(group, small_options());
  const auto block = node->arena->allocate(50'000);  // both threads of the library are running
  ASSERT_TRUE(block) << block.error();
  for (int round = 0; round < 3; ++round) {
    Child child([&] {
      node.reset();
      return std::string("done");
    });
    const Ending ending = child.wait();
    EXPECT_EQ(ending.said, "done") << "signal " << ending.signal;
  }
  EXPECT_TRUE(node->arena->allocate(50'000));
}

// Its runtime is closed, but it still takes part in the node, because of its pins.
TEST(Node, WhoDiesWithAViewThatOutlivesItsRuntimeLeavesNoPin) {
  std::vector<Child> ranks = start_group(2, [](Group& group) -> std::string {
    constexpr std::uint32_t store = 1;
    Node node = open(group, small_options());
    std::shared_ptr<Connector> connector =
        open_cluster({.arena = node.arena, .table = node.table, .directory = node.directory});
    Key key;
    if (group.rank() == 0) {
      key = tests::put(*connector, store, {}, std::vector<std::byte>(50'000)).value().key;
    }
    const auto keys = group.all_gather(std::as_bytes(std::span(&key, 1)));
    std::memcpy(&key, keys.data(), sizeof key);
    auto view = connector->get(key, {});
    if (!view) {
      return view.error().what();
    }
    if (group.rank() == 1) {
      connector.reset();
      node = {};
      group.barrier();
      ::raise(SIGKILL);
    }
    group.barrier();
    EXPECT_TRUE(connector->evict(key, {}).value());
    view = ObjectView();
    const auto moment = Deadline::Clock::now() + std::chrono::seconds(10);
    while (connector->usage().own_pinned != 0 && Deadline::Clock::now() < moment) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return std::to_string(connector->usage().own_pinned) + " bytes pinned";
  });
  EXPECT_EQ(ranks[1].wait().signal, SIGKILL);
  EXPECT_EQ(ranks[0].wait().said, "0 bytes pinned");
}

/// Polls a condition without a notification, every few milliseconds for ten seconds.
template <class Condition>
bool comes_true(Condition condition) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) {
      return false;
    }
    never.wait_for(lock, std::chrono::milliseconds(5));
  }
  return true;
}

// One process dies with a sealed object, memory that it never sealed, and a pin on an object that another one
// has evicted: the first stays, the others are freed.
TEST(Node, SurvivorsGoOnWithWhatADeadProcessHadSealed) {
  const auto exits = run_group(3, [](Group& group) -> std::string {
    RuntimeOptions options = small_options();
    options.step_bytes = 64_KiB;
    options.prepare_bytes = 64_KiB;
    const Node node = open(group, options);
    const auto block = node.arena->allocate(1_MiB);
    std::memset(node.arena->data(block->offset), group.rank() + 1, 1_MiB);
    const Key mine = node.table->publish(ObjectRecord{.offset = block->offset, .size_bytes = 1_MiB}).value();
    const auto gathered = group.all_gather(std::as_bytes(std::span(&mine, 1)));
    std::array<Key, 3> keys;
    std::memcpy(keys.data(), gathered.data(), sizeof keys);

    if (group.rank() == 1) {
      if (!node.table->pin(keys[0]) || !node.arena->allocate(3_MiB)) {
        return "cannot do what it is to die with";
      }
      group.barrier();
      ::raise(SIGKILL);
    }
    group.barrier();
    // Rank 0 evicts the object that the dead one had a view of, and rank 2 measures the freed memory.
    if (group.rank() == 0) {
      std::vector<ObjectRecord> dead;
      if (!node.table->tombstone(keys[0])) {
        return "its own object is not there";
      }
      if (!comes_true([&] {
            (void)tests::collect_into(*node.table, dead, Effort::thorough);
            return dead.size() == 1;
          })) {
        return "the dead one's pin stays";
      }
      node.arena->free({dead[0].offset, dead[0].block_bytes()});
    } else if (!comes_true([&] { return node.arena->usage().node_committed < 5_MiB; })) {
      return "unsealed memory stays: " + std::to_string(node.arena->usage().node_committed);
    }
    // The adopter is known a moment later than the death.
    if (!comes_true([&] { return node.losses->any() && node.losses->all()[0].adopter; })) {
      return "knows of no death, or of no adopter";
    }
    const auto pin = node.table->pin(keys[1]);
    if (!pin) {
      return pin.error().what();
    }
    const std::byte* const bytes = node.arena->data(pin->record->offset);
    if (std::any_of(bytes, bytes + 1_MiB, [](std::byte byte) { return byte != std::byte{2}; })) {
      return "what the dead one had sealed has changed";
    }
    // A process that ends with a pin has not left: the other survivor would count it, too.
    node.table->release(pin->id);
    const std::vector<DeadRank> losses = node.losses->all();
    return losses.size() == 1 && losses[0].rank == 1 && losses[0].adopter ? "as it should be"
                                                                          : "other losses";
  });
  EXPECT_EQ(exits[1].signal, SIGKILL) << exits[1].said;
  for (const std::size_t survivor : {0U, 2U}) {
    EXPECT_EQ(exits[survivor].said, "as it should be") << "signal " << exits[survivor].signal;
  }
}

TEST(Node, NothingIsLeftWhenAllAreKilled) {
  const Ending ending = in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(64_MiB)) {
      return "skipped: " + *reason;
    }
    const std::uint64_t free_before = shared_mount()->free_bytes;
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) {
      return "no pipe";
    }
    std::vector<Child> children = start_group(3, [&](Group& group) -> std::string {
      const Node node = open(group, small_options());
      if (const auto block = node.arena->allocate(2_MiB); !block) {
        return block.error().what();
      }
      if (::write(ready[1], "r", 1) != 1) {
        return "cannot say that it is ready";
      }
      ::pause();  // until it is killed
      return "was not killed";
    });
    for (std::size_t count = 0; count < children.size(); ++count) {
      char byte = 0;
      if (::read(ready[0], &byte, 1) != 1) {
        return "a child did not get ready";
      }
    }
    if (free_before - shared_mount()->free_bytes < 6_MiB) {
      return "the memory is not where this test looks";
    }
    if (!std::filesystem::is_empty("/dev/shm")) {
      return "there is a name in /dev/shm while they live";
    }
    for (const Child& child : children) {
      child.kill();
    }
    for (Child& child : children) {
      if (child.wait().signal != SIGKILL) {
        return "a child was not killed";
      }
    }
    if (!std::filesystem::is_empty("/dev/shm")) {
      return "there is a name in /dev/shm";
    }
    return shared_mount()->free_bytes == free_before ? "nothing is left" : "memory is left";
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.said, "nothing is left");
}

TEST(Node, TakesHalfOfWhatThereIsIfNotTold) {
  const Ending ending = in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(64_MiB)) {
      return "skipped: " + *reason;
    }
    SoloGroup group;
    RuntimeOptions options = small_options();
    options.memory_bytes = 0;
    return std::to_string(open(group, options).memory_bytes);
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.said, std::to_string(32_MiB));
}

}  // namespace
}  // namespace locum::shm
