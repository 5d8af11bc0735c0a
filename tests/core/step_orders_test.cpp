// Streams of steps where another rank opens, joins, leaves or dies between two lines of the library, or where
// there is no memory for one of its records.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "core/steps/stream.hpp"
#include "tests/core/step_orders_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(StepOrders, AFirstRankMayReadAndLeaveWhileTheWriterLooks) {
  StepWriter out(side(), "s", {.queue_steps = 2});
  const std::uint64_t both = number();
  std::optional<StepReader> first(std::in_place, side(0, 2, both), "s");
  StepReader second(side(1, 2, both), "s");
  write(out, 0);
  write(out, 1);
  EXPECT_EQ(second.next(1ms).error().code(), Errc::timeout);
  std::binary_semaphore decides(0);
  std::binary_semaphore may_decide(0);
  std::binary_semaphore has_left(0);
  std::atomic<int> decisions = 0;
  connector_->on_create([&](std::string_view name) {
    if (is_of(name, "/from/") && decisions++ == 0) {
      decides.release();
      EXPECT_TRUE(may_decide.try_acquire_for(30s));
    }
    return false;
  });
  std::thread reading([&] {
    EXPECT_TRUE(first->next(30s));
    first.reset();
    has_left.release();
  });
  EXPECT_TRUE(decides.try_acquire_for(30s));
  const auto writer = std::this_thread::get_id();
  std::atomic<int> questions = 0;
  connector_->on_got([&](std::string_view name, bool there) {
    if (std::this_thread::get_id() == writer && is_of(name, "/from/") && questions++ == 0) {
      EXPECT_FALSE(there);
      may_decide.release();
      EXPECT_TRUE(has_left.try_acquire_for(30s));
    }
  });
  EXPECT_FALSE(out.begin({.deadline = 100ms})) << "there is room, though the second rank has read nothing";
  connector_->on_got({});
  connector_->on_create({});
  reading.join();
  for (int n = 0; n < 2; ++n) {
    const auto step = second.next(10s);
    ASSERT_TRUE(step) << step.error().what();
    EXPECT_EQ(*step->get<int>("n").value(), n);
  }
}

TEST_F(StepOrders, WritersWithoutStepsNeedNoReader) {
  const std::uint64_t both = number();
  StepWriter first(side(0, 2, both), "s", {.rendezvous_readers = 1});
  StepWriter second(side(1, 2, both), "s", {.rendezvous_readers = 1});
  Result<void> closed;
  std::thread closing([&] { closed = second.close({.deadline = 10s}); });
  const auto ended = first.close({.deadline = 10s});
  closing.join();
  EXPECT_TRUE(ended) << ended.error().what();
  EXPECT_TRUE(closed) << closed.error().what();
}

TEST_F(StepOrders, OpeningWithoutMemoryFailsAtOnce) {
  const std::uint64_t both = number();
  StepWriter first(side(0, 2, both), "s");
  connector_->on_create([](std::string_view name) { return is_of(name, "/writer/"); });
  const auto began = std::chrono::steady_clock::now();
  try {
    StepWriter second(side(1, 2, both), "s");
    ADD_FAILURE() << "a writer was opened for which there was no memory";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::out_of_memory);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);  // the runtime's patience is 60 s
  connector_->on_create({});
  EXPECT_FALSE(first.close({.deadline = 10ms}));
}

TEST_F(StepOrders, AStepThatCouldNotBeShownAgainIsShownLater) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader early(side(), "s");
  write(out, 0);
  early.next(10s).value().release();
  const std::uint64_t both = number();
  StepReader first(side(0, 2, both), "s");
  StepReader second(side(1, 2, both), "s");
  EXPECT_FALSE(second.next(1ms));
  std::atomic<int> hidden = 0;
  connector_->on_evict([&](std::string_view name) {
    if (is_of(name, "/step/0") && hidden++ == 0) {
      EXPECT_TRUE(first.next(10s));
      connector_->on_create([](std::string_view again) { return is_of(again, "/step/0"); });
    }
  });
  EXPECT_EQ(out.begin({.deadline = 10s}).error().code(), Errc::out_of_memory);
  EXPECT_EQ(hidden, 1);
  connector_->on_create({});
  connector_->on_evict({});
  write(out, 1);
  const auto step = second.next(10s);
  EXPECT_TRUE(step && step->number() == 0U);
}

