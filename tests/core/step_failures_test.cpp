// Streams that fail, or whose ranks forget something: nothing of them is lost in silence, and each error
// names the stream, the rank and one cause.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/steps_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

/// How a reader has seen a stream: the number of steps, and what came behind them.
struct Seen {
  std::uint64_t steps = 0;
  Errc end{};
  std::string text;
};

class StepFailures : public Steps {
 protected:
  static constexpr auto long_enough = 60s;

  [[nodiscard]] Seen read_all(StepReader& in) {
    Seen seen;
    for (auto step = in.next(long_enough);; step = in.next(long_enough)) {
      if (!step) {
        seen.end = step.error().code();
        seen.text = step.error().what();
        EXPECT_EQ(step.error().key(), "s") << seen.text;
        return seen;
      }
      EXPECT_EQ(step->number(), seen.steps);
      ++seen.steps;
      step->release();
    }
  }
  /// Two ranks write, each in a thread, by `write(writer, index)`; a reader reads. Returns what they saw: the
  /// results of close() by index.
  struct Outcome {
    Seen reader;
    std::array<Errc, 2> closed{};
    std::array<std::string, 2> texts;
  };
  [[nodiscard]] Outcome of_two(const std::function<void(StepWriter&, std::size_t)>& write,
                               const StepWriterOptions& options = {}) {
    Outcome outcome;
    const std::uint64_t number = side().number;
    std::vector<std::thread> writers;
    for (const std::size_t index : {0U, 1U}) {
      writers.emplace_back([&, index] {
        StepWriter out(side(index, 2, number), "s", options);
        write(out, index);
        if (const auto closed = out.close({.deadline = long_enough}); !closed) {
          outcome.closed[index] = closed.error().code();
          outcome.texts[index] = closed.error().what();
        }
      });
    }
    {
      StepReader in(side(), "s");
      outcome.reader = read_all(in);
    }
    for (std::thread& writer : writers) {
      writer.join();
    }
    return outcome;
  }
  static void write(StepWriter& out, int value = 1) {
    auto step = out.begin({.deadline = long_enough}).value();
    step.put("n", value);
    step.end().value();
  }
};

TEST_F(StepFailures, AForgottenEndIsAnErrorOfTheNextBegin) {
  StepWriter out(side(), "s");
  write(out);
  {
    auto step = out.begin().value();
    step.put("n", 2);
  }
  const auto begun = out.begin();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code(), Errc::broken_promise) << begun.error().what();
  EXPECT_EQ(begun.error().key(), "s");
  EXPECT_EQ(begun.error().rank(), 0);
  StepReader in(side(), "s");
  const Seen seen = read_all(in);
  EXPECT_EQ(seen.steps, 1U);
  EXPECT_EQ(seen.end, Errc::broken_promise) << seen.text;
  EXPECT_EQ(out.close({.deadline = long_enough}).error().code(), Errc::broken_promise);
}

TEST_F(StepFailures, AForgottenEndOfTheLastStepIsAnErrorOfClose) {
  StepWriter out(side(), "s");
  auto step = out.begin().value();
  step.put("n", 2);
  EXPECT_EQ(out.begin().error().code(), Errc::invalid_argument) << "the step before is still being written";
  EXPECT_EQ(out.close({.deadline = long_enough}).error().code(), Errc::broken_promise);
  EXPECT_EQ(step.end().error().code(), Errc::closed);
}

TEST_F(StepFailures, AForgottenEndOfOneRankIsAnErrorOfAll) {
  for (const std::size_t forgets : {0U, 1U}) {
    const Outcome outcome = of_two([&](StepWriter& out, std::size_t index) {
      write(out);
      auto step = out.begin({.deadline = long_enough});
      const auto ended = step && index != forgets ? step->end() : Result<void>();
      // The other rank may have forgotten its end before.
      EXPECT_TRUE(step || index != forgets) << step.error();
      EXPECT_TRUE(step || step.error().code() == Errc::broken_promise) << step.error();
      EXPECT_TRUE(ended || ended.error().code() == Errc::broken_promise) << ended.error();
    });
    EXPECT_EQ(outcome.reader.steps, 1U);
    EXPECT_EQ(outcome.reader.end, Errc::broken_promise) << outcome.reader.text;
    for (const std::size_t index : {0U, 1U}) {
      EXPECT_EQ(outcome.closed[index], Errc::broken_promise) << outcome.texts[index];
    }
  }
}

