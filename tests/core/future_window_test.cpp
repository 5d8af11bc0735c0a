// How much memory the objects of futures take at a time, and what happens to the rest.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/async/window.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/future_nodes.hpp"

namespace locum::tests::future_window_test {
namespace {

using namespace std::chrono_literals;
using tests::code_of;

/// That many objects fit a window for the payload of five, because an object requested by key or name also
/// counts with its metadata.
constexpr std::size_t in_window = 4;
using Futures = std::vector<Future<double[]>>;

class FutureWindow : public tests::FutureNodes {
 protected:
  static constexpr std::uint64_t window_bytes = 5 * count * sizeof(double);

  [[nodiscard]] Window::Levels window() {
    return world_.rank(2).links->window(CountsUntil::it_is_got)->levels();
  }
  [[nodiscard]] std::uint64_t pinned() { return world_.rank(2).node->levels().pinned - at_first_.pinned; }
  [[nodiscard]] static std::size_t count_ready(const Futures& parts) {
    return static_cast<std::size_t>(
        std::ranges::count_if(parts, [](const auto& part) { return part.ready(); }));
  }
  /// Runs, and calls `look` at each event of the simulation.
  void run_for(std::chrono::nanoseconds time, const std::function<void()>& look) {
    constexpr auto moment = 500us;
    for (auto left = time; left > 0ns; left -= moment) {
      world_.network().run_for(moment);
      look();
    }
  }
  [[nodiscard]] std::vector<std::string> put_named(int number) {
    std::vector<std::string> names;
    for (int i = 0; i < number; ++i) {
      names.push_back(world_.name_at(0, maker_.number(), "of " + std::to_string(i)));
      EXPECT_TRUE(maker_.put(names.back(), std::vector<double>(count, 1.0 * i)));
    }
    return names;
  }
  void expect_bounded_until_got(Futures parts, std::size_t fit = in_window) {
    const std::size_t all = parts.size();
    std::uint64_t most = 0;
    run_for(100ms, [&] {
      EXPECT_LE(window().bytes, window_bytes);
      most = std::max(most, pinned());
    });
    EXPECT_EQ(count_ready(parts), fit) << "an object that has arrived and is unused counts";
    EXPECT_EQ(most, fit) << "exactly the window";
    double sum = 0;
    while (auto part = when_any(parts)) {
      const auto view = part->get();
      ASSERT_TRUE(view) << view.error();
      sum += (*view)[0];
      EXPECT_LE(pinned(), fit + 2) << "the window, the held object, and the awaited one";
      world_.network().run_for(5ms);
    }
    EXPECT_EQ(sum, static_cast<double>(all * (all - 1)) / 2);
    EXPECT_EQ(window(), Window::Levels{});
  }
};

TEST_F(FutureWindow, BoundsWhatComesByKey) {
  const auto keys = put_some(60);
  expect_bounded_until_got(reader_.get_async<double[]>(keys));
  expect_nothing_left(keys);
}

TEST_F(FutureWindow, BoundsWhatComesByName) {
  expect_bounded_until_got(reader_.get_async<double[]>(put_named(60)));
}

TEST_F(FutureWindow, BoundsWhatComesByHandle) {
  const auto keys = put_some(60);
  Futures parts;
  for (const Key& key : keys) {
    parts.push_back(read_->proxy<double[]>(maker_.proxy<double[]>(key).value().handle()).get_async());
  }
  expect_bounded_until_got(std::move(parts), 5);
  expect_nothing_left(keys);
}

TEST_F(FutureWindow, BoundsParts) {
  const auto keys = put_some(15);
  Futures parts;
  for (const Key& key : keys) {
    parts.push_back(reader_.get_async<double[]>(key, {.part = Part{.offset = 0, .count = count / 2}}));
  }
  run_for(100ms, [&] { EXPECT_LE(window().bytes, window_bytes); });
  EXPECT_EQ(count_ready(parts), 10U);
  EXPECT_EQ(parts.front().get()->size(), count / 2);
  parts.clear();
  world_.network().run_for(100ms);
  EXPECT_EQ(window(), Window::Levels{});
  expect_nothing_left(keys);
}

TEST_F(FutureWindow, BoundsSmallObjects) {
  std::vector<Key> keys;
  constexpr std::size_t elements = 500;
  constexpr std::size_t fit = 5 * count / elements;
  for (std::size_t i = 0; i < 2 * fit; ++i) {
    keys.push_back(maker_.put(std::vector<double>(elements, 1.0)).value());
  }
  auto parts = reader_.get_async<double[]>(keys);
  run_for(100ms, [&] { EXPECT_LE(window().bytes, window_bytes); });
  EXPECT_LE(count_ready(parts), fit);
  EXPECT_GE(count_ready(parts), fit - 2);
  parts.clear();
  expect_nothing_left(keys);
}

TEST_F(FutureWindow, LetsGoOfWhatIsDroppedUnread) {
  const auto keys = put_some(3 * in_window);
  auto parts = reader_.get_async<double[]>(keys);
  world_.network().run_for(100ms);
  EXPECT_EQ(count_ready(parts), in_window);
  std::erase_if(parts, [](const auto& part) { return part.ready(); });
  world_.network().run_for(100ms);
  EXPECT_EQ(count_ready(parts), in_window);
  for (const auto& part : parts) {
    part.cancel();
  }
  parts.clear();
  EXPECT_EQ(window(), Window::Levels{});
  expect_nothing_left(keys);
}

TEST_F(FutureWindow, IsExceededByWhatOneThreadWaitsFor) {
  const auto keys = put_some(50);
  const auto parts = reader_.get_async<double[]>(keys);
  world_.network().run_for(100ms);
  EXPECT_EQ(count_ready(parts), in_window);
  EXPECT_EQ((*parts.back().get())[0], 49.0);
  EXPECT_LE(count_ready(parts), in_window + 2);
  const auto began = world_.network().now();
  EXPECT_TRUE(when_all(parts));
  EXPECT_LE(world_.network().now() - began, 20ms) << "concurrently";
  EXPECT_EQ(pinned(), 50U);
}

TEST_F(FutureWindow, KeepsNoChangeWaiting) {
  const auto keys = put_some(50);
  const auto parts = reader_.get_async<double[]>(keys);
  world_.network().run_for(100ms);
  EXPECT_EQ(count_ready(parts), in_window);
  std::vector<AsyncResult<Key>> changes;
  for (int i = 0; i < 200; ++i) {
    changes.push_back(reader_.put_async(world_.name_at(0, reader_.number(), "n" + std::to_string(i)), 1.0));
  }
  world_.network().run_for(100ms);
  for (const auto& change : changes) {
    EXPECT_TRUE(change.ready() && change.get());
  }
}

// An object that does not fit this node's memory lands in this process's memory: not before its turn, and no
// more than the window.
TEST_F(FutureWindow, HoldsWhereTheNodeIsFull) {
  const auto keys = put_some(20);
  std::vector<Key> filling;
  for (std::size_t bytes = std::size_t{1} << 20U; bytes >= 64;) {
    if (const auto key = reader_.put(std::vector<std::byte>(bytes))) {
      filling.push_back(*key);
    } else {
      EXPECT_EQ(key.error().code(), Errc::out_of_memory);
      bytes /= 2;
    }
  }
  ASSERT_EQ(code_of(reader_.put(std::vector<double>(count))), Errc::out_of_memory);
  auto parts = reader_.get_async<double[]>(keys);
  double sum = 0;
  int brought = 0;
  while (auto part = when_any(parts)) {
    const auto view = part->get();
    ASSERT_TRUE(view) << view.error();
    sum += (*view)[0];
    ++brought;
    run_for(20ms, [&] { EXPECT_LE(window().bytes, window_bytes); });
    EXPECT_LE(count_ready(parts), in_window + static_cast<std::size_t>(brought));
  }
  EXPECT_EQ(brought, 20);
  EXPECT_EQ(sum, 190.0);
  EXPECT_EQ(pinned(), 0U) << "none of them uses the node's memory";
  EXPECT_EQ(window(), Window::Levels{});
  for (const Key& key : filling) {
    EXPECT_TRUE(reader_.evict(key).value());
  }
  expect_nothing_left(keys);
}

// Without a deadline, its timeout counts from the moment when it may begin.
TEST_F(FutureWindow, TakesNoTimeOfThoseThatWait) {
  const auto keys = put_some(2 * in_window);
  auto parts = reader_.get_async<double[]>(keys);
  world_.network().run_for(10min);
  EXPECT_EQ(count_ready(parts), in_window);
  std::erase_if(parts, [](const auto& part) { return part.ready(); });
  world_.network().run_for(100ms);
  for (const auto& part : parts) {
    ASSERT_TRUE(part.ready());
    EXPECT_TRUE(part.get()) << part.get().error();
  }
}

}  // namespace
}  // namespace locum::tests::future_window_test
