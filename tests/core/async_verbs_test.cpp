// The calls of a store that change, count, read and look, without waiting.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "core/coded_store.hpp"
#include "core/store.hpp"
#include "core/when.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests {
namespace {

TEST(AsyncVerbs, ChangeAndCount) {
  const SessionFixture one;
  const Store store = one.store();
  (void)store.put("v", 1).value();
  int calls = 0;
  const auto changed = store.update_async<int>("v", [&](int value) {
    if (++calls == 1) {
      (void)store.replace("v", 10).value();
    }
    return value + 1;
  });
  EXPECT_EQ(changed.get().value(), 11);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(code_of(store.update_async<int>("none", [](int value) { return value; }).get()), Errc::not_found);
  EXPECT_EQ(code_of(store.update_async<double>("v", [](double value) { return value; }).get()),
            Errc::type_mismatch);
  const auto thrown = store.update_async<int>("v", [](int /*value*/) -> int { throw 7; });
  EXPECT_THROW((void)thrown.get(), int);
  EXPECT_EQ(*store.get<int>("v").value(), 11);

  EXPECT_EQ(store.fetch_add_async("tickets", 5).get().value(), 0);
  EXPECT_EQ(store.fetch_add_async("tickets", -2).get().value(), 5);
  EXPECT_EQ(store.fetch_add("tickets", 1).value(), 3);
  std::vector<AsyncResult<std::int64_t>> many;
  for (int at = 0; at < 20; ++at) {
    many.push_back(store.fetch_add_async("many", 1));
  }
  ASSERT_TRUE(when_all(many));
  std::vector<std::int64_t> taken;
  for (const auto& each : many) {
    taken.push_back(each.get().value());
  }
  std::ranges::sort(taken);
  for (std::int64_t at = 0; at < 20; ++at) {
    EXPECT_EQ(taken[static_cast<std::size_t>(at)], at) << "each ticket once";
  }
  EXPECT_EQ(store.size_async().get().value(), 3U);
  EXPECT_EQ(store.clear_async().get().value(), 3U);
  EXPECT_EQ(store.size_async().get().value(), 0U);
}

TEST(AsyncVerbs, ReadIntoMemoryWhenTheResultIsTaken) {
  const SessionFixture one;
  const Store store = one.store();
  (void)store.put("v", std::vector<double>{1, 2, 3, 4}).value();
  std::array<double, 4> mine{};
  {
    const auto read = store.read_async("v", std::span(mine));
    EXPECT_TRUE(read.wait_for());
    EXPECT_EQ(mine[0], 0) << "nobody has taken the result";
    EXPECT_EQ(read.get().value(), 4U);
    EXPECT_EQ(mine, (std::array<double, 4>{1, 2, 3, 4}));
  }
  mine = {};
  const auto column = locum::array(mine.data(), {2, 1}, {2, 1});
  EXPECT_EQ(store.read_async("v", column, {.part = {.offset = 1, .count = 2}}).get().error().code(),
            Errc::invalid_argument)
      << "a part has one extent";
  EXPECT_EQ(store.read_async("v", locum::array(mine.data(), {2}, {2}), {.part = {.offset = 1, .count = 2}})
                .get()
                .value(),
            2U);
  EXPECT_EQ(mine, (std::array<double, 4>{2, 0, 3, 0}));
  EXPECT_EQ(code_of(store.read_async("none", std::span(mine)).get()), Errc::not_found);
  std::array<float, 4> floats{};
  EXPECT_EQ(code_of(store.read_async("v", std::span(floats)).get()), Errc::type_mismatch);
  const auto cancelled = store.read_async("v", std::span(mine));
  cancelled.cancel();
  EXPECT_TRUE(cancelled.get() || cancelled.get().error().code() == Errc::cancelled);
}

}  // namespace
}  // namespace locum::tests
