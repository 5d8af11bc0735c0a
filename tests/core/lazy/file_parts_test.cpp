// Objects that are parts of files: read when they are used, by one thread at a time, by the next one if it
// fails. The files are those of a reader of the test's own.
#include "core/lazy/file_parts.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "core/detail/session_state.hpp"
#include "core/ports/file_reader.hpp"
#include "core/proxy.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::detail {
namespace {

using namespace std::chrono_literals;

/// Files of numbers 0, 1, 2 …
class CountingReader final : public FileReader {
 public:
  [[nodiscard]] Result<void> read(const FilePart& part, std::span<std::byte> into,
                                  const Stopped& stopped) override {
    std::unique_lock lock(mutex_);
    ++reads_;
    changed_.notify_all();
    while (is_held_) {
      if (const auto error = stopped(); error && !hangs_) {
        return *error;
      }
      changed_.wait_for(lock, 1ms);
    }
    if (failures_ > 0) {
      --failures_;
      return Error(Errc::corrupt, "the file is damaged");
    }
    auto* const numbers = reinterpret_cast<double*>(into.data());
    for (std::uint64_t at = 0; at < part.count[0]; ++at) {
      numbers[at] = static_cast<double>(part.start[0] + at);
    }
    return {};
  }
  [[nodiscard]] bool may_read_in_background(const FilePart& part) const override {
    return part.is_plain != 0;
  }

  [[nodiscard]] int reads() {
    const std::lock_guard lock(mutex_);
    return reads_;
  }
  void fail(int times) {
    const std::lock_guard lock(mutex_);
    failures_ = times;
  }
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    is_held_ = held;
    changed_.notify_all();
  }
  /// While it is held it does not look whether it is to stop.
  void hang() {
    const std::lock_guard lock(mutex_);
    is_held_ = true;
    hangs_ = true;
  }
  [[nodiscard]] bool await_reads(int reads) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return reads_ >= reads; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int reads_ = 0;
  int failures_ = 0;
  bool is_held_ = false;
  bool hangs_ = false;
};

class FilePartsTest : public testing::TestWithParam<std::uint8_t> {
 protected:
  FilePartsTest() { files().use(reader, nullptr, 1); }

  [[nodiscard]] FileParts& files() const { return node.session->state()->files(); }
  [[nodiscard]] FilePart part(std::uint64_t start, std::uint64_t count = 10) const {
    FilePart one;
    one.path = "/input.h5";
    one.dataset = "T";
    one.type = "f64[]";
    one.element_bytes = 8;
    one.extents = {1'000'000'000};
    one.start = {start};
    one.count = {count};
    one.stride = {1};
    one.is_plain = GetParam();
    return one;
  }
  [[nodiscard]] Proxy<double[]> proxy(std::uint64_t start, std::uint64_t count = 10) const {
    const Store store = node.store();
    const auto handle = files().add(*node.session->state(), store.number(), part(start, count), {});
    return node.session->proxy<double[]>(handle.value());
  }

  const std::shared_ptr<CountingReader> reader = std::make_shared<CountingReader>();
  const tests::SessionFixture node{{.memory_bytes = 1U << 20U}, {.incarnation = 7}};
};

INSTANTIATE_TEST_SUITE_P(WhoReads, FilePartsTest, testing::Values(0, 1),
                         [](const auto& info) { return info.param == 0 ? "TheCaller" : "AThread"; });

TEST_P(FilePartsTest, AreReadOnceWhenTheyAreUsed) {
  const auto one = proxy(5);
  const auto same = proxy(5);
  EXPECT_EQ(one.handle(), same.handle());
  EXPECT_EQ(one.size_bytes(), 80U);
  EXPECT_EQ(reader->reads(), 0);
  EXPECT_EQ((*one)[3], 8);
  EXPECT_EQ((*same)[9], 14);
  EXPECT_EQ(reader->reads(), 1);
  EXPECT_NE(proxy(6).handle(), one.handle());
}

TEST_P(FilePartsTest, AreReadForFutures) {
  auto coming = proxy(5).get_async();
  const auto view = coming.get();
  ASSERT_TRUE(view) << view.error().what();
  EXPECT_EQ((*view)[3], 8);
  EXPECT_EQ(reader->reads(), 1);
}

TEST_P(FilePartsTest, AreReadOnceByManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      for (std::uint64_t start = 0; start < 20; ++start) {
        const auto view = proxy(start).get(20s);
        right += view && (*view)[0] == static_cast<double>(start) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 160);
  EXPECT_EQ(reader->reads(), 20);
}

TEST_P(FilePartsTest, AreReadByTheNextIfOneFails) {
  reader->fail(1);
  const auto one = proxy(1);
  const auto failed = one.get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::corrupt) << failed.error().what();
  EXPECT_EQ(one.get().value()[0], 1);
  EXPECT_EQ(reader->reads(), 2);
}

