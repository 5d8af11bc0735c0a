#include "core/decoded_cache.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace locum::detail {
namespace {

constexpr char tag_a = 0;
constexpr char tag_b = 0;

Key key_of(std::uint64_t serial) {
  return {1, 0, serial};
}

/// Decodes to a string, and counts how often.
struct Decoder {
  std::string text;
  int* calls;

  Result<std::shared_ptr<const void>> operator()() const {
    ++*calls;
    return std::shared_ptr<const void>(std::make_shared<const std::string>(text));
  }
};

const std::string& text_of(const DecodedCache::Value& value) {
  return *static_cast<const std::string*>(value.value.get());
}

TEST(DecodedCache, DecodesOnceWhileTheBudgetHolds) {
  DecodedCache cache(100);
  int calls = 0;
  const auto first = cache.get(key_of(1), &tag_a, 40, Decoder{"one", &calls}).value();
  EXPECT_FALSE(first.found);
  const auto second = cache.get(key_of(1), &tag_a, 40, Decoder{"other", &calls}).value();
  EXPECT_TRUE(second.found);
  EXPECT_EQ(text_of(second), "one");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(cache.kept_bytes(), 40U);
}

TEST(DecodedCache, KeepsTypesApart) {
  DecodedCache cache(100);
  int calls = 0;
  (void)cache.get(key_of(1), &tag_a, 1, Decoder{"a", &calls}).value();
  const auto other = cache.get(key_of(1), &tag_b, 1, Decoder{"b", &calls}).value();
  EXPECT_EQ(text_of(other), "b");
  EXPECT_EQ(calls, 2);
}

TEST(DecodedCache, DropsTheLeastRecentlyUsedFirst) {
  DecodedCache cache(100);
  int calls = 0;
  for (std::uint64_t serial : {1, 2}) {
    (void)cache.get(key_of(serial), &tag_a, 40, Decoder{"x", &calls}).value();
  }
  (void)cache.get(key_of(1), &tag_a, 40, Decoder{"x", &calls}).value();  // now 2 is the oldest
  (void)cache.get(key_of(3), &tag_a, 40, Decoder{"x", &calls}).value();
  EXPECT_EQ(cache.kept_bytes(), 80U);
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(cache.get(key_of(1), &tag_a, 40, Decoder{"x", &calls}).value().found);
  EXPECT_FALSE(cache.get(key_of(2), &tag_a, 40, Decoder{"x", &calls}).value().found);
}

TEST(DecodedCache, SharesWhatIsInUseEvenWithoutABudget) {
  DecodedCache cache(0);
  int calls = 0;
  {
    const auto in_use = cache.get(key_of(1), &tag_a, 0, Decoder{"x", &calls}).value();
    EXPECT_TRUE(cache.get(key_of(1), &tag_a, 0, Decoder{"x", &calls}).value().found);
  }
  EXPECT_FALSE(cache.get(key_of(1), &tag_a, 0, Decoder{"x", &calls}).value().found);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(cache.kept_bytes(), 0U);
}

TEST(DecodedCache, KeepsNoErrors) {
  DecodedCache cache(100);
  int calls = 0;
  const auto failed = cache.get(key_of(1), &tag_a, 10, [] {
    return Result<std::shared_ptr<const void>>(Error(Errc::corrupt, "damaged"));
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::corrupt);
  EXPECT_EQ(text_of(cache.get(key_of(1), &tag_a, 10, Decoder{"x", &calls}).value()), "x");
}

TEST(DecodedCache, LetsGoOfAllWhenCleared) {
  DecodedCache cache(100);
  int calls = 0;
  const auto in_use = cache.get(key_of(1), &tag_a, 10, Decoder{"used", &calls}).value();
  (void)cache.get(key_of(2), &tag_a, 10, Decoder{"idle", &calls}).value();
  cache.clear();
  EXPECT_EQ(cache.kept_bytes(), 0U);
  EXPECT_EQ(text_of(in_use), "used");
  EXPECT_FALSE(cache.get(key_of(2), &tag_a, 10, Decoder{"idle", &calls}).value().found);
}

TEST(DecodedCache, DecodesOnceForManyThreads) {
  DecodedCache cache(1000);
  constexpr std::uint64_t keys = 300;
  std::atomic<int> calls{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t serial = 1; serial <= keys; ++serial) {
        const auto value = cache.get(key_of(serial), &tag_a, 1, [&] {
          calls.fetch_add(1);
          return Result<std::shared_ptr<const void>>(
              std::shared_ptr<const void>(std::make_shared<const std::string>(std::to_string(serial))));
        });
        EXPECT_EQ(text_of(*value), std::to_string(serial));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(calls, static_cast<int>(keys));
}

}  // namespace
}  // namespace locum::detail
