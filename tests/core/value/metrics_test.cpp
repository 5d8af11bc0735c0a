#include "core/value/metrics.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <latch>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

namespace locum {
namespace {

TEST(Path, HasAWordForEach) {
  std::set<std::string_view> words;
  for (std::size_t path = 0; path < path_count; ++path) {
    const std::string_view word = to_string(static_cast<Path>(path));
    EXPECT_NE(word, "unknown");
    EXPECT_TRUE(words.insert(word).second);
  }
}

TEST(Metrics, CountOperationsAndBytesByPathFromAnyThread) {
  Metrics metrics;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) {
      metrics.count_read(Path::shm_view, 3);
    }
  });
  for (int i = 0; i < 1000; ++i) {
    metrics.count_read(Path::shm_view, 2);
    metrics.count_write(Path::storage, 1);
  }
  other.join();
  EXPECT_EQ(metrics.reads[static_cast<std::size_t>(Path::shm_view)].operations, 2000U);
  EXPECT_EQ(metrics.reads[static_cast<std::size_t>(Path::shm_view)].bytes, 5000U);
  EXPECT_EQ(metrics.writes[static_cast<std::size_t>(Path::storage)].bytes, 1000U);
  EXPECT_EQ(metrics.reads[static_cast<std::size_t>(Path::rma)].operations, 0U);
}

TEST(Metrics, KeepHowLongCallsTookByPath) {
  using std::chrono::nanoseconds;
  Metrics metrics;
  for (int at = 0; at < 98; ++at) {
    metrics.time_read(Path::rma, nanoseconds(1000));
  }
  metrics.time_read(Path::rma, nanoseconds(1'000'000));
  metrics.time_read(Path::rma, nanoseconds(1'000'000));
  metrics.time_write(Path::storage, nanoseconds(-1));
  const TimeHistogram& times = metrics.read_times[static_cast<std::size_t>(Path::rma)];
  EXPECT_EQ(times.count(), 100U);
  EXPECT_GE(times.quantile(0.5).count(), 1000);
  EXPECT_LE(times.quantile(0.5).count(), 1250);
  EXPECT_GE(times.quantile(0.99).count(), 1'000'000);
  EXPECT_LE(times.quantile(0.99).count(), 1'250'000);
  EXPECT_EQ(metrics.read_times[static_cast<std::size_t>(Path::storage)].count(), 0U);
  EXPECT_EQ(metrics.read_times[static_cast<std::size_t>(Path::storage)].quantile(0.5).count(), 0);
  EXPECT_EQ(metrics.write_times[static_cast<std::size_t>(Path::storage)].count(), 1U);
}

// More threads than there are lanes, so that some share one, and long enough to run concurrently; twice, so
// that the second ones reuse the words of the first.
TEST(Metrics, AreExactForManyThreadsAndThoseThatEnded) {
  constexpr int threads = detail::shared_lane + 4;
  Metrics metrics;
  std::atomic<std::uint64_t> expected{0};
  for (int generation = 0; generation < 2; ++generation) {
    std::latch all_here(threads);
    std::vector<std::thread> counting;
    for (int thread = 0; thread < threads; ++thread) {
      counting.emplace_back([&] {
        const std::uint64_t rounds = detail::thread_lane() == detail::shared_lane ? 1'000'000 : 1000;
        expected += rounds;
        all_here.arrive_and_wait();
        for (std::uint64_t round = 0; round < rounds; ++round) {
          metrics.count_read(Path::shm_view, 3);
          Metrics::increment(metrics.misses);
        }
      });
    }
    for (std::thread& thread : counting) {
      thread.join();
    }
  }
  EXPECT_GT(expected, 1'000'000U);
  EXPECT_EQ(metrics.reads[static_cast<std::size_t>(Path::shm_view)].operations, expected);
  EXPECT_EQ(metrics.reads[static_cast<std::size_t>(Path::shm_view)].bytes, 3 * expected);
  EXPECT_EQ(metrics.misses, expected);
  EXPECT_EQ(metrics.evictions, 0U);
}

}  // namespace
}  // namespace locum