TEST_F(StepFailures, AnExceptionInAStepIsAnErrorOfAll) {
  for (const std::size_t throws : {0U, 1U}) {
    const std::uint64_t number = side().number;
    std::optional<Error> told;
    std::latch first_step_is_whole(2);  // only whole steps are read behind an exception
    std::thread one([&] {
      EXPECT_THROW(
          {
            StepWriter out(side(throws, 2, number), "s");
            write(out);
            first_step_is_whole.arrive_and_wait();
            auto step = out.begin({.deadline = long_enough}).value();
            step.put("n", 2);
            throw std::runtime_error("the solver diverged");
          },
          std::runtime_error);
    });
    std::thread other([&] {
      StepWriter out(side(1 - throws, 2, number), "s");
      write(out);
      first_step_is_whole.arrive_and_wait();
      auto step = out.begin({.deadline = long_enough});
      if (step) {
        step->end();
      }
      const auto closed = out.close({.deadline = long_enough});
      told = closed ? std::nullopt : std::optional(closed.error());
    });
    StepReader in(side(), "s");
    const Seen seen = read_all(in);
    EXPECT_EQ(seen.steps, 1U);
    EXPECT_EQ(seen.end, Errc::broken_promise) << seen.text;
    one.join();
    other.join();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->code(), Errc::broken_promise) << told->what();
  }
}

TEST_F(StepFailures, AnExceptionIsTheCauseThoughAnotherRankLagsBehind) {
  const std::uint64_t number = side().number;
  std::optional<StepWriter> lags;
  EXPECT_THROW(
      {
        StepWriter out(side(0, 2, number), "s");
        lags.emplace(side(1, 2, number), "s");
        write(out);
        throw std::runtime_error("the solver diverged");
      },
      std::runtime_error);
  const auto closed = lags->close({.deadline = long_enough});
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code(), Errc::broken_promise);
  EXPECT_NE(closed.error().text().find("by an error of its own"), std::string::npos) << closed.error().text();
}

TEST_F(StepFailures, AnExceptionBetweenStepsIsAnError) {
  StepReader in(side(), "s");
  EXPECT_THROW(
      {
        StepWriter out(side(), "s");
        write(out);
        throw std::runtime_error("the solver diverged");
      },
      std::runtime_error);
  const Seen seen = read_all(in);
  EXPECT_EQ(seen.steps, 1U);
  EXPECT_EQ(seen.end, Errc::broken_promise) << seen.text;
}

TEST_F(StepFailures, UnequalNumbersOfStepsAreAnErrorOfAll) {
  for (const std::size_t more : {0U, 1U}) {
    const Outcome outcome = of_two([&](StepWriter& out, std::size_t index) {
      for (int n = 0; n < (index == more ? 4 : 3); ++n) {
        write(out, n);
      }
    });
    EXPECT_EQ(outcome.reader.steps, 3U);
    EXPECT_EQ(outcome.reader.end, Errc::invalid_argument) << outcome.reader.text;
    for (const std::size_t index : {0U, 1U}) {
      EXPECT_EQ(outcome.closed[index], Errc::invalid_argument) << outcome.texts[index];
    }
  }
}

TEST_F(StepFailures, WhatCouldNotBeMadeIsAnErrorOfEnd) {
  StepWriter out(side(), "s");
  const GlobalBlock outside{.shape = {4}, .start = {2}, .count = {4}};
  {
    auto step = out.begin().value();
    EXPECT_FALSE(step.create<int>("T", outside));
    EXPECT_EQ(step.end().error().code(), Errc::invalid_argument);
  }
  EXPECT_EQ(out.begin().error().code(), Errc::invalid_argument) << "told once more";
  {
    auto step = out.begin().value();
    EXPECT_FALSE(step.create<int>("T", outside));
    EXPECT_TRUE(step.create<int>("T", {.shape = {4}, .start = {0}, .count = {4}})) << "a second try";
    step.end().value();
  }
  {
    auto step = out.begin().value();
    EXPECT_FALSE(step.create<int>("T", outside));
    step.end();
  }
  StepReader in(side(), "s");
  std::thread closing(
      [&] { EXPECT_EQ(out.close({.deadline = long_enough}).error().code(), Errc::invalid_argument); });
  const Seen seen = read_all(in);
  EXPECT_EQ(seen.steps, 1U);
  EXPECT_EQ(seen.end, Errc::invalid_argument) << seen.text;
  closing.join();
}

