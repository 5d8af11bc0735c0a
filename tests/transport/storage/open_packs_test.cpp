#include "transport/storage/pack/open_packs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/code_of.hpp"
#include "transport/storage/pack/traits.hpp"

namespace locum::tests {
namespace {

using storage::OpenPacks;

/// Which packs are open, and whether one ever was twice.
class Opened {
 public:
  void open(const std::string& path) {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(++open_[path], 1) << path;
    ++all_;
    most_ = std::max(most_, ++now_);
  }
  void close(const std::string& path) {
    const std::lock_guard lock(mutex_);
    --open_[path];
    --now_;
  }
  [[nodiscard]] bool is_open(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return open_[path] == 1;
  }
  [[nodiscard]] int all() {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  [[nodiscard]] int most() {
    const std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> open_;
  int all_ = 0;
  int now_ = 0;
  int most_ = 0;
};

/// Says only that it is open.
class CountedPack final : public storage::Pack {
 public:
  using storage::Pack::store;
  CountedPack(Opened& opened, std::string path) : opened_(opened), path_(std::move(path)) {
    opened_.open(path_);
  }
  ~CountedPack() override { opened_.close(path_); }
  const BackendTraits& traits() const noexcept override { return backends::pack; }
  void load(std::span<const RecordKey> /*keys*/, std::uint64_t /*last*/,
            std::span<Result<LoadedRecord>> /*loaded*/, Deadline /*deadline*/) override {}
  void store(std::span<const RecordKey> /*keys*/, std::span<const NewRecord> /*records*/,
             std::span<Result<void>> /*stored*/, Deadline /*deadline*/) override {}
  void remove_revisions(std::span<const RecordKey> /*keys*/, std::span<const std::uint64_t> /*revisions*/,
                        std::span<Result<bool>> /*removed*/, Deadline /*deadline*/) override {}
  std::optional<Name> any_record() override { return std::nullopt; }
  bool stays_open() override { return path_.ends_with("stays"); }

 private:
  Opened& opened_;
  const std::string path_;
};

class OpenPacksTest : public ::testing::Test {
 protected:
  static Deadline soon() { return std::chrono::seconds(60); }
  static Deadline at_once() { return std::chrono::milliseconds(1); }

  Opened opened_;
  OpenPacks packs_{[this](const std::string& path, bool makes) -> Result<std::shared_ptr<storage::Pack>> {
                     if (!makes) {
                       return no_such_object();
                     }
                     return std::shared_ptr<storage::Pack>(std::make_shared<CountedPack>(opened_, path));
                   },
                   3};
};

TEST_F(OpenPacksTest, OpensEachOnceAndClosesTheOneThatWasNotUsedForLongest) {
  for (const char* path : {"s/a", "s/b", "s/a", "s/c", "s/a", "s/d"}) {
    ASSERT_TRUE(packs_.use(path, true, soon()));
  }
  EXPECT_EQ(opened_.all(), 4);
  EXPECT_FALSE(opened_.is_open("s/b"));
  EXPECT_TRUE(opened_.is_open("s/a") && opened_.is_open("s/c") && opened_.is_open("s/d"));
  EXPECT_EQ(code_of(packs_.use("s/b", false, soon())), Errc::not_found);
  EXPECT_TRUE(packs_.use("s/b", true, soon())) << "a failure is not kept";
}

TEST_F(OpenPacksTest, ClosesNoneThatIsUsed) {
  std::vector<OpenPacks::Use> used;
  for (const char* path : {"s/a", "s/b", "s/c", "s/d", "s/e"}) {
    used.push_back(packs_.use(path, true, soon()).value());
  }
  EXPECT_EQ(opened_.most(), 5);
  used.clear();
  EXPECT_TRUE(packs_.use("s/e", true, soon()));
  EXPECT_EQ(opened_.all(), 5);
  EXPECT_EQ(opened_.is_open("s/a") + opened_.is_open("s/b") + opened_.is_open("s/c") +
                opened_.is_open("s/d") + opened_.is_open("s/e"),
            3);
}

TEST_F(OpenPacksTest, ClosesNoneThatIsToStayOpen) {
  for (const char* path : {"s/stays", "s/a", "s/b", "s/c", "s/d"}) {
    ASSERT_TRUE(packs_.use(path, true, soon()));
  }
  EXPECT_TRUE(opened_.is_open("s/stays"));
  EXPECT_EQ(opened_.most(), 3);
}

TEST_F(OpenPacksTest, ClosesOneThatIsOverWhenItsLastUserIsDone) {
  auto first = std::make_unique<OpenPacks::Use>(packs_.use("s/a", true, soon()).value());
  {
    auto second = packs_.use("s/a", true, soon()).value();
    second.close_when_unused();
    const auto moved = std::move(second);
  }
  EXPECT_TRUE(opened_.is_open("s/a"));
  first.reset();
  EXPECT_FALSE(opened_.is_open("s/a"));
}

TEST_F(OpenPacksTest, KeepsAFolderClosed) {
  ASSERT_TRUE(packs_.use("s/a", true, soon()));
  ASSERT_TRUE(packs_.use("t/a", true, soon()));
  {
    const auto used = packs_.use("s/b", true, soon()).value();
    EXPECT_EQ(code_of(packs_.close_all_in("s", at_once())), Errc::timeout);
  }
  std::thread waiting;
  {
    const auto closed = packs_.close_all_in("s", soon());
    ASSERT_TRUE(closed);
    EXPECT_FALSE(opened_.is_open("s/a") || opened_.is_open("s/b"));
    EXPECT_TRUE(opened_.is_open("t/a"));
    EXPECT_EQ(code_of(packs_.use("s/a", true, at_once())), Errc::timeout);
    EXPECT_EQ(code_of(packs_.close_all_in("t", at_once())), Errc::timeout) << "one at a time";
    EXPECT_TRUE(packs_.use("t/b", true, soon()));
    waiting = std::thread([&] { EXPECT_TRUE(packs_.use("s/a", true, soon())); });
  }
  waiting.join();
  EXPECT_TRUE(opened_.is_open("s/a"));
}

TEST_F(OpenPacksTest, IsUsedByManyThreads) {
  constexpr int threads = 4;
  std::vector<std::thread> users;
  for (int mine = 0; mine < threads; ++mine) {
    users.emplace_back([&, mine] {
      for (int round = 0; round < 2000; ++round) {
        auto used = packs_.use("s/" + std::to_string((round * 7 + mine) % 6), true, soon());
        ASSERT_TRUE(used);
        if (round % 5 == 0) {
          used->close_when_unused();
        }
      }
    });
  }
  for (int round = 0; round < 100; ++round) {
    EXPECT_TRUE(packs_.close_all_in("s", soon()));
  }
  for (std::thread& user : users) {
    user.join();
  }
  EXPECT_LE(opened_.most(), 3 + threads);
}

}  // namespace
}  // namespace locum::tests