TEST_P(FilePartsTest, LargerThanTheMemoryAreOutOfMemory) {
  const auto failed = proxy(0, 1'000'000).get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::out_of_memory);
  EXPECT_EQ(proxy(0, 5).get().value().size(), 5U);
}

TEST_P(FilePartsTest, GoWhenTheyAreEvicted) {
  const Store store = node.store();
  const auto usage = [&] { return node.connector->usage().own_objects; };
  const auto before = usage();
  const auto one = proxy(1);
  EXPECT_FALSE(store.exists(one.key()).value());
  EXPECT_FALSE(store.evict(one.key()).value()) << "never read";
  EXPECT_EQ(one.get().error().code(), Errc::not_found);
  const auto again = proxy(1);
  EXPECT_EQ(store.get<double[]>(again.key(), {.part = {.offset = 2, .count = 3}}).value()[0], 3);
  EXPECT_TRUE(store.exists(again.key()).value());
  EXPECT_TRUE(store.evict(again.key()).value());
  again.release();
  EXPECT_EQ(again.get().error().code(), Errc::not_found);
  EXPECT_EQ(usage(), before) << "nothing is left";
}

TEST_P(FilePartsTest, EndWithTheirSession) {
  reader->hold(true);
  const auto one = proxy(1);
  one.prefetch();
  std::thread waiting;
  if (GetParam() == 1) {
    ASSERT_TRUE(reader->await_reads(1));
  } else {
    waiting = std::thread([&] { EXPECT_FALSE(one.get(20s)); });
    ASSERT_TRUE(reader->await_reads(1));
  }
  node.session->close();
  EXPECT_EQ(one.get().error().code(), Errc::closed);
  if (waiting.joinable()) {
    waiting.join();
  }
}

TEST_P(FilePartsTest, AreUnsupportedWithoutAReader) {
  files().use(nullptr, nullptr, 1);
  const auto one = proxy(1);
  EXPECT_EQ(one.get().error().code(), Errc::unsupported);
  one.prefetch();
  EXPECT_EQ(one.get().error().code(), Errc::unsupported);
}

using BackgroundFileParts = FilePartsTest;
INSTANTIATE_TEST_SUITE_P(WhoReads, BackgroundFileParts, testing::Values(1),
                         [](const auto& /*info*/) { return "AThread"; });

TEST_P(BackgroundFileParts, AreStillReadAfterATimeout) {
  reader->hold(true);
  const auto one = proxy(1);
  EXPECT_EQ(one.get(10ms).error().code(), Errc::timeout);
  ASSERT_TRUE(reader->await_reads(1));
  EXPECT_EQ(one.try_get().error().code(), Errc::timeout);
  reader->hold(false);
  EXPECT_EQ(one.get(20s).value()[0], 1);
  EXPECT_EQ(reader->reads(), 1);
}

TEST_P(BackgroundFileParts, LeaveAThreadBehindThatHangsInTheFileSystem) {
  reader->hang();
  const auto one = proxy(1);
  one.prefetch();
  ASSERT_TRUE(reader->await_reads(1));
  testing::internal::CaptureStderr();
  files().close(Error(Errc::closed, "now"), 20ms);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("left behind"), std::string::npos);
  node.session->close();
  reader->hold(false);  // what has returned late touches nothing any more
}

}  // namespace
}  // namespace locum::detail