TEST_F(StepFailures, WhatIsPutIntoAStepThatHasEndedIsAnErrorOfTheNextCall) {
  StepWriter out(side(), "s");
  auto step = out.begin().value();
  step.end().value();
  step.put("late", 1);
  const auto begun = out.begin();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code(), Errc::invalid_argument) << begun.error().what();
  EXPECT_EQ(begun.error().key(), "s: late");
  EXPECT_EQ(begun.error().rank(), 0);
  step = out.begin().value();
  step.discard();
  EXPECT_FALSE(step.create<int>("late", {.count = {4}}));
  StepReader in(side(), "s");
  std::thread closing(
      [&] { EXPECT_EQ(out.close({.deadline = long_enough}).error().code(), Errc::invalid_argument); });
  const Seen seen = read_all(in);
  closing.join();
  EXPECT_EQ(seen.steps, 1U);
  EXPECT_EQ(seen.end, Errc::end_of_stream) << seen.text;
  EXPECT_FALSE(step.put("late", 1)) << "the writer is closed, but there";
  const Result<void> without_count = step.put("late", std::vector<int>(3), {.shape = {4}});
  EXPECT_EQ(without_count.error().code(), Errc::invalid_argument);
}

TEST_F(StepFailures, TheFirstErrorThatWasIgnoredIsTold) {
  StepWriter out(side(), "s");
  auto first = out.begin().value();
  first.end().value();
  auto second = out.begin().value();
  first.put("late", 1);
  second.put("T", std::vector<int>(3), {.shape = {4}, .start = {2}, .count = {3}});
  second.end();
  EXPECT_EQ(out.begin().error().key(), "s: late");
  auto again = out.begin().value();
  const OutputStep moved = std::move(again);
  again.put("late", 1);
  EXPECT_EQ(out.close({.deadline = 10ms}).error().code(), Errc::invalid_argument);
}

// Nothing of the stream is lost in silence to a rank that has waited for the first one of its reader.
TEST_F(StepFailures, AReaderWhoseFirstRankNeverComesReadsNoEnd) {
  const StepWriterOptions options{.when_full = WhenFull::drop_oldest};
  const std::uint64_t number = side().number;
  StepReader second(side(1, 2, number), "s");
  {
    StepWriter out(side(), "s", options);
    write(out);
    EXPECT_NE(std::string(second.next(10ms).error().what()).find("has not asked for the next step"),
              std::string::npos);
    EXPECT_TRUE(out.close({.deadline = long_enough}));
  }
  EXPECT_EQ(second.next(100ms).error().code(), Errc::timeout);
}

TEST_F(StepFailures, ATimeoutOfARankNamesTheFirstOneOfItsReader) {
  const std::uint64_t number = side().number;
  StepWriter out(side(), "s", {.when_full = WhenFull::drop_oldest});
  StepReader first(side(0, 2, number), "s");
  StepReader second(side(1, 2, number), "s");
  write(out);
  std::thread joining([&] { EXPECT_TRUE(first.next(long_enough)); });
  EXPECT_TRUE(second.next(long_enough));
  joining.join();
  write(out);
  const auto late = second.next(10ms);
  EXPECT_EQ(late.error().code(), Errc::timeout);
  EXPECT_NE(late.error().text().find("index 0 in the reader's communicator"), std::string::npos)
      << late.error().what();
}

// The writer and its other readers go on.
TEST_F(StepFailures, AReaderWithoutItsFirstRankLeavesTheStreamWhereItIs) {
  const StepWriterOptions options{.queue_steps = 4, .when_full = WhenFull::drop_oldest};
  StepWriter out(side(), "s", options);
  const std::uint64_t number = side().number;
  auto first = std::make_optional<StepReader>(side(0, 2, number), "s");
  StepReader second(side(1, 2, number), "s");
  write(out);
  std::thread joining([&] { (void)first->next(long_enough); });
  EXPECT_TRUE(second.next(long_enough));
  joining.join();
  first.reset();
  const auto alone = second.next(long_enough);
  EXPECT_EQ(alone.error().code(), Errc::invalid_argument) << alone.error().what();
  EXPECT_NE(alone.error().text().find("has closed its reader"), std::string::npos);
  StepReader other(side(), "s", {.start_at = StartAt::next});
  std::atomic<bool> has_read{false};
  std::thread reading([&] {
    EXPECT_TRUE(other.next(long_enough));
    has_read = true;
  });
  while (!has_read) {
    write(out);
  }
  reading.join();
}