TEST_F(StepOrders, WhatIsReleasedGivesMemoryForAStepThatCouldNotBeShownAgain) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader early(side(), "s");
  write(out, 0);
  write(out, 1);
  auto held = early.next(10s).value();
  early.next(10s).value().release();
  const std::uint64_t both = number();
  StepReader first(side(0, 2, both), "s", {.start_at = StartAt::newest});
  StepReader second(side(1, 2, both), "s", {.start_at = StartAt::newest});
  EXPECT_FALSE(second.next(1ms));
  std::atomic<int> hidden = 0;
  std::atomic<bool> is_full = false;
  connector_->on_create([&](std::string_view name) { return is_of(name, "/step/1") && is_full; });
  connector_->on_evict([&](std::string_view name) {
    if (is_of(name, "/step/1") && hidden++ == 0) {
      EXPECT_TRUE(first.next(10s));
      is_full = true;
    } else if (is_of(name, "/step/0")) {
      is_full = false;
    }
  });
  EXPECT_EQ(out.begin({.deadline = 10s}).error().code(), Errc::out_of_memory);
  ASSERT_EQ(hidden, 1);
  held.release();
  auto begun = out.begin({.deadline = 10s});
  connector_->on_create({});
  connector_->on_evict({});
  ASSERT_TRUE(begun) << begun.error().what();
  begun->discard();
  const auto step = second.next(10s);
  ASSERT_TRUE(step) << step.error().what();
  EXPECT_EQ(step->number(), 1U);
}

