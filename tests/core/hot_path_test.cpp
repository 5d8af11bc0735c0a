// Cost of a get, counted by this program's own operator new. Separate from the other tests because it
// replaces the allocator of the whole program.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/store.hpp"
#include "tests/core/allocations.hpp"
#include "tests/core/sample_codecs.hpp"
#include "tests/core/session_fixture.hpp"
#include "tests/core/system_calls.hpp"

namespace locum {
namespace {

using tests::allocations_of;
using tests::SessionFixture;

struct Particle {
  static constexpr std::string_view locum_type_name = "tests.particle";

  double x, y, z;
};

class HotPath : public ::testing::Test {
 protected:
  SessionFixture one_;
  Store store_ = one_.store();
  std::vector<double> values_ = std::vector<double>(100'000, 1.0);
};

TEST_F(HotPath, TheCounterCounts) {
  EXPECT_GE(allocations_of([] { EXPECT_EQ(std::vector<int>(100).size(), 100U); }), 1U);
}

TEST_F(HotPath, AGetByKeyAllocatesAndCopiesNothing) {
  const Key key = store_.put(values_).value();
  const double* where = store_.get<double[]>(key)->data();
  const std::uint64_t made = allocations_of([&] {
    for (int i = 0; i < 1000; ++i) {
      const auto view = store_.get<double[]>(key);
      if (!view || view->data() != where) {
        std::abort();
      }
    }
  });
  EXPECT_EQ(made, 0U);
  EXPECT_EQ(one_.reads(Path::shm_view), 1001U);
  EXPECT_EQ(one_.read_bytes(Path::shm_copy), 0U);
}

TEST_F(HotPath, AGetMakesNoSystemCall) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer makes its own system calls";
#endif
  const Key key = store_.put("T", values_).value();
  (void)store_.get<double[]>(key).value();
  EXPECT_FALSE(tests::makes_no_system_call([] { (void)getppid(); }));
  EXPECT_TRUE(tests::makes_no_system_call([&] {
    for (int i = 0; i < 100; ++i) {
      const auto by_key = store_.get<double[]>(key);
      const auto by_name = store_.get<double[]>("T");
      if (!by_key || !by_name || by_key->data() != by_name->data()) {
        std::abort();
      }
    }
  }));
}

TEST_F(HotPath, AGetByNameAllocatesNothing) {
  const std::string name(1000, 'n');
  store_.put(name, Particle{1, 2, 3}).value();
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 1000; ++i) {
                if (store_.get<Particle>(name).value()->z != 3) {
                  std::abort();
                }
              }
            }),
            0U);
}

TEST_F(HotPath, ADecodedHitAllocatesNothing) {
  const Key key = store_.put(std::vector<std::string>{"a", "b"}).value();
  ASSERT_TRUE(store_.get<std::vector<std::string>>(key));
  EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(store_.get<std::vector<std::string>>(key)); }), 0U);
}

TEST_F(HotPath, AResolvedStandInCostsNothing) {
  const auto proxy = store_.put_proxy(values_).value();
  ASSERT_TRUE(proxy.get());
  EXPECT_EQ(allocations_of([&] {
              const auto copy = proxy;
              const auto view = copy.get();
              const Handle handle = copy.handle();
              EXPECT_EQ((*copy).size(), values_.size());
              EXPECT_TRUE(view && handle.size_bytes == values_.size() * sizeof(double));
            }),
            0U);
}

TEST_F(HotPath, LookingForWhatIsThereOrNotAllocatesNothing) {
  const Key key = store_.put(1).value();
  EXPECT_EQ(allocations_of([&] {
              EXPECT_TRUE(store_.exists(key).value());
              EXPECT_FALSE(store_.exists("nobody").value());
            }),
            0U);
}

// Only the error's place and key: its text is made once per process.
TEST_F(HotPath, AMissAllocatesItsErrorAndTheKeyOfIt) {
  const Key gone = store_.put(1).value();
  ASSERT_TRUE(store_.evict(gone).value());
  const std::string name(1000, 'n');
  const auto miss_costs = [&](const auto& of) {
    return allocations_of([&] { EXPECT_EQ(store_.get<int>(of).error().code(), Errc::not_found); });
  };
  (void)miss_costs(gone);  // the first in this process creates the shared error
  EXPECT_LE(miss_costs(gone), 2U);
  EXPECT_LE(miss_costs(name), 2U);
  EXPECT_EQ(store_.get<int>(gone).error().key(), to_string(gone));
}

TEST_F(HotPath, APutCopiesOnceAndMakesNoBufferOfItsOwn) {
  // The number of allocations does not depend on the value: it is encoded directly into its block.
  const std::vector<std::string> few(2, "text");
  const std::vector<std::string> many(20'000, "text");
  const auto put_costs = [&](const auto& value) {
    return allocations_of([&] { EXPECT_TRUE(store_.put(value)); });
  };
  (void)put_costs(few);  // the connector's tables grow at times, so the minimum of several runs is compared
  std::uint64_t least_few = ~std::uint64_t{0};
  std::uint64_t least_many = ~std::uint64_t{0};
  for (int i = 0; i < 10; ++i) {
    least_few = std::min(least_few, put_costs(few));
    least_many = std::min(least_many, put_costs(many));
  }
  EXPECT_EQ(least_few, least_many);
  EXPECT_LE(least_many, 5U);
}

// Encoded directly into the object's memory; reading a decoded value needs no more allocations than without a
// codec.
TEST_F(HotPath, ACodecMakesNoBufferOfItsOwn) {
  const std::vector<double> few(2, 1.5);
  const auto put_costs = [&](const auto& value) {
    return allocations_of([&] { EXPECT_TRUE(store_.put(value, {.codec = tests::Narrow{}})); });
  };
  (void)put_costs(few);
  std::uint64_t least_few = ~std::uint64_t{0};
  std::uint64_t least_many = ~std::uint64_t{0};
  std::uint64_t least_plain = ~std::uint64_t{0};
  for (int i = 0; i < 10; ++i) {
    least_few = std::min(least_few, put_costs(few));
    least_many = std::min(least_many, put_costs(values_));
    least_plain = std::min(least_plain, allocations_of([&] { EXPECT_TRUE(store_.put(few)); }));
  }
  EXPECT_EQ(least_few, least_many);
  EXPECT_EQ(least_many, least_plain);
  const Key key = store_.put(values_, {.codec = tests::Narrow{}}).value();
  const auto get = [&] { return store_.get<std::vector<double>>(key, {.codec = tests::Narrow{}}); };
  EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(get()); }) > 0, true) << "decoded";
  EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(get()); }), 0U) << "cached";
  const auto proxy = store_.put_proxy(values_, {.codec = tests::Narrow{}}).value();
  ASSERT_TRUE(proxy.get());
  EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(proxy.get()); }), 0U);
}

}  // namespace
}  // namespace locum
