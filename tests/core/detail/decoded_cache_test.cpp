#include "core/detail/decoded_cache.hpp"

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

/// Decodes to a string, and counts its calls.
struct Decoder {
  std::string text;
  int* calls;

  Result<DecodedCache::Made> operator()() const {
    ++*calls;
    return DecodedCache::Made{std::make_shared<const std::string>(text)};
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

TEST(DecodedCache, OfAStoreHasBoundsOfItsOwn) {
  DecodedCache cache(100);
  int calls = 0;
  const auto get = [&](std::uint32_t store, std::uint64_t serial, std::uint64_t bytes) {
    return cache.get({store, 0, serial}, &tag_a, bytes, Decoder{"x", &calls}).value().found;
  };
  EXPECT_FALSE(get(2, 1, 60));  // before the store has a budget
  EXPECT_FALSE(get(1, 1, 40));
  cache.give_own(2, 0, 2);
  EXPECT_TRUE(get(2, 1, 60)) << "it went along";
  EXPECT_FALSE(get(1, 2, 60)) << "there is room without it";
  EXPECT_TRUE(get(1, 1, 40));
  EXPECT_FALSE(get(2, 2, 1000)) << "bounded by their number alone";
  EXPECT_FALSE(get(2, 3, 1000));
  EXPECT_FALSE(get(2, 1, 60)) << "the third pushed it out";
  EXPECT_TRUE(get(1, 1, 40) && get(1, 2, 60)) << "those of other stores are not pushed out";
  cache.give_own(3, 50, 0);
  EXPECT_FALSE(get(3, 1, 30));
  EXPECT_FALSE(get(3, 2, 30));
  EXPECT_FALSE(get(3, 1, 30));
  EXPECT_FALSE(get(3, 3, 51));
  EXPECT_FALSE(get(3, 3, 51)) << "larger than its cache";
  cache.give_own(3, 1000, 0);
  EXPECT_FALSE(get(3, 3, 51)) << "the first budget holds";
  cache.forget(3);
  EXPECT_FALSE(get(3, 1, 30));
  EXPECT_EQ(cache.kept_bytes(), 100U - 40 + 30 + 1000 + 60) << "a dropped store shares again";
  cache.clear();
  EXPECT_EQ(cache.kept_bytes(), 0U);
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
  const auto failed = cache.get(key_of(1), &tag_a, 10,
                                [] { return Result<DecodedCache::Made>(Error(Errc::corrupt, "damaged")); });
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
          return Result<DecodedCache::Made>(
              DecodedCache::Made{std::make_shared<const std::string>(std::to_string(serial))});
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

TEST(DecodedCache, WaitsForAnotherThreadsDecodingNoLongerThanUntilTheDeadline) {
  DecodedCache cache(1000);
  std::atomic<int> state{0};  // 1: it is decoding; 2: it has to end
  int calls = 0;
  std::thread slow([&] {
    const auto value = cache.get(key_of(1), &tag_a, 1, [&] {
      state = 1;
      while (state != 2) {
        std::this_thread::yield();
      }
      return Decoder{"slow", &calls}();
    });
    EXPECT_TRUE(value);
  });
  while (state != 1) {
    std::this_thread::yield();
  }
  const auto late = cache.get(key_of(1), &tag_a, 1, Decoder{"x", &calls}, DecodedCache::Moment::min());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::timeout);
  EXPECT_TRUE(cache.get(key_of(1), &tag_b, 1, Decoder{"x", &calls}, DecodedCache::Moment::min()));
  state = 2;
  EXPECT_EQ(text_of(cache.get(key_of(1), &tag_a, 1, Decoder{"x", &calls}).value()), "slow");
  slow.join();
  EXPECT_EQ(calls, 2);
}

// As if a decoding thread and another one that it waits for waited for each other for ever.
TEST(DecodedCache, WaitsWithinADecodingNoLongerThanThatMay) {
  DecodedCache cache(1000);
  std::atomic<int> state{0};
  int calls = 0;
  std::thread slow([&] {
    (void)cache.get(key_of(1), &tag_a, 1, [&] {
      state = 1;
      while (state != 2) {
        std::this_thread::yield();
      }
      return Decoder{"slow", &calls}();
    });
  });
  while (state != 1) {
    std::this_thread::yield();
  }
  const auto outer = [&](DecodedCache::Moment until, bool kept) {
    const auto decode = [&]() -> Result<DecodedCache::Made> {
      const auto inner = cache.get(key_of(1), &tag_a, 1, Decoder{"x", &calls});
      return inner ? DecodedCache::Made{inner->value} : Result<DecodedCache::Made>(inner.error());
    };
    return kept ? cache.get(key_of(2), &tag_a, 1, decode, until).has_value()
                : cache.decode_alone(key_of(2), &tag_a, decode, until).has_value();
  };
  EXPECT_FALSE(outer(DecodedCache::Moment::min(), true));
  EXPECT_FALSE(outer(DecodedCache::Moment::min(), false));
  state = 2;
  EXPECT_TRUE(outer(DecodedCache::Moment::max(), true));
  slow.join();
}

TEST(DecodedCache, ForgetsByKeyByNameAndByStore) {
  DecodedCache cache(1000);
  const auto keep = [&](std::uint64_t serial, const void* type, std::uint64_t name) {
    EXPECT_TRUE(cache.get(key_of(serial), type, 10, [&]() -> Result<DecodedCache::Made> {
      return DecodedCache::Made{std::make_shared<const int>(1), name};
    }));
  };
  keep(1, &tag_a, 77);
  keep(1, &tag_b, 77);
  keep(2, &tag_a, 0);
  EXPECT_EQ(cache.kept_bytes(), 30U);
  cache.forget(key_of(3), 78);
  EXPECT_EQ(cache.kept_bytes(), 30U);
  cache.forget(key_of(1), 0);
  EXPECT_EQ(cache.kept_bytes(), 10U);
  keep(3, &tag_a, 77);
  cache.forget({}, 77);
  EXPECT_EQ(cache.kept_bytes(), 10U);
  keep(4, &tag_a, 77);
  keep(5, &tag_a, 77);  // the name's current object
  EXPECT_EQ(cache.kept_bytes(), 20U);
  cache.forget(key_of(1).store + 1);
  EXPECT_EQ(cache.kept_bytes(), 20U);
  cache.forget(key_of(1).store);
  EXPECT_EQ(cache.kept_bytes(), 0U);
}

}  // namespace
}  // namespace locum::detail