TEST_F(StepOrders, AStreamThatIsOpenedAgainLeavesNothingOfTheOneBefore) {
  for (int round = 0; round < 4; ++round) {
    StepWriter out(side(), "s");
    write(out, round);
    EXPECT_EQ(out.close({.deadline = 10ms}).error().code(), Errc::timeout);
  }
  {
    StepReader in(side(), "s");
    EXPECT_EQ(*in.next(10s).value().get<int>("n").value(), 3);
    EXPECT_FALSE(in.next(10s));
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, ADeadWriterLeavesNothing) {
  const auto lost = rank();
  const std::uint64_t both = number();
  {
    StepWriter first(side(0, 2, both), "s");
    StepWriter second({*lost, 1, 2, both}, "s");
    StepReader in(side(), "s");
    write(first, 0);
    write(second, 0);
    in.next(10s).value().release();
    write(first, 1);
    lost->close();
    EXPECT_EQ(in.next(10s).error().code(), Errc::peer_lost);
    EXPECT_EQ(first.close({.deadline = 10s}).error().code(), Errc::peer_lost);
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, ADeadWriterIsNoticedBeforeTheReadersCome) {
  const auto lost = rank();
  const std::uint64_t both = number();
  StepWriter first(side(0, 2, both), "s", {.rendezvous_readers = 1});
  StepWriter second({*lost, 1, 2, both}, "s", {.rendezvous_readers = 1});
  lost->close();
  EXPECT_EQ(first.begin({.deadline = 30s}).error().code(), Errc::peer_lost);
  EXPECT_EQ(first.close({.deadline = 30s}).error().code(), Errc::peer_lost);
}

TEST_F(StepOrders, AReaderThatLeavesALostStreamTakesNothingFromItsFirstWriter) {
  const auto lost = rank();
  const std::uint64_t both = number();
  StepWriter first(side(0, 2, both), "s", {.rendezvous_readers = 1});
  StepWriter second({*lost, 1, 2, both}, "s", {.rendezvous_readers = 1});
  // With the record that there is no room for a step the first writer learns of the loss, later than a
  // reader.
  std::binary_semaphore has_failed{0};
  connector_->on_create([&](std::string_view name) {
    if (is_of(name, "room/")) {
      has_failed.release();
    }
    return false;
  });
  lost->close();
  has_failed.acquire();
  connector_->on_create({});
  {
    StepReader in(side(), "s");
    EXPECT_EQ(in.next(30s).error().code(), Errc::peer_lost);
  }
  EXPECT_EQ(first.begin({.deadline = 30s}).error().code(), Errc::peer_lost);
  EXPECT_EQ(first.close({.deadline = 30s}).error().code(), Errc::peer_lost);
}

TEST_F(StepOrders, ADeadWriterIsNoticedWhileThereIsNoRoom) {
  const auto lost = rank();
  const std::uint64_t both = number();
  StepWriter first(side(0, 2, both), "s", {.queue_steps = 1});
  StepWriter second({*lost, 1, 2, both}, "s", {.queue_steps = 1});
  StepReader in(side(), "s");
  write(first, 0);
  write(second, 0);
  auto held = in.next(10s);
  ASSERT_TRUE(held) << held.error().what();
  lost->close();
  EXPECT_EQ(first.begin({.deadline = 30s}).error().code(), Errc::peer_lost);
  held->release();
  EXPECT_EQ(in.next(10s).error().code(), Errc::peer_lost);
  EXPECT_EQ(first.close({.deadline = 30s}).error().code(), Errc::peer_lost);
}

TEST_F(StepOrders, ADeadReaderLeavesNothing) {
  const auto lost = rank();
  {
    StepWriter out(side(), "s");
    StepReader in({*lost, 0, 1, number()}, "s");
    write(out, 0);
    const auto step = in.next(10s);
    EXPECT_TRUE(step);
    lost->close();
    out.close({.deadline = 10s}).value();
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, AWriterThatDiesInCloseLeavesNothing) {
  const auto lost = rank();
  const std::uint64_t both = number();
  {
    StepWriter first(side(0, 2, both), "s");
    StepWriter second({*lost, 1, 2, both}, "s");
    StepReader in(side(), "s");
    write(first, 0);
    write(second, 0);
    auto step = in.next(10s);
    EXPECT_TRUE(step);
    std::counting_semaphore<> ends(0);
    connector_->on_create([&](std::string_view name) {
      if (is_of(name, "/step/1")) {
        ends.release();  // both have closed, and the step is still to be released
      }
      return false;
    });
    std::thread dying([&] { EXPECT_FALSE(second.close({.deadline = 60s})); });
    std::thread closing([&] { EXPECT_TRUE(first.close({.deadline = 60s})); });
    EXPECT_TRUE(ends.try_acquire_for(30s));
    connector_->on_create({});
    lost->close();
    dying.join();
    step->release();
    closing.join();
    EXPECT_EQ(in.next(10s).error().code(), Errc::end_of_stream);
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, AReaderThatDiesBehindTheWriterLeavesNothing) {
  const auto lost = rank();
  {
    StepReader dying({*lost, 0, 1, number()}, "s");
    StepReader in(side(), "s");
    Result<InputStep> held = Error(Errc::timeout, "");
    {
      StepWriter out(side(), "s");
      write(out, 0);
      EXPECT_TRUE(in.next(10s));
      held = dying.next(10s);
      EXPECT_TRUE(held);
      EXPECT_EQ(out.close({.deadline = 10ms}).error().code(), Errc::timeout);
    }
    lost->close();
    EXPECT_EQ(in.next(10s).error().code(), Errc::end_of_stream);
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, AStreamThatIsOpenedAgainLeavesNothingOfADeadReader) {
  for (int round = 0; round < 2; ++round) {
    const auto lost = rank();
    StepReader dying({*lost, 0, 1, number()}, "s");
    StepWriter out(side(), "s");
    write(out, round);
    const auto held = dying.next(10s);
    EXPECT_TRUE(held);
    EXPECT_EQ(out.close({.deadline = 10ms}).error().code(), Errc::timeout);
    lost->close();
  }
  {
    StepWriter out(side(), "s");
    StepReader in(side(), "s");
    write(out, 2);
    in.next(10s).value().release();
    out.close({.deadline = 10s}).value();
    EXPECT_EQ(in.next(10s).error().code(), Errc::end_of_stream);
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, AReaderThatLeavesWithoutMemoryLeavesNothing) {
  {
    StepWriter out(side(), "s");
    {
      StepReader in(side(), "s");
      write(out, 0);
      EXPECT_TRUE(in.next(10s));
      connector_->on_create([](std::string_view name) { return is_of(name, "/left/"); });
    }
    connector_->on_create({});
    out.close({.deadline = 10s}).value();
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, WhoJoinsAStreamThatIsToBeRemovedReadsIt) {
  std::optional<StepReader> late(std::in_place, side(), "s");
  {
    StepWriter out(side(), "s");
    StepReader leaving(side(), "s");
    write(out, 0);
    write(out, 1);
    leaving.next(10s).value().release();
    EXPECT_EQ(out.close({.deadline = 10ms}).error().code(), Errc::timeout);
    // The last one that leaves removes the stream, and asks for its name twice for that.
    int questions = 0;
    std::optional<Result<InputStep>> step;
    connector_->on_got([&](std::string_view name, bool) {
      if (name == detail::Stream::name("s") && ++questions == 2) {
        step = late->next(10s);
      }
    });
    { const StepReader gone = std::move(leaving); }
    connector_->on_got({});
    ASSERT_TRUE(step && *step) << (step ? (*step).error().what() : "nobody has joined");
    EXPECT_EQ((*step)->number(), 1U);
  }
  EXPECT_EQ(late->next(10s).error().code(), Errc::end_of_stream);
  late.reset();
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, WhoHasJoinedReadsTheStepsOfAStreamOfWhichAnotherOneHasSeenTheEnd) {
  {
    StepWriter out(side(), "s");
    StepReader first(side(), "s");
    StepReader second(side(), "s");
    write(out, 0);
    first.next(10s).value().release();
    // Between the second one's joining and its look at the name, the first one reads the end.
    std::thread closing;
    const auto joining = std::this_thread::get_id();
    connector_->on_got([&](std::string_view name, bool) {
      if (std::this_thread::get_id() == joining && is_of(name, "/joined/1") && !closing.joinable()) {
        closing = std::thread([&] { EXPECT_TRUE(out.close({.deadline = 30s})); });
        EXPECT_EQ(first.next(10s).error().code(), Errc::end_of_stream);
      }
    });
    auto step = second.next(10s);
    connector_->on_got({});
    ASSERT_TRUE(closing.joinable());
    EXPECT_TRUE(step && step->number() == 0U) << (step ? "another step" : step.error().what());
    if (step) {
      EXPECT_EQ(*step->get<int>("n").value(), 0);
      step->release();
    }
    EXPECT_EQ(second.next(10s).error().code(), Errc::end_of_stream);
    closing.join();
  }
  EXPECT_EQ(records(), std::vector<std::string>());
}

TEST_F(StepOrders, AReaderThatComesAtTheEndIsToldTheEndAgain) {
  StepReader late(side(), "s");
  EXPECT_FALSE(late.last_error());
  {
    StepWriter out(side(), "s");
    StepReader first(side(), "s");
    write(out, 0);
    first.next(10s).value().release();
    EXPECT_FALSE(first.last_error()) << "it has returned a step";
    // Between the look of the late one and its joining, the other one reads the end.
    bool has_found = false;
    connector_->on_create([&](std::string_view name) {
      if (is_of(name, "joined/") && !has_found) {
        has_found = true;
        out.close({.deadline = 10s}).value();
        EXPECT_EQ(first.next(10s).error().code(), Errc::end_of_stream);
      }
      return false;
    });
    EXPECT_EQ(late.next(10s).error().code(), Errc::end_of_stream);
    connector_->on_create({});
    EXPECT_TRUE(has_found);
  }
  EXPECT_EQ(late.next(0s).error().code(), Errc::end_of_stream) << "not the next stream of that name";
  ASSERT_TRUE(late.last_error());
  EXPECT_EQ(late.last_error()->code(), Errc::end_of_stream);
}

TEST_F(StepOrders, AReaderOfTwoRanksReadsWhatADeadWriterLeft) {
  const auto lost = rank();
  StepWriter out({*lost, 0, 1, number()}, "s");
  write(out, 0);
  lost->close();
  const std::uint64_t both = number();
  StepReader first(side(0, 2, both), "s");
  StepReader second(side(1, 2, both), "s");
  std::counting_semaphore<> waits(0);
  Result<InputStep> other = Error(Errc::timeout, "");
  connector_->on_create([&](std::string_view name) {
    if (is_of(name, "/member/")) {
      waits.release();
    }
    return false;
  });
  std::thread reading([&] {
    EXPECT_TRUE(waits.try_acquire_for(30s));  // until the first rank looks for this one
    other = second.next(10s);
  });
  const auto step = first.next(10s);
  reading.join();
  connector_->on_create({});
  ASSERT_TRUE(step) << step.error().what();
  ASSERT_TRUE(other) << other.error().what();
  EXPECT_EQ(*step->get<int>("n").value(), 0);
  EXPECT_EQ(*other->get<int>("n").value(), 0);
}

TEST_F(StepOrders, AStepThatIsHiddenForAMomentIsNotPassedOverWhereTheWriterFails) {
  StepWriter out(side(), "s", {.queue_steps = 2, .when_full = WhenFull::fail});
  StepReader early(side(), "s");
  write(out, 0);
  early.next(10s).value().release();
  StepReader late(side(), "s");
  join_while_a_step_is_hidden(out, late);
  early.next(10s).value().release();
  for (int n = 2; n < 4; ++n) {
    write(out, n);  // there is room, since both have released all
  }
}

}  // namespace
}  // namespace locum::tests
