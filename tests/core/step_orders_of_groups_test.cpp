// Streams of steps that the members of a group share, where one of them joins, leaves or dies between two
// lines of the library, or where there is no memory for one of its records.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <semaphore>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/stream.hpp"
#include "tests/core/step_orders_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(StepOrders, AStepThatIsHiddenForAMomentIsNotPassedOverByAGroup) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader early(side(), "s");
  write(out, 0);
  early.next(10s).value().release();
  StepReader member(side(), "s", {.group = "g"});
  join_while_a_step_is_hidden(out, member);
}

TEST_F(StepOrders, AStepOfADeadMemberGoesToOneThatHasJoinedBehindIt) {
  const auto lost = rank();
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader dying({*lost, 0, 1, number()}, "s", {.group = "g"});
  write(out, 0);
  const auto held = dying.next(10s);
  ASSERT_TRUE(held);
  {
    StepReader other(side(), "s", {.group = "g"});
    for (int n = 1; n < 3; ++n) {
      write(out, n);
      EXPECT_EQ(other.next(10s).value().number(), static_cast<std::uint64_t>(n));
    }
    write(out, 3);  // frees those that were read
  }
  StepReader later(side(), "s", {.group = "g"});
  EXPECT_EQ(later.next(10s).value().number(), 3U);
  lost->close();
  write(out, 4);
  std::thread closing(
      [&] { EXPECT_TRUE(out.close({.deadline = 60s})); });  // gives back what the dead one held
  std::set<std::uint64_t> numbers;
  auto step = later.next(30s);
  for (; step; step = later.next(30s)) {
    numbers.insert(step->number());
    step->release();
  }
  EXPECT_EQ(step.error().code(), Errc::end_of_stream) << step.error().what();
  EXPECT_EQ(numbers, (std::set<std::uint64_t>{0, 4}));
  closing.join();
}

TEST_F(StepOrders, TheLastStepOfADeadMemberGoesToAnother) {
  const auto lost = rank();
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader dying({*lost, 0, 1, number()}, "s", {.group = "g"});
  StepReader other(side(), "s", {.group = "g"});
  write(out, 0);
  write(out, 1);
  std::optional<InputStep> held = dying.next(10s).value();
  EXPECT_EQ(other.next(10s).value().number(), 1U);
  std::thread closing([&] { EXPECT_TRUE(out.close({.deadline = 60s})); });
  const Error late = other.next(500ms).error();
  EXPECT_EQ(late.code(), Errc::timeout);
  EXPECT_NE(late.text().find("has not released step 0"), std::string_view::npos) << late.what();
  lost->close();
  auto again = other.next(30s);
  EXPECT_TRUE(again) << again.error().what();
  if (again) {
    EXPECT_EQ(again->number(), 0U);
    again->release();
  }
  EXPECT_EQ(other.next(30s).error().code(), Errc::end_of_stream);
  closing.join();
}

TEST_F(StepOrders, MembersThatHoldAStepDoNotWaitForEachOther) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader one(side(), "s", {.group = "g"});
  StepReader two(side(), "s", {.group = "g"});
  write(out, 0);
  write(out, 1);
  auto first = one.next(10s).value();
  auto second = two.next(10s).value();
  std::thread closing([&] { EXPECT_TRUE(out.close({.deadline = 60s})); });
  EXPECT_EQ(one.next(60s).error().code(), Errc::end_of_stream);
  EXPECT_EQ(two.next(60s).error().code(), Errc::end_of_stream);
  first.release();
  second.release();
  closing.join();
}

TEST_F(StepOrders, AMemberThatLeavesForLackOfMemoryTakesNoStepAlong) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  std::optional<StepReader> poor(std::in_place, side(), "s", StepReaderOptions{.group = "g"});
  StepReader other(side(), "s", {.group = "g"});
  EXPECT_EQ(other.next(10ms).error().code(), Errc::timeout);
  write(out, 0);
  connector_->on_create([](std::string_view name) { return is_of(name, "/released/"); });
  EXPECT_EQ(poor->next(10s).error().code(), Errc::out_of_memory);
  connector_->on_create({});
  poor.reset();
  const auto step = other.next(10s);
  ASSERT_TRUE(step) << step.error().what();
  EXPECT_EQ(step->number(), 0U);
}

