#include "core/metrics.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <thread>

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

}  // namespace
}  // namespace locum
