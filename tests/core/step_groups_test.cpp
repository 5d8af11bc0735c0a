#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/steps_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(Steps, AreSharedByTheReadersOfAGroup) {
  open_store();
  const std::size_t before = objects();
  {
    StepWriter out(side(), "s", {.queue_steps = 4, .rendezvous_readers = 3});
    StepReader a(side(), "s", {.group = "workers"});
    StepReader b(side(), "s", {.group = "workers"});
    StepReader all(side(), "s");
    EXPECT_EQ(a.next(10ms).error().code(), Errc::timeout);
    EXPECT_EQ(b.next(10ms).error().code(), Errc::timeout);
    EXPECT_EQ(all.next(10ms).error().code(), Errc::timeout);
    for (int n = 0; n < 4; ++n) {
      auto step = out.begin({.deadline = 1s}).value();
      step.put("n", n);
      step.end().value();
    }
    EXPECT_EQ(a.latest(1s).error().code(), Errc::invalid_argument);
    auto first = a.next(1s).value();
    EXPECT_EQ(first.number(), 0U);
    for (const std::uint64_t number : {1U, 2U}) {
      auto step = b.next(1s).value();
      EXPECT_EQ(step.number(), number);
      EXPECT_EQ(*step.get<int>("n").value(), number);
    }
    EXPECT_EQ(a.next(1s).value().number(), 3U);
    EXPECT_EQ(b.next(10ms).error().code(), Errc::timeout);
    for (const std::uint64_t number : {0U, 1U, 2U, 3U}) {
      EXPECT_EQ(all.next(1s).value().number(), number);
    }
    // The first step is held by one of the group: there is room for three.
    for (int n = 4; n < 7; ++n) {
      out.begin({.deadline = 1s}).value().end().value();
    }
    EXPECT_EQ(out.begin({.deadline = 10ms}).error().code(), Errc::timeout);
    first.release();
    out.begin({.deadline = 1s}).value().end().value();
    for (std::uint64_t number = 4; number < 8; ++number) {
      EXPECT_EQ((number % 2 == 0 ? a : b).next(1s).value().number(), number);
      EXPECT_EQ(all.next(1s).value().number(), number);
    }
    std::thread closing([&] { out.close({.deadline = 10s}).value(); });
    EXPECT_EQ(a.next(5s).error().code(), Errc::end_of_stream);
    EXPECT_EQ(b.next(5s).error().code(), Errc::end_of_stream);
    EXPECT_EQ(all.next(5s).error().code(), Errc::end_of_stream);
    closing.join();
  }
  EXPECT_EQ(objects(), before);
}

TEST_F(Steps, AreSharedWhereTheyMayBeDropped) {
  StepWriter out(side(), "s", {.queue_steps = 2, .when_full = WhenFull::drop_oldest});
  StepReader a(side(), "s", {.group = "workers"});
  StepReader b(side(), "s", {.group = "workers"});
  const auto write = [&] { out.begin({.deadline = 1s}).value().end().value(); };
  write();
  const auto held = a.next(1s).value();
  EXPECT_EQ(held.number(), 0U);
  EXPECT_EQ(b.next(10ms).error().code(), Errc::timeout);
  for (int n = 1; n < 6; ++n) {
    write();
  }
  EXPECT_EQ(b.next(1s).value().number(), 5U);
}

TEST_F(Steps, OfALostReaderGoToAnotherOfItsGroup) {
  StepWriter out(side(), "s", {.queue_steps = 4});
  StepReader b(side(), "s", {.group = "workers"});
  EXPECT_EQ(b.next(10ms).error().code(), Errc::timeout);
  auto lost = std::make_unique<Session>(node.connector, node.metrics, SessionOptions{.incarnation = 7});
  lost->announce();
  StepReader a({*lost, 0, 1, 99}, "s", {.group = "workers"});
  EXPECT_EQ(a.next(10ms).error().code(), Errc::timeout);
  const auto write = [&] { out.begin({.deadline = 1s}).value().end().value(); };
  write();
  write();
  a.next(1s).value().release();
  const auto held = a.next(1s).value();
  EXPECT_EQ(held.number(), 1U);
  lost->close();
  const auto until = std::chrono::steady_clock::now() + 60s;
  Result<InputStep> again = Error(Errc::timeout, "");
  std::uint64_t next = 2;
  while (!again && std::chrono::steady_clock::now() < until) {
    write();  // the writer sees who is lost
    again = b.next(1s);
    ASSERT_TRUE(again) << again.error().what();
    if (again->number() != 1) {
      EXPECT_EQ(again->number(), next++);
      again = Error(Errc::timeout, "");
    }
  }
  ASSERT_TRUE(again);
  EXPECT_EQ(again->number(), 1U);
}

}  // namespace
}  // namespace locum::tests