TEST_F(StepOrders, AMemberThatLeavesGivesUpOnlyItsOwnClaim) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader early(side(), "s");
  write(out, 0);
  early.next(10s).value().release();
  std::optional<StepReader> leaving(std::in_place, side(), "s", StepReaderOptions{.group = "g"});
  std::binary_semaphore claims(0);
  std::binary_semaphore may_claim(0);
  std::atomic<int> claimed = 0;
  connector_->on_create([&](std::string_view name) {
    if (is_of(name, "/begun/0") && claimed++ == 0) {
      claims.release();
      EXPECT_TRUE(may_claim.try_acquire_for(30s));
    }
    return false;
  });
  Errc seen{};
  std::thread joining;
  std::atomic<int> hidden = 0;
  connector_->on_evict([&](std::string_view name) {
    if (is_of(name, "/step/0") && hidden++ == 0) {
      joining = std::thread([&] { seen = leaving->next(100ms).error().code(); });
      EXPECT_TRUE(claims.try_acquire_for(30s));  // it has seen the step
    }
  });
  const auto writer = std::this_thread::get_id();
  connector_->on_got([&](std::string_view name, bool) {
    if (std::this_thread::get_id() == writer && is_of(name, "/joined/1") && joining.joinable()) {
      may_claim.release();  // while the step is hidden: it gives it up
      joining.join();
    }
  });
  write(out, 1);
  connector_->on_create({});
  connector_->on_evict({});
  connector_->on_got({});
  ASSERT_EQ(hidden, 1);
  ASSERT_FALSE(joining.joinable());
  ASSERT_EQ(seen, Errc::timeout);
  StepReader reading(side(), "s", {.group = "g"});
  const auto held = reading.next(10s);
  ASSERT_TRUE(held) << held.error().what();
  EXPECT_EQ(held->number(), 0U);
  leaving.reset();
  StepReader late(side(), "s", {.group = "g"});
  const auto other = late.next(10s);
  ASSERT_TRUE(other) << other.error().what();
  EXPECT_EQ(other->number(), 1U);
}

TEST_F(StepOrders, AMemberThatComesToItsDeadlineTakesNoStepAlong) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  std::optional<StepReader> late(std::in_place, side(), "s", StepReaderOptions{.group = "g"});
  StepReader other(side(), "s", {.group = "g"});
  EXPECT_EQ(other.next(10ms).error().code(), Errc::timeout);
  EXPECT_EQ(late->next(10ms).error().code(), Errc::timeout);
  write(out, 0);
  connector_->on_get([](std::string_view name) { return is_of(name, "/begun/0"); });
  EXPECT_EQ(late->next(10s).error().code(), Errc::timeout);
  connector_->on_get({});
  late.reset();
  const auto step = other.next(10s);
  ASSERT_TRUE(step) << step.error().what();
  EXPECT_EQ(step->number(), 0U);
}

TEST_F(StepOrders, AMemberThatCameToItsDeadlineReadsWhatItHasClaimedBehindAnOlderStep) {
  const auto lost = rank();
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader dying({*lost, 0, 1, number()}, "s", {.group = "g"});
  StepReader late(side(), "s", {.group = "g"});
  EXPECT_EQ(late.next(10ms).error().code(), Errc::timeout);
  write(out, 0);
  const auto held = dying.next(10s);
  ASSERT_TRUE(held) << held.error().what();
  write(out, 1);
  connector_->on_get([](std::string_view name) { return is_of(name, "/begun/1"); });
  EXPECT_EQ(late.next(10s).error().code(), Errc::timeout);
  connector_->on_get({});
  lost->close();
  // Another thread learns of the death. The first begin() behind that gives step 0 back.
  const auto is_held = [&] {
    return std::ranges::any_of(records(), [](const auto& name) { return is_of(name, "/begun/0"); });
  };
  for (const auto until = std::chrono::steady_clock::now() + 60s;
       is_held() && std::chrono::steady_clock::now() < until;) {
    out.begin({.deadline = 10s}).value().discard();
  }
  write(out, 2);
  for (std::uint64_t number = 0; number < 3; ++number) {
    const auto step = late.next(10s);
    ASSERT_TRUE(step) << step.error().what();
    EXPECT_EQ(step->number(), number);
  }
}

