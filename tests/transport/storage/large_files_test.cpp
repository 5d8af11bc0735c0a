// Large files: read by several threads, on processors of who waits as well; mapped if the store has no room.
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/files/concurrent_calls.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

using storage::Processors;

bool runs_on(int processor) {
  const auto own = storage::processors_of_this_thread();
  return own && CPU_COUNT(&*own) == 1 && CPU_ISSET(static_cast<std::size_t>(processor), &*own);
}

Processors only(int processor) {
  Processors one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(processor), &one);
  return one;
}

/// Two processors that this process may use.
std::vector<int> two_processors() {
  std::vector<int> found;
  const auto own = storage::processors_of_this_thread();
  for (int processor = 0; own && processor < CPU_SETSIZE && found.size() < 2; ++processor) {
    if (CPU_ISSET(static_cast<std::size_t>(processor), &*own)) {
      found.push_back(processor);
    }
  }
  return found;
}

/// Runs a function in a thread that is bound to a processor.
template <class Body>
std::thread bound_to(int processor, Body body) {
  return std::thread([processor, body] {
    const Processors one = only(processor);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    body();
  });
}

TEST(ConcurrentCalls, AreMadeOnceEach) {
  for (const std::size_t count : {0U, 1U, 2U, 1000U}) {
    std::vector<std::atomic<int>> made(count);
    storage::call_concurrently(count, [&](std::size_t index) { ++made[index]; });
    for (const auto& calls : made) {
      EXPECT_EQ(calls, 1);
    }
  }
}

TEST(ConcurrentCalls, UseProcessorsThatAreLent) {
  const std::vector<int> two = two_processors();
  if (two.size() < 2) {
    GTEST_SKIP() << "this process may use one processor only";
  }
  std::atomic<int> asked{0};
  std::atomic<bool> both{false};
  bound_to(two[0], [&] {
    const auto lent = [&](std::size_t number) {
      ++asked;
      return number == 0 ? std::optional(only(two[1])) : std::nullopt;
    };
    // The first call waits for one on the other processor.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    storage::call_concurrently(
        100,
        [&](std::size_t) {
          both = both || runs_on(two[1]);
          while (!both && std::chrono::steady_clock::now() < until) {
            std::this_thread::yield();
          }
        },
        lent);
  }).join();
  EXPECT_TRUE(both);
  EXPECT_GE(asked, 2);
}

/// Loads when a thread on another processor takes part.
class SharedFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte>) const noexcept override { return false; }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record&, const MakeArray&) const override {
    loads = true;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::atomic<bool> taken{false};
    while (!taken && std::chrono::steady_clock::now() < until) {
      file.concurrently(2, [&](std::size_t) { taken = taken || runs_on(other); });
    }
    return taken ? Result<Record>(Record(1.5)) : Error(Errc::timeout, "no other thread has come");
  }
  [[nodiscard]] Result<void> save(const Record&, FileDraft&, const Record&) const override { return {}; }
  [[nodiscard]] Result<Record> info(FileBytes&, const Record&) const override { return Record(); }

  static inline std::atomic<bool> loads{false};
  static inline std::atomic<int> other{-1};

 private:
  static constexpr std::string_view ending = ".shared";
  const FormatTraits traits_{.name = "shared", .endings = {&ending, 1}, .holds = "for tests", .options = {}};
};

LOCUM_REGISTER_FORMAT(shared, SharedFormat);

TEST(LargeFiles, AreLoadedOnTheProcessorsOfThoseWhoWait) {
  const std::vector<int> two = two_processors();
  if (two.size() < 2) {
    GTEST_SKIP() << "this process may use one processor only";
  }
  const Files files("memory:");
  ASSERT_TRUE(files.save("a.shared", 0.0));
  SharedFormat::other = two[1];
  std::thread loads = bound_to(two[0], [&] { EXPECT_EQ(files.load<double>("a.shared").value(), 1.5); });
  while (!SharedFormat::loads) {
    std::this_thread::yield();
  }
  std::thread waits = bound_to(two[1], [&] { EXPECT_EQ(files.load<double>("a.shared").value(), 1.5); });
  loads.join();
  waits.join();
}

/// More than is read at once, and no multiple of it.
std::vector<double> large_field() {
  std::vector<double> field((std::size_t{5} << 20U) + 3);
  for (std::size_t at = 0; at < field.size(); ++at) {
    field[at] = static_cast<double>(at);
  }
  return field;
}

TEST(LargeFiles, AreReadInParts) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const std::vector<double> field = large_field();
  ASSERT_TRUE(files.save("T.npy", field));
  EXPECT_EQ(files.load("T.npy").value().array(), Array(field));
  std::filesystem::resize_file(folder.path() + "/T.npy", std::size_t{30} << 20U);
  const auto cut = files.load("T.npy");
  EXPECT_EQ(code_of(cut), Errc::corrupt);
}

TEST(LargeFiles, AreMappedIfTheStoreHasNoRoom) {
  const TemporaryFolder folder;
  const Files files(open_session("memory:?bytes=5000000").value(), "file://" + folder.path() + "?sync=0");
  const std::vector<double> field = large_field();
  ASSERT_TRUE(files.save("T.npy", field));
  const auto loaded = files.load("T.npy");
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->array(), Array(field));
  EXPECT_EQ(files.load_async("T.npy").get().value().array(), Array(field));
  // Where it has to be an object, or the elements are not as they are in memory, it is refused.
  EXPECT_EQ(code_of(files.load<double[]>("T.npy")), Errc::out_of_memory);
  EXPECT_EQ(code_of(files.proxy<double[]>("T.npy").value().get()), Errc::broken_promise);
  ASSERT_TRUE(files.save("T.csv", Record{{"T", std::vector<double>(800'000, 0.1)}}));
  EXPECT_EQ(code_of(files.load("T.csv")), Errc::out_of_memory);
  ASSERT_TRUE(files.save("T.txt", std::string(6'000'000, 'x')));
  EXPECT_EQ(code_of(files.load("T.txt")), Errc::out_of_memory);
  const Files in_memory(open_session("memory:?bytes=5000000").value(), "memory:");
  ASSERT_TRUE(in_memory.save("T.npy", field));
  EXPECT_EQ(code_of(in_memory.load("T.npy")), Errc::out_of_memory);
}

}  // namespace
}  // namespace locum::tests
