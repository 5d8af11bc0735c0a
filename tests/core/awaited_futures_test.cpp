// Futures of names that are not put yet.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/future_nodes.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

TEST(AwaitedFuture, OfOneProcessEndsWhenTheNameIsPut) {
  const SessionFixture one;
  const Store store = one.store();
  const auto future = store.wait_async<double[]>("T");
  EXPECT_FALSE(future.ready());
  std::thread other([&] { (void)one.store().put("T", std::vector<double>{1.0, 2.0}).value(); });
  const auto view = future.get(20s).value();
  other.join();
  EXPECT_EQ(view[1], 2.0);
  EXPECT_TRUE(store.wait_async<double[]>("T").ready()) << "the name exists";
}

TEST(AwaitedFuture, OfOneProcessSaysWhyItHasNotCome) {
  const SessionFixture one;
  const Store store = one.store();
  const auto late = store.wait_async<double>("T", {.deadline = 1ms});
  const auto error = late.get(20s).error();
  EXPECT_EQ(error.code(), Errc::timeout);
  EXPECT_EQ(error.key(), "T");
  EXPECT_EQ(error.text(), name_not_put().text());
  EXPECT_EQ(code_of(store.wait_async<double>("").get()), Errc::invalid_argument);
  const auto cancelled = store.wait_async<double>("T");
  cancelled.cancel();
  EXPECT_EQ(code_of(cancelled.get()), Errc::cancelled);
  const auto waiting = store.wait_async<double>("T");
  one.session->close();
  EXPECT_EQ(code_of(waiting.get(20s)), Errc::closed);
  EXPECT_EQ(code_of(store.wait_async<double>("T").get()), Errc::closed);
}

/// Two nodes of two ranks, with a latency of a millisecond. Rank 0 makes objects, rank 2 waits for them.
class AwaitedFutures : public FutureNodes {
 protected:
  [[nodiscard]] std::string away(const std::string& name) {
    return world_.name_at(0, reader_.number(), name);
  }
  [[nodiscard]] std::string here(const std::string& name) {
    return world_.name_at(1, reader_.number(), name);
  }
  void expect(const Future<double[]>& future, double value) {
    ASSERT_TRUE(future.ready());
    EXPECT_EQ(future.get().value()[count - 1], value);
  }
};

TEST_F(AwaitedFutures, EndWhenTheirNamesArePut) {
  const auto of_away = reader_.wait_async<double[]>(away("T"));
  const auto of_here = reader_.wait_async<double[]>(here("T"));
  const auto again = reader_.wait_async<double[]>(here("T"));
  const auto own = reader_.wait_async<double[]>(here("own"));
  const auto small = reader_.wait_async<double>(away("small"));
  world_.network().run_for(1s);  // no thread calls the library
  for (const auto* future : {&of_away, &of_here, &again, &own}) {
    EXPECT_FALSE(future->ready());
  }
  ASSERT_TRUE(maker_.put(away("T"), std::vector<double>(count, 1.0)));
  ASSERT_TRUE(maker_.put(here("T"), std::vector<double>(count, 2.0)));
  ASSERT_TRUE(reader_.put(here("own"), std::vector<double>(count, 3.0)));
  ASSERT_TRUE(maker_.put(away("small"), 4.0));
  world_.network().run_for(100ms);
  expect(of_away, 1.0);
  expect(of_here, 2.0);
  expect(again, 2.0);
  expect(own, 3.0);
  EXPECT_EQ(*small.get(0ms).value(), 4.0);
}

TEST_F(AwaitedFutures, EndAtOnceWhereTheNameIsThere) {
  ASSERT_TRUE(maker_.put(away("T"), std::vector<double>(count, 1.0)));
  ASSERT_TRUE(reader_.put(here("own"), std::vector<double>(count, 3.0)));
  expect(reader_.wait_async<double[]>(here("own")), 3.0);
  const auto of_away = reader_.wait_async<double[]>(away("T"));
  world_.network().run_for(100ms);
  expect(of_away, 1.0);
}

TEST_F(AwaitedFutures, EndAtTheirDeadlines) {
  const auto now = world_.network().now();
  const auto of_away = reader_.wait_async<double[]>(away("T"), {.deadline = now + 3s});
  const auto of_here = reader_.wait_async<double[]>(here("T"), {.deadline = now + 3s});
  const auto later = reader_.wait_async<double[]>(here("T"), {.deadline = now + 20s});
  world_.network().run_for(2500ms);
  EXPECT_FALSE(of_away.ready());
  EXPECT_FALSE(of_here.ready());
  world_.network().run_for(2500ms);
  for (const auto* future : {&of_away, &of_here}) {
    ASSERT_TRUE(future->ready());
    EXPECT_EQ(code_of(future->get()), Errc::timeout);
  }
  EXPECT_FALSE(later.ready());
  ASSERT_TRUE(maker_.put(here("T"), std::vector<double>(count, 2.0)));
  world_.network().run_for(100ms);
  expect(later, 2.0);
}

TEST_F(AwaitedFutures, LeaveNothingWhereTheyAreCancelledOrDropped) {
  {
    const auto dropped = reader_.wait_async<double[]>(away("T"));
    const auto cancelled = reader_.wait_async<double[]>(here("T"));
    world_.network().run_for(100ms);
    cancelled.cancel();
    EXPECT_EQ(code_of(cancelled.get()), Errc::cancelled);
  }
  world_.network().run_for(20s);
  ASSERT_TRUE(maker_.put(away("T"), std::vector<double>(count, 1.0)));
  ASSERT_TRUE(maker_.put(here("T"), std::vector<double>(count, 1.0)));
  world_.network().run_for(1s);
  EXPECT_TRUE(maker_.evict(away("T")).value());
  EXPECT_TRUE(maker_.evict(here("T")).value());
  world_.network().run_for(20s);
  expect_only_the_registry();
}

TEST_F(AwaitedFutures, EndWithTheHomeOfTheName) {
  const auto of_away = reader_.wait_async<double[]>(away("T"));
  const auto of_here = reader_.wait_async<double[]>(here("T"));
  world_.network().run_for(100ms);
  mortal_.kill_node(0);
  world_.network().run_for(20s);
  ASSERT_TRUE(of_away.ready());
  EXPECT_EQ(code_of(of_away.get()), Errc::peer_lost);
  EXPECT_FALSE(of_here.ready());
  ASSERT_TRUE(reader_.put(here("T"), std::vector<double>(count, 5.0)));
  world_.network().run_for(100ms);
  expect(of_here, 5.0);
}

TEST_F(AwaitedFutures, EndWithTheRuntime) {
  const auto of_away = reader_.wait_async<double[]>(away("T"));
  const auto of_here = reader_.wait_async<double[]>(here("T"));
  world_.network().run_for(100ms);
  read_->close();
  mortal_.close_now(2);
  for (const auto* future : {&of_away, &of_here}) {
    EXPECT_EQ(code_of(future->get()), Errc::closed);
  }
}

}  // namespace
}  // namespace locum::tests