TEST_F(StepOrders, AMemberIsToldTheEndThoughAReaderBesideTheGroupHoldsSteps) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader beside(side(), "s");
  StepReader one(side(), "s", {.group = "g"});
  StepReader two(side(), "s", {.group = "g"});
  EXPECT_EQ(two.next(10ms).error().code(), Errc::timeout);
  write(out, 0);
  auto held = beside.next(10s).value();
  one.next(10s).value().release();
  std::thread closing([&] { EXPECT_TRUE(out.close({.deadline = 60s})); });
  EXPECT_EQ(two.next(30s).error().code(), Errc::end_of_stream) << "nobody of the group holds a step";
  held.release();
  closing.join();
}

// The member looks at the end: at whose claim a step is, and then whether that one holds it.
TEST_F(StepOrders, AStepThatIsGivenBackWhileAMemberLooksGoesToIt) {
  const auto lost = rank();
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader dying({*lost, 0, 1, number()}, "s", {.group = "g"});
  StepReader other(side(), "s", {.group = "g"});
  write(out, 0);
  const auto held = dying.next(10s);
  ASSERT_TRUE(held) << held.error().what();
  const detail::Stream stream(store_, session_->state(),
                              *store_.get<detail::StreamRecord>(detail::Stream::name("s")).value(), "s");
  const Handle presence = store_.get<detail::SideRecord>(stream.joined(0)).value()->ranks.front();
  std::thread closing([&] { EXPECT_TRUE(out.close({.deadline = 60s})); });
  const auto reader = std::this_thread::get_id();
  bool has_got_end = false;
  bool was_given_back = false;
  connector_->on_got([&](std::string_view name, bool there) {
    if (std::this_thread::get_id() != reader) {
      return;
    }
    if (has_got_end && is_of(name, "/begun/0") && !was_given_back) {
      was_given_back = true;
      lost->close();
      EXPECT_TRUE(store_.wait<std::uint8_t>(stream.left(presence), 30s));
    }
    has_got_end = there && is_of(name, "/step/1");  // what it gets next is the claim
  });
  auto step = other.next(30s);
  connector_->on_got({});
  EXPECT_TRUE(was_given_back);
  EXPECT_TRUE(step) << step.error().what();
  if (step) {
    EXPECT_EQ(step->number(), 0U);
    step->release();
  }
  EXPECT_EQ(other.next(30s).error().code(), Errc::end_of_stream);
  closing.join();
}

