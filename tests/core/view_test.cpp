#include "core/view.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/store.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::SessionFixture;

TEST(View, OfAnArrayIsASpanOfTheObject) {
  const SessionFixture one;
  Store store = one.store();
  const auto view = store.get<int[]>(store.put(std::vector<int>{3, 1, 2}).value()).value();
  EXPECT_TRUE(view);
  EXPECT_EQ(view.size(), 3U);
  EXPECT_EQ(view.size_bytes(), 12U);
  EXPECT_FALSE(view.empty());
  EXPECT_EQ(*std::ranges::max_element(view), 3);
  EXPECT_EQ(std::reduce(view.begin(), view.end()), 6);
  EXPECT_EQ(view[1], 1);
  const std::span<const int> span = view;
  EXPECT_EQ(span.data(), view.data());
  EXPECT_EQ(view->front(), 3);
  EXPECT_EQ((*view).back(), 2);
}

TEST(View, OfAFlatValueLiesInTheObject) {
  const SessionFixture one;
  Store store = one.store();
  const Key key = store.put(2.5).value();
  const auto view = store.get<double>(key).value();
  EXPECT_EQ(*view, 2.5);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(view.get()), store.get_bytes(key)->data());
  EXPECT_EQ(view.key(), key);
}

TEST(View, WithoutAnObjectSaysSo) {
  EXPECT_FALSE(View<int>());
  EXPECT_FALSE(View<int[]>());
  EXPECT_TRUE(View<int[]>().empty());
  const View<int> none;
  EXPECT_EQ(none.get(), nullptr);
}

template <class T>
void expect_that_a_move_leaves_nothing(View<T> view) {
  View<T> copy = view;
  View<T> moved = std::move(copy);
  EXPECT_FALSE(copy);  // NOLINT(bugprone-use-after-move): what it says then is what is tested
  EXPECT_TRUE(moved);
  View<T> assigned;
  assigned = std::move(moved);
  EXPECT_FALSE(moved);  // NOLINT(bugprone-use-after-move)
  ASSERT_TRUE(assigned);
  EXPECT_EQ(assigned.key(), view.key());
  assigned = view;
  EXPECT_TRUE(assigned);
  EXPECT_TRUE(view) << "a copy does not change the original";
  std::swap(moved, assigned);
  EXPECT_TRUE(moved);
  EXPECT_FALSE(assigned);
}

TEST(View, IsEmptyOnceMovedFrom) {
  const SessionFixture one;
  Store store = one.store();
  const Key array = store.put(std::vector<int>{1, 2}).value();
  const Key decoded = store.put(std::vector<std::string>{"a"}).value();
  expect_that_a_move_leaves_nothing(store.get<int[]>(array).value());
  expect_that_a_move_leaves_nothing(store.get<std::vector<int>>(array).value());
  expect_that_a_move_leaves_nothing(store.get<double>(store.put(2.5).value()).value());
  expect_that_a_move_leaves_nothing(store.get<std::vector<std::string>>(decoded).value());

  auto flat = store.get<double>(store.put(2.5).value()).value();
  const auto kept = std::move(flat);
  EXPECT_EQ(flat.get(), nullptr);  // NOLINT(bugprone-use-after-move)
  auto elements = store.get<int[]>(array).value();
  const auto kept_elements = std::move(elements);
  EXPECT_TRUE(elements.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(elements.data(), nullptr);
  EXPECT_EQ(kept_elements.size(), 2U);
}

TEST(View, KeepsItsObjectThroughEvictionAndTheEndOfAll) {
  View<int[]> array;
  View<double> flat;
  View<std::vector<std::string>> decoded;
  {
    const SessionFixture one;
    Store store = one.store();
    array = store.get<int[]>(store.put("a", std::vector<int>(1000, 7)).value()).value();
    flat = store.get<double>(store.put("f", 1.5).value()).value();
    decoded =
        store.get<std::vector<std::string>>(store.put("d", std::vector<std::string>{"x"}).value()).value();
    for (const std::string& name : store.keys().value()) {
      EXPECT_TRUE(store.evict(name).value());
    }
    one.session->close();
  }
  EXPECT_EQ(std::count(array.begin(), array.end(), 7), 1000);
  EXPECT_EQ(array.extents().values[0], 1000U);
  EXPECT_EQ(*flat, 1.5);
  EXPECT_EQ(decoded->front(), "x");
}

TEST(View, IsCopiedToOtherThreads) {
  const SessionFixture one;
  Store store = one.store();
  std::vector<std::thread> threads;
  {
    const Key key = store.put(std::vector<int>(1000, 7)).value();
    const auto view = store.get<int[]>(key).value();
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([copy = view] { EXPECT_EQ(std::count(copy.begin(), copy.end(), 7), 1000); });
    }
    EXPECT_TRUE(store.evict(key).value());
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  threads.clear();
  EXPECT_EQ(one.connector->usage().own_pinned, 0U);
}

}  // namespace
}  // namespace locum