TEST_F(StepFailures, AnErrorOfAVariableNamesTheStreamAndTheRank) {
  StepWriter out(side(), "s");
  auto step = out.begin().value();
  const Result<void> put = step.put("T", std::vector<int>(3), {.shape = {4}, .start = {2}, .count = {3}});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().key(), "s: T");
  EXPECT_EQ(put.error().rank(), 0);
  step.discard();
}

TEST_F(StepFailures, AStepThatIsLeftOnPurposeIsNone) {
  const Outcome outcome = of_two([&](StepWriter& out, std::size_t index) {
    for (int n = 0; n < 3; ++n) {
      auto step = out.begin({.deadline = long_enough}).value();
      step.put("n", n);
      if (index == 1 && n == 1) {
        step.discard();
        EXPECT_EQ(step.end().error().code(), Errc::invalid_argument);
        step = out.begin({.deadline = long_enough}).value();
      }
      step.end().value();
    }
    auto last = out.begin({.deadline = long_enough}).value();
    last.put("n", 3);
    last.discard();
  });
  EXPECT_EQ(outcome.reader.steps, 3U);
  EXPECT_EQ(outcome.reader.end, Errc::end_of_stream) << outcome.reader.text;
  EXPECT_EQ(outcome.closed, (std::array<Errc, 2>{})) << outcome.texts[0] << outcome.texts[1];
}

TEST_F(StepFailures, TwoTypesOfAVariableAreAnErrorOfAll) {
  const Outcome outcome = of_two([&](StepWriter& out, std::size_t index) {
    write(out);
    auto step = out.begin({.deadline = long_enough}).value();
    if (index == 0) {
      step.put("y", std::vector<double>(3));
    } else {
      step.put("y", std::vector<float>(3));
    }
    step.end().value();
  });
  EXPECT_EQ(outcome.reader.steps, 1U);
  EXPECT_EQ(outcome.reader.end, Errc::type_mismatch) << outcome.reader.text;
  EXPECT_NE(outcome.reader.text.find("variable y"), std::string::npos) << outcome.reader.text;
  for (const std::size_t index : {0U, 1U}) {
    EXPECT_EQ(outcome.closed[index], Errc::type_mismatch) << outcome.texts[index];
  }
}

TEST_F(StepFailures, CloseNamesTheRankThatHasNotClosed) {
  const std::uint64_t number = side().number;
  StepWriter first(side(0, 2, number), "s");
  StepWriter second(side(1, 2, number), "s");
  const auto closed = second.close({.deadline = 10ms});
  EXPECT_EQ(closed.error().code(), Errc::timeout);
  EXPECT_EQ(closed.error().key(), "s");
  EXPECT_TRUE(first.close({.deadline = long_enough}));
}

// One that writes to no file would have left its part out of that of the others.
TEST_F(StepFailures, OtherOptionsOfARankAreRefused) {
  for (const StepWriterOptions& others :
       {StepWriterOptions{.queue_steps = 2}, StepWriterOptions{.when_full = WhenFull::drop_oldest}}) {
    const std::uint64_t number = side().number;
    StepWriter first(side(0, 2, number), "s");
    try {
      const StepWriter second(side(1, 2, number), "s", others);
      ADD_FAILURE() << "opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::options_differ) << error.what();
      EXPECT_EQ(error.key(), "s");
    }
    EXPECT_EQ(first.begin({.deadline = long_enough}).error().code(), Errc::options_differ);
    EXPECT_EQ(first.close({.deadline = long_enough}).error().code(), Errc::options_differ);
  }
}