// The writer has seen that one rank of a member has died, and not yet that the other one has left.
TEST_F(StepOrders, AMemberOfTwoRanksOfWhichOneHasDiedLeavesNothing) {
  const auto lost = rank();
  const std::uint64_t both = number();
  {
    StepReader first(side(0, 2, both), "s", {.group = "g"});
    {
      StepWriter out(side(), "s");
      StepReader second({*lost, 1, 2, both}, "s", {.group = "g"});
      EXPECT_EQ(second.next(10ms).error().code(), Errc::timeout);
      write(out, 0);
      first.next(10s).value().release();
      lost->close();
      out.close({.deadline = 10s}).value();
    }
    EXPECT_EQ(first.next(10s).error().code(), Errc::end_of_stream);
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, MembersThatJoinTogetherWantTheSameSteps) {
  const auto lost = rank();
  {
    StepWriter out(side(), "s", {.queue_steps = 4});
    write(out, 0);
    write(out, 1);
    StepReader dying({*lost, 0, 1, number()}, "s", {.group = "g"});
    StepReader other(side(), "s", {.group = "g"});
    std::optional<InputStep> held;
    std::binary_semaphore decides(0);
    std::binary_semaphore may_decide(0);
    std::atomic<int> decisions = 0;
    connector_->on_create([&](std::string_view name) {
      if ((is_of(name, "/from/") || is_of(name, "/begins/")) && decisions++ == 0) {
        decides.release();  // with step 0
        EXPECT_TRUE(may_decide.try_acquire_for(30s));
      }
      return false;
    });
    std::thread joining([&] {
      held = dying.next(10s).value();
      dying.next(10s).value().release();
    });
    ASSERT_TRUE(decides.try_acquire_for(30s));
    const auto reader = std::this_thread::get_id();
    connector_->on_got([&](std::string_view name, bool) {
      if (std::this_thread::get_id() == reader && is_of(name, "/published") && joining.joinable()) {
        may_decide.release();
        joining.join();
        std::thread([&] { write(out, 2); }).join();  // frees step 1: the next one that is found is step 2
      }
    });
    auto step = other.next(10s);
    connector_->on_got({});
    connector_->on_create({});
    ASSERT_FALSE(joining.joinable());
    ASSERT_TRUE(step) << step.error().what();
    EXPECT_EQ(step->number(), 2U);
    step->release();
    lost->close();
    std::thread closing([&] { EXPECT_TRUE(out.close({.deadline = 60s})); });
    step = other.next(30s);
    EXPECT_TRUE(step) << "the step of the dead member was read by nobody: " << step.error().what();
    if (step) {
      EXPECT_EQ(step->number(), 0U);
      step->release();
    }
    EXPECT_EQ(other.next(30s).error().code(), Errc::end_of_stream);
    closing.join();
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, TheLastStepOfADeadWriterIsReadBehindOneThatWasGivenBack) {
  // Before the writers, whose thread uses them until it ends.
  std::binary_semaphore publishes(0);
  std::binary_semaphore may_fail(0);
  std::atomic<int> tries = 0;
  const auto lost = rank();
  const auto dead = rank();
  const std::uint64_t both = number();
  StepWriter first({*lost, 0, 2, both}, "s", {.queue_steps = 4, .when_full = WhenFull::drop_newest});
  StepWriter second(side(1, 2, both), "s", {.queue_steps = 4, .when_full = WhenFull::drop_newest});
  StepReader dying({*dead, 0, 1, number()}, "s", {.group = "g"});
  StepReader other(side(), "s", {.group = "g"});
  EXPECT_EQ(other.next(10ms).error().code(), Errc::timeout);
  const auto write_both = [&](int value) {
    write(first, value);
    write(second, value);
  };
  write_both(0);
  const auto held = dying.next(10s);
  ASSERT_TRUE(held) << held.error().what();
  write_both(1);
  for (const std::uint64_t number : {1U, 0U}) {  // step 0 when it is given back
    const auto step = other.next(30s);
    ASSERT_TRUE(step) << step.error().what();
    EXPECT_EQ(step->number(), number);
    dead->close();
  }
  // All writers end the last step, and the first one dies before it publishes it.
  connector_->on_create([&](std::string_view name) {
    if (is_of(name, "/step/2") && tries++ == 0) {
      publishes.release();
      EXPECT_TRUE(may_fail.try_acquire_for(30s));
      return true;
    }
    return false;
  });
  write_both(2);
  ASSERT_TRUE(publishes.try_acquire_for(30s));
  lost->close();
  may_fail.release();
  const auto last = other.next(30s);
  connector_->on_create({});
  ASSERT_TRUE(last) << last.error().what();
  EXPECT_EQ(last->number(), 2U);
}

TEST_F(StepOrders, AMemberIsToldWhichStepIsLate) {
  StepWriter out(side(), "s", {.queue_steps = 2});
  StepReader member(side(), "s", {.group = "g"});
  for (int n = 0; n < 2; ++n) {
    write(out, n);
    member.next(10s).value().release();
  }
  const Error late = member.next(10ms).error();
  EXPECT_EQ(late.code(), Errc::timeout);
  EXPECT_NE(late.text().find("has not ended step 2"), std::string_view::npos) << late.what();
}

TEST_F(StepOrders, AMemberIsToldThatItHoldsAllSteps) {
  StepWriter out(side(), "s", {.queue_steps = 2});
  StepReader member(side(), "s", {.group = "g"});
  write(out, 0);
  write(out, 1);
  const auto first = member.next(10s).value();
  const auto second = member.next(10s).value();
  const Error late = member.next(10ms).error();
  EXPECT_EQ(late.code(), Errc::timeout);
  EXPECT_NE(late.text().find("holds 2 steps"), std::string_view::npos) << late.what();
}

}  // namespace
}  // namespace locum::tests
