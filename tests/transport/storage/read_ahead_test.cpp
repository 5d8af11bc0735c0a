// How many objects are asked for ahead of use over a backend, before anything is known of their sizes:
// counted at the backend, which answers when the test lets it.

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "tests/transport/storage/turnstile.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

/// A store with so many objects, each of so many numbers of its own.
class Gated {
 public:
  Gated(const std::shared_ptr<Turnstile>& gate, int objects, std::size_t numbers,
        std::uint64_t prefetch_bytes)
      : store_(open_session(gate, {.prefetch_bytes = prefetch_bytes}).value().open("s").value()) {
    for (int at = 0; at < objects; ++at) {
      names_.push_back(std::to_string(at));
      store_.put(names_.back(), std::vector<double>(numbers, at)).value();
    }
    gate->let_pass(0);
    futures_ = store_.get_async<double[]>(names_);
  }
  void expect_all() const {
    for (std::size_t at = 0; at < futures_.size(); ++at) {
      const auto found = futures_[at].get();
      ASSERT_TRUE(found) << found.error();
      EXPECT_EQ(found.value()[0], static_cast<double>(at));
    }
  }

 private:
  Store store_;
  std::vector<std::string> names_;
  std::vector<Future<double[]>> futures_;
};

// As many as there are threads, although nothing is known of them: and so two rounds for a hundred.
TEST(AheadOfUse, ManySmallObjectsAreAskedForAtOnce) {
  for (const auto& backend : {turnstile(true, whole_record), turnstile(false, 1 << 20)}) {
    const Gated small(backend, 100, 10, 256 << 20);
    EXPECT_TRUE(backend->have_come(64));
    EXPECT_EQ(backend->wholes(), 4);
    backend->let_pass(64);
    EXPECT_TRUE(backend->have_come(100));
    EXPECT_EQ(backend->ends(), 60) << "once the size of one is known, all are asked for as a whole";
    backend->let_pass(all_calls);
    small.expect_all();
    EXPECT_EQ(backend->wholes() + backend->ends(), 100) << "what is small comes with its end";
  }
}

// Whatever is under the names, what comes is within the window, but for the first four.
TEST(AheadOfUse, LargeObjectsQueueOnceTheirSizesAreKnown) {
  const auto backend = turnstile(true, whole_record);
  const Gated large(backend, 40, 25'000, 1 << 20);  // of 200 kB: five fit
  EXPECT_TRUE(backend->have_come(16)) << "ends of 64 KiB";
  EXPECT_EQ(backend->ends(), 12);
  backend->let_pass(16);
  EXPECT_TRUE(backend->have_come(17));
  backend->let_pass(17);
  EXPECT_EQ(backend->wholes(), 5);
  backend->let_pass(all_calls);
  large.expect_all();
  EXPECT_EQ(backend->ends(), 12);
  EXPECT_EQ(backend->wholes(), 40);
}

// Neither an error nor what is known of an object says how large the others are.
TEST(AheadOfUse, WhatIsNotThereTellsNothingOfSizes) {
  const auto backend = turnstile(false, whole_record);
  const Store store = open_session(backend).value().open("s").value();
  ASSERT_TRUE(store.put("there", std::vector<double>(1000)));
  EXPECT_FALSE(store.get_async<double[]>("not there").get());
  EXPECT_TRUE(store.info_async("there").get());
  std::vector<std::string> names;
  for (int at = 0; at < 20; ++at) {
    names.push_back(std::to_string(at));
    ASSERT_TRUE(store.put(names.back(), at));
  }
  backend->let_pass(0);
  const auto futures = store.get_async<int>(names);
  EXPECT_TRUE(backend->have_come(4));
  EXPECT_FALSE(backend->have_come(5, std::chrono::milliseconds(100)));
  backend->let_pass(all_calls);
  for (const auto& future : futures) {
    EXPECT_TRUE(future.get());
  }
}

// A backend that brings all of a record to memory for its end.
TEST(AheadOfUse, FewAreAskedForWhereEndsDoNotComeAlone) {
  const auto backend = turnstile(false, whole_record);
  const Gated small(backend, 20, 10, 256 << 20);
  EXPECT_TRUE(backend->have_come(4));
  EXPECT_FALSE(backend->have_come(5, std::chrono::milliseconds(100))) << "no more before one has come";
  backend->let_pass(all_calls);
  small.expect_all();
  EXPECT_EQ(backend->wholes(), 20);
  EXPECT_EQ(backend->ends(), 0);
}

}  // namespace
}  // namespace locum::tests