TEST_F(StepFailures, AWriterThatWasMovedFromIsClosed) {
  StepWriter from(side(), "s", {.when_full = WhenFull::drop_oldest});
  StepWriter to(std::move(from));
  EXPECT_EQ(from.begin().error().code(), Errc::closed);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(from.close().error().code(), Errc::closed);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(to.close());
}

TEST_F(StepFailures, AReaderOfAMisspeltNameIsToldWhichStreamsAreOpen) {
  StepWriter out(side(), "waves", {.when_full = WhenFull::drop_oldest});
  StepReader in(side(), "wave");
  const auto none = in.next(1100ms);
  ASSERT_EQ(none.error().code(), Errc::timeout);
  EXPECT_EQ(none.error().key(), "wave");
  EXPECT_NE(none.error().text().find("(1 stream is open: waves)"), std::string::npos) << none.error().text();
}

TEST_F(StepFailures, StepsAreKeptForTheFirstReader) {
  for (const WhenFull policy : {WhenFull::wait, WhenFull::fail}) {
    StepWriter out(side(), "s", {.queue_steps = 3, .when_full = policy});
    for (int n = 0; n < 3; ++n) {
      write(out, n);
    }
    const auto full = out.begin({.deadline = 10ms});
    EXPECT_EQ(full.error().code(), policy == WhenFull::wait ? Errc::timeout : Errc::queue_full);
    EXPECT_NE(std::string(full.error().what()).find("no reader has joined"), std::string::npos)
        << full.error().what();
    EXPECT_EQ(full.error().key(), "s");
    std::thread closing([&] { EXPECT_TRUE(out.close({.deadline = long_enough})); });
    StepReader in(side(), "s");
    const Seen seen = read_all(in);
    EXPECT_EQ(seen.steps, 3U);
    EXPECT_EQ(seen.end, Errc::end_of_stream) << seen.text;
    closing.join();
  }
}

TEST_F(StepFailures, CloseSaysThatNobodyHasRead) {
  const auto closed = [&](WhenFull policy) {
    StepWriter out(side(), "s" + std::to_string(static_cast<int>(policy)), {.when_full = policy});
    write(out);
    return out.close({.deadline = 10ms});
  };
  const auto waited = closed(WhenFull::wait);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code(), Errc::timeout);
  EXPECT_NE(std::string(waited.error().what()).find("no reader has joined"), std::string::npos)
      << waited.error().what();
  EXPECT_TRUE(closed(WhenFull::drop_oldest));
  EXPECT_TRUE(closed(WhenFull::drop_newest));
  EXPECT_TRUE(StepWriter(side(), "without steps").close({.deadline = long_enough}));
}

// Who waits for room that nobody makes has ended all steps, and closes like the others.
TEST_F(StepFailures, CloseOfSeveralWritersSaysThatNobodyHasRead) {
  const std::uint64_t number = side().number;
  const StepWriterOptions options{.queue_steps = 2};
  StepWriter first(side(0, 2, number), "s", options);
  StepWriter second(side(1, 2, number), "s", options);
  for (int n = 0; n < 2; ++n) {
    write(first);
    write(second);
  }
  EXPECT_EQ(first.begin({.deadline = 10ms}).error().code(), Errc::timeout);
  EXPECT_EQ(second.begin({.deadline = 10ms}).error().code(), Errc::timeout);
  std::array<std::string, 2> texts;
  const auto close = [&texts](StepWriter& out, std::size_t index) {
    const auto closed = out.close({.deadline = 1s});
    texts[index] = closed ? "" : closed.error().what();
  };
  std::thread closing([&] { close(second, 1); });
  close(first, 0);
  closing.join();
  for (const std::string& text : texts) {
    EXPECT_NE(text.find("no reader has joined"), std::string::npos) << text;
  }
}

// Whatever this rank waits for then, the others learn of it later.
TEST_F(StepFailures, CloseOfARankThatHasFailedSaysSo) {
  const std::uint64_t number = side().number;
  StepWriter first(side(0, 2, number), "s");
  StepWriter second(side(1, 2, number), "s");
  StepReader in(side(), "s");
  write(first);
  write(second);
  const auto held = in.next(long_enough).value();
  { auto forgotten = second.begin({.deadline = long_enough}).value(); }
  EXPECT_EQ(second.close({.deadline = 10ms}).error().code(), Errc::broken_promise);
  EXPECT_EQ(first.close({.deadline = 1s}).error().code(), Errc::broken_promise);
}

