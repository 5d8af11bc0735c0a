// Objects and tasks of types that are known at run time.
#include "core/raw_view.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/containers.hpp"
#include "core/raw_store.hpp"
#include "core/raw_task_queue.hpp"
#include "core/store.hpp"
#include "core/when.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/doubles_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::code_of;
using tests::doubles_of;
using tests::SessionFixture;

TEST(RawView, HasTheBytesAndTheTypeOfAnObject) {
  const SessionFixture one;
  const Store store = one.store();
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  const Key key = store.put("V", locum::array(values.data(), {2, 3})).value();
  const auto by_key = store.raw().get(key).value();
  EXPECT_EQ(doubles_of(by_key), values);
  EXPECT_EQ(by_key.key(), key);
  const auto info = by_key.info().value();
  EXPECT_EQ(info.type, "f64[]");
  EXPECT_EQ(info.element, ElementType::of<double>());
  EXPECT_EQ(info.extents, Extents(2, 3));
  EXPECT_EQ(info.name, "V");
  const auto typed = store.get<double[]>("V").value();
  EXPECT_EQ(static_cast<const void*>(by_key.bytes().data()), typed.data()) << "in place";

  (void)store.put("list", std::vector<std::string>{"a", "b"}).value();
  const auto list = store.raw().get("list").value();
  EXPECT_FALSE(list.info()->element);
  EXPECT_GT(list.bytes().size(), 2U);
  EXPECT_EQ(code_of(store.raw().get("none")), Errc::not_found);
}

TEST(RawView, KeepsItsObjectInPlace) {
  const SessionFixture one;
  const Store store = one.store();
  const Key key = store.put(std::vector<double>{7}).value();
  std::optional<RawView> view = store.raw().get(key).value();
  const RawView copy = *view;
  EXPECT_TRUE(store.evict(key).value());
  view.reset();
  EXPECT_EQ(doubles_of(copy), std::vector<double>{7});
  const RawView none;
  EXPECT_FALSE(static_cast<bool>(none));
  EXPECT_TRUE(none.bytes().empty());
}

TEST(RawView, ComesLater) {
  const SessionFixture one;
  const Store store = one.store();
  EXPECT_EQ(code_of(store.raw().wait("late", {.deadline = 1ms})), Errc::timeout);
  std::thread other([&] { (void)store.put("late", std::vector<double>{1, 2}).value(); });
  EXPECT_EQ(doubles_of(store.raw().wait("late", {.deadline = 60s}).value()), (std::vector<double>{1, 2}));
  other.join();
  (void)store.put("second", 3.5).value();
  std::vector<AsyncResult<RawView>> coming{store.raw().get_async("late"), store.raw().get_async("second"),
                                           store.raw().get_async("none")};
  EXPECT_TRUE(when_all(coming, 60s));
  EXPECT_EQ(coming[0].get()->info()->type, "f64[]");
  EXPECT_EQ(coming[1].get()->info()->type, "f64");
  EXPECT_EQ(code_of(coming[2].get()), Errc::not_found);
}

TEST(RawTaskQueue, SharesTasksWithTypedOnes) {
  const SessionFixture one;
  const Store store = one.store();
  TaskQueue<double[]> typed(store, "tasks");
  RawTaskQueue raw(store, "tasks");
  EXPECT_EQ(typed.put(std::vector<double>{1, 2}).value(), 0U);
  const std::vector<double> mine{3, 4, 5};
  EXPECT_EQ(raw.put({mine.data(), ElementType::of<double>(), {3}}).value(), 1U);
  auto first = raw.take(60s).value();
  EXPECT_EQ(first.number(), 0U);
  EXPECT_EQ(first.view().info()->element, ElementType::of<double>());
  EXPECT_EQ(doubles_of(first.view()), (std::vector<double>{1, 2}));
  first.done().value();
  {
    const auto given_back = raw.take(60s).value();
    EXPECT_EQ(given_back.number(), 1U);
  }
  auto second = typed.take(60s).value();
  EXPECT_EQ((*second)[2], 5.0) << "which another taker has left";
  second.done().value();

  EXPECT_EQ(raw.put_bytes(std::as_bytes(std::span("any", 3))).value(), 2U);
  auto third = raw.take(60s).value();
  EXPECT_EQ(third.view().info()->layout, Layout::bytes);
  EXPECT_EQ(third.view().bytes().size(), 3U);
  third.done().value();
  EXPECT_EQ(code_of(raw.put({mine.data(), ElementType(), {3}})), Errc::invalid_argument);
  raw.close().value();
  EXPECT_EQ(code_of(typed.put(mine)), Errc::end_of_stream);
  EXPECT_EQ(code_of(raw.take(60s)), Errc::end_of_stream);
}

}  // namespace
}  // namespace locum