// Though they are unread, what close() has said: a reader that comes later finds them.
TEST_F(StepFailures, StepsStayReadableWhenCloseHasTimedOut) {
  StepWriter out(side(), "s");
  write(out);
  EXPECT_EQ(out.close({.deadline = 10ms}).error().code(), Errc::timeout);
  StepReader in(side(), "s");
  const Seen seen = read_all(in);
  EXPECT_EQ(seen.steps, 1U);
  EXPECT_EQ(seen.end, Errc::end_of_stream) << seen.text;
}

TEST_F(StepFailures, AReaderThatIsMadeBehindTheEndWaitsForTheNextStream) {
  std::optional<StepWriter> out(std::in_place, side(), "s");
  StepReader in(side(), "s");
  for (int n = 0; n < 3; ++n) {
    write(*out, n);
  }
  std::thread closing([&] { EXPECT_TRUE(out->close({.deadline = long_enough})); });
  EXPECT_EQ(read_all(in).steps, 3U);
  StepReader again(side(), "s");
  EXPECT_EQ(again.next(50ms).error().code(), Errc::timeout);
  closing.join();
  StepWriter next(side(), "s");
  write(next, 42);
  EXPECT_EQ(*again.next(long_enough).value().get<int>("n").value(), 42);
}

// Neither side waits for a reader before it writes, so that none waits for itself.
TEST_F(StepFailures, TwoSidesThatWriteBeforeTheyReadGoOn) {
  const std::array<StepSide, 4> sides{side(), side(), side(), side()};
  std::vector<std::thread> programs;
  for (const std::size_t one : {0U, 1U}) {
    programs.emplace_back([&, one] {
      StepWriter out(sides[one], "s" + std::to_string(one), {.queue_steps = 1});
      StepReader in(sides[2 + one], "s" + std::to_string(1 - one));
      for (int n = 0; n < 5; ++n) {
        write(out, n);
        EXPECT_EQ(*in.next(long_enough).value().get<int>("n").value(), n);
      }
      EXPECT_TRUE(out.close({.deadline = long_enough}));
      EXPECT_EQ(in.next(long_enough).error().code(), Errc::end_of_stream);
    });
  }
  for (std::thread& program : programs) {
    program.join();
  }
}

TEST_F(StepFailures, AStepWithoutBytesIsEmpty) {
  StepWriter out(side(), "s", {.queue_steps = 4, .queue_bytes = 1U << 30U});
  for (int n = 0; n < 4; ++n) {
    auto step = out.begin({.deadline = 10ms}).value();
    step.put("e", std::vector<double>());
    step.end().value();
  }
  StepReader in(side(), "s");
  EXPECT_EQ(in.next(long_enough).value().number(), 0U);
}

// An analysis may be slow, and no call of the writer has been given a deadline.
TEST_F(StepFailures, BeginWaitsLongerThanOtherCalls) {
  SessionFixture impatient({.timeout = 20ms}, {.options = {.timeout = 20ms, .collective_timeout = 60s}});
  StepWriter out({*impatient.session, 0, 1, 1}, "s", {.queue_steps = 1});
  StepReader in({*impatient.session, 0, 1, 2}, "s");
  write(out);
  auto held = in.next().value();
  auto begun = std::async(std::launch::async, [&] {
    auto step = out.begin();
    const bool has_begun = step.has_value();
    if (has_begun) {
      step->end().value();
    }
    return has_begun;
  });
  EXPECT_EQ(begun.wait_for(200ms), std::future_status::timeout);
  held.release();
  EXPECT_TRUE(begun.get());
  EXPECT_EQ(in.next().value().number(), 1U);
}

TEST_F(StepFailures, ATimeoutNamesOneCause) {
  const auto said = [](const auto& result) { return result ? std::string() : result.error().what(); };
  const auto says = [&](const auto& result, std::string_view text) {
    const std::string all = said(result);
    EXPECT_NE(all.find(text), std::string::npos) << all;
    EXPECT_NE(all.find("[key s]"), std::string::npos) << all;
  };
  const std::uint64_t number = side().number;
  const StepWriterOptions options{.queue_steps = 2, .rendezvous_readers = 1};
  StepWriter first(side(0, 2, number), "s", options);
  says(first.begin({.deadline = 10ms}), "index 1 in the writer's communicator");
  StepWriter second(side(1, 2, number), "s", options);
  says(second.begin({.deadline = 10ms}), "0 readers have joined this stream, whose first step waits for 1");
  StepReader in(side(), "s");
  says(in.next(10ms), "rank 0 of the writer has not ended step 0");
  write(first);
  write(second);
  write(first);
  says(first.begin({.deadline = 10ms}), "of the writer has not ended step 1");
  write(second);
  std::vector<InputStep> held;
  held.push_back(in.next(long_enough).value());
  says(second.begin({.deadline = 10ms}), "rank 0 has not released step 0");
  held.push_back(in.next(long_enough).value());
  says(in.next(10ms), "this rank holds 2 steps");
  held.clear();
  std::thread closing([&] { EXPECT_TRUE(first.close({.deadline = long_enough})); });
  EXPECT_TRUE(second.close({.deadline = long_enough}));
  closing.join();
}

TEST_F(StepFailures, OneCommunicatorForBothSidesIsAnError) {
  const std::uint64_t number = side().number;
  StepWriter first(side(0, 2, number), "s");
  StepReader second(side(1, 2, number), "s");
  const auto read = second.next(long_enough);
  EXPECT_EQ(read.error().code(), Errc::invalid_argument) << read.error().what();
  EXPECT_STREQ(second.next(long_enough).error().what(), read.error().what());
  const auto begun = first.begin({.deadline = long_enough});
  EXPECT_EQ(begun.error().code(), Errc::invalid_argument);
  EXPECT_EQ(begun.error().key(), "s");
  EXPECT_EQ(first.close({.deadline = long_enough}).error().code(), Errc::invalid_argument);
}

TEST_F(StepFailures, MemoryComesFreeWhenReadersReleaseSteps) {
  SessionFixture small({.memory_bytes = 1U << 20U}, {});
  StepWriter out({*small.session, 0, 1, 1}, "s", {.queue_steps = 100});
  StepReader in({*small.session, 0, 1, 2}, "s");
  std::thread reading([&] {
    const Seen seen = read_all(in);
    EXPECT_EQ(seen.steps, 40U);
    EXPECT_EQ(seen.end, Errc::end_of_stream) << seen.text;
  });
  for (int n = 0; n < 40; ++n) {
    auto step = out.begin({.deadline = long_enough}).value();
    auto cells = step.create<double>("T", {.count = {30'000}}, {.deadline = long_enough});
    ASSERT_TRUE(cells) << cells.error().what();
    step.put("U", std::vector<double>(1000, n), {.deadline = long_enough}).value();
    step.end().value();
  }
  EXPECT_TRUE(out.close({.deadline = long_enough}));
  reading.join();
}

TEST_F(StepFailures, FullMemorySaysWhoKeepsTheSteps) {
  SessionFixture small({.memory_bytes = 1U << 20U}, {});
  StepWriter out({*small.session, 0, 1, 1}, "s", {.queue_steps = 100});
  const auto fill = [&] {
    for (;;) {
      auto step = out.begin({.deadline = long_enough}).value();
      const auto cells = step.create<double>("T", {.count = {30'000}}, {.deadline = 10ms});
      if (!cells) {
        EXPECT_EQ(cells.error().code(), Errc::out_of_memory);
        step.discard();
        return std::string(cells.error().what());
      }
      step.end().value();
    }
  };
  const std::string alone = fill();
  EXPECT_NE(alone.find("no reader has joined"), std::string::npos) << alone;
  StepReader in({*small.session, 0, 1, 2}, "s");
  const auto held = in.next(long_enough).value();
  const std::string read = fill();
  EXPECT_NE(read.find("rank 0 has not released step 0"), std::string::npos) << read;
}

TEST_F(StepFailures, LeaveNothing) {
  open_store();
  const std::size_t before = objects();
  (void)of_two([&](StepWriter& out, std::size_t index) {
    write(out);
    if (index == 0) {
      write(out);
    }
  });
  EXPECT_EQ(objects(), before);
  (void)of_two([&](StepWriter& out, std::size_t) { write(out); });
  EXPECT_EQ(objects(), before);
}

}  // namespace
}  // namespace locum::tests
