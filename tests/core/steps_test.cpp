#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/steps_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(Steps, CarryWhatWasWrittenToAReader) {
  StepWriter out(side(), "gray-scott");
  StepReader in(side(), "gray-scott");
  for (int n = 0; n < 3; ++n) {
    auto step = out.begin().value();
    auto v = step.create<double>("V", {.shape = {4, 6}, .start = {0, 0}, .count = {4, 6}}).value();
    std::iota(v.begin(), v.end(), 100.0 * n);
    step.put("time", 0.5 * n);
    step.end().value();
    auto got = in.next(1s).value();
    EXPECT_EQ(got.number(), n);
    EXPECT_EQ(*got.get<double>("time").value(), 0.5 * n);
    const auto box = got.read<double>("V", {.start = {1, 2}, .count = {2, 3}}).value();
    EXPECT_EQ(box.extents(), Extents(2, 3));
    EXPECT_EQ(std::vector<double>(box.begin(), box.end()),
              (std::vector<double>{100.0 * n + 8, 100.0 * n + 9, 100.0 * n + 10, 100.0 * n + 14,
                                   100.0 * n + 15, 100.0 * n + 16}));
  }
  std::thread closing([&] { out.close({.deadline = 10s}).value(); });
  EXPECT_EQ(in.next(5s).error().code(), Errc::end_of_stream);
  closing.join();
}

TEST_F(Steps, LeaveNoMemory) {
  open_store();
  const std::size_t before = objects();
  {
    StepWriter out(side(), "s");
    StepReader in(side(), "s");
    for (int n = 0; n < 20; ++n) {
      auto step = out.begin().value();
      step.put("n", n);
      step.end();
      EXPECT_EQ(*in.next(1s).value().get<int>("n").value(), n);
    }
  }
  EXPECT_EQ(objects(), before);
}

TEST_F(Steps, OfEverNewNamesLeaveNoMemory) {
  open_store();
  const std::size_t before = objects();
  for (int n = 0; n < 20; ++n) {
    const std::string stream = "s" + std::to_string(n);
    {
      StepWriter out(side(), stream);
      StepReader in(side(), stream);
      auto step = out.begin().value();
      step.put("n", n);
      step.end().value();
      EXPECT_EQ(*in.next(5s).value().get<int>("n").value(), n);
    }
    EXPECT_EQ(objects(), before) << stream;
  }
}

// Neither the second rank nor the reader takes the stream before for the one that was opened now.
TEST_F(Steps, OfOneNameAndOneSideFollowEachOther) {
  constexpr int streams = 20;
  const StepSide first = side(0, 2);
  const StepSide second{first.session, 1, 2, first.number};
  const auto write = [](const StepSide& side) {
    for (int n = 0; n < streams; ++n) {
      StepWriter out(side, "s");
      auto step = out.begin({.deadline = 30s}).value();
      step.put("n" + std::to_string(side.index), n).value();
      step.end().value();
      out.close({.deadline = 30s}).value();
    }
  };
  std::thread writing([&] { write(first); });
  std::thread writing_too([&] { write(second); });
  const StepSide reader = side();
  for (int n = 0; n < streams; ++n) {
    StepReader in(reader, "s");
    auto step = in.next(30s).value();
    EXPECT_EQ(*step.get<int>("n0").value(), n);
    EXPECT_EQ(*step.get<int>("n1").value(), n);
    step.release();
    EXPECT_EQ(in.next(30s).error().code(), Errc::end_of_stream);
  }
  writing.join();
  writing_too.join();
}

TEST_F(Steps, WaitForRoom) {
  StepWriter out(side(), "s", {.queue_steps = 2, .rendezvous_readers = 1});
  StepReader in(side(), "s");
  EXPECT_EQ(out.begin({.deadline = 10ms}).error().code(), Errc::timeout);
  EXPECT_EQ(in.next(10ms).error().code(), Errc::timeout);
  for (int n = 0; n < 2; ++n) {
    auto step = out.begin().value();
    step.put("n", n);
    step.end().value();
  }
  EXPECT_EQ(out.begin({.deadline = 10ms}).error().code(), Errc::timeout);
  auto first = in.next(1s).value();
  EXPECT_EQ(out.begin({.deadline = 10ms}).error().code(), Errc::timeout);
  first.release();
  out.begin({.deadline = 1s}).value().discard();
}

TEST_F(Steps, WaitForTheLastRankOfTheirReader) {
  StepWriter out(side(), "s", {.queue_steps = 1});
  StepReader first(side(0, 2, 1000), "s");
  StepReader second(side(1, 2, 1000), "s");
  {
    auto step = out.begin({.deadline = 10s}).value();
    step.put("n", 5);
    step.end().value();
  }
  EXPECT_FALSE(second.next(1ms));  // the first one waits for it
  first.next(10s).value().release();
  EXPECT_EQ(out.begin({.deadline = 20ms}).error().code(), Errc::timeout);
  EXPECT_EQ(*second.next(10s).value().get<int>("n").value(), 5);
  out.begin({.deadline = 10s}).value().discard();
}

TEST_F(Steps, WithoutReadersKeepTheNewestIfTheyMayBeDropped) {
  StepWriter out(side(), "s", {.queue_steps = 3, .when_full = WhenFull::drop_oldest});
  for (int n = 0; n < 10; ++n) {
    auto step = out.begin({.deadline = 1s}).value();
    step.put("n", n);
    step.end().value();
  }
  StepReader in(side(), "s");
  for (int n = 7; n < 10; ++n) {
    auto step = in.next(1s).value();
    EXPECT_EQ(step.number(), n);
    EXPECT_EQ(*step.get<int>("n").value(), n);
  }
  StepReader newest(side(), "s", {.start_at = StartAt::newest});
  EXPECT_EQ(newest.next(1s).value().number(), 9U);
  StepReader next(side(), "s", {.start_at = StartAt::next});
  EXPECT_EQ(next.next(10ms).error().code(), Errc::timeout);
}

// The record of the end is no step, which would be the newest one.
TEST_F(Steps, AreReadFromTheNewestOneBehindTheEnd) {
  const auto store = detail::Stream::open_store(*node.session).value();
  StepWriter out(side(), "s");
  for (int n = 0; n < 3; ++n) {
    auto step = out.begin().value();
    step.put("n", n);
    step.end().value();
  }
  const auto record = store.get<detail::StreamRecord>(detail::Stream::name("s")).value();
  const detail::Stream stream(store, node.session->state(), *record, "s");
  std::thread closing([&] { out.close({.deadline = 10s}).value(); });
  EXPECT_TRUE(store.wait<detail::StepRecord>(stream.step(3), 10s));
  {
    StepReader newest(side(), "s", {.start_at = StartAt::newest});
    const auto step = newest.next(5s);
    EXPECT_TRUE(step && step->number() == 2U && *step->get<int>("n").value() == 2);
    StepReader next(side(), "s", {.start_at = StartAt::next});
    EXPECT_EQ(next.next(5s).error().code(), Errc::end_of_stream);
  }
  closing.join();
}

// Many times, since the reader has to be faster than the writer.
TEST_F(Steps, MayBeReadAndLeftBetweenTwoLooksOfTheWriter) {
  const auto store = detail::Stream::open_store(*node.session).value();
  for (int round = 0; round < 30; ++round) {
    const std::string name = "s" + std::to_string(round);
    StepWriter out(side(), name);
    auto step = out.begin().value();
    step.put("n", round);
    step.end().value();
    const auto record = store.get<detail::StreamRecord>(detail::Stream::name(name)).value();
    const detail::Stream stream(store, node.session->state(), *record, name);
    Result<void> closed;
    std::thread closing([&] { closed = out.close({.deadline = 10s}); });
    EXPECT_TRUE(store.wait<detail::StepRecord>(stream.step(1), 10s));
    {
      StepReader in(side(), name);
      EXPECT_EQ(*in.next(5s).value().get<int>("n").value(), round);
      EXPECT_EQ(in.next(5s).error().code(), Errc::end_of_stream);
    }
    closing.join();
    ASSERT_TRUE(closed) << closed.error().what();
  }
}

TEST_F(Steps, DropTheOldestOrTheNewest) {
  for (const auto policy : {WhenFull::drop_oldest, WhenFull::drop_newest}) {
    StepWriter out(side(), "s", {.queue_steps = 2, .when_full = policy});
    StepReader in(side(), "s");
    const auto write = [&](int n) {
      auto step = out.begin({.deadline = 1s}).value();
      step.put("n", n);
      step.end().value();
    };
    write(0);
    auto held = in.next(1s).value();
    for (int n = 1; n < 6; ++n) {
      write(n);
    }
    EXPECT_EQ(*held.get<int>("n").value(), 0);
    held.release();
    EXPECT_EQ(*in.next(1s).value().get<int>("n").value(), policy == WhenFull::drop_oldest ? 5 : 1);
    EXPECT_EQ(in.next(10ms).error().code(), Errc::timeout);
  }
}

// Each sees steps in order, whole, and waits for none that was dropped.
TEST_F(Steps, AreReadByThoseWhoComeAndGo) {
  for (const auto policy : {WhenFull::wait, WhenFull::drop_oldest, WhenFull::drop_newest}) {
    const std::string stream = "s" + std::to_string(static_cast<int>(policy));
    open_store();
    const std::size_t before = objects();
    StepWriter out(side(), stream, {.queue_steps = 2, .when_full = policy});
    std::atomic<bool> closed = false;
    std::vector<std::thread> readers;
    for (std::uint64_t reader = 0; reader < 3; ++reader) {
      readers.emplace_back([&, reader] {
        bool ended = false;
        for (std::uint64_t turn = 0; !ended; ++turn) {
          StepReader in(side(0, 1, 1000 * (reader + 1) + turn), stream,
                        {.start_at = turn % 2 == 0 ? StartAt::oldest : StartAt::newest});
          std::uint64_t least = 0;
          for (std::uint64_t steps = 0; steps <= turn % 5 && !ended; ++steps) {
            auto step = in.next(100ms);
            for (int again = 0; !step && step.error().code() == Errc::timeout && again < 600 && !closed;
                 ++again) {
              step = in.next(100ms);
            }
            if (!step && step.error().code() == Errc::timeout && closed) {
              ended = true;  // it has come after the end
              break;
            }
            if (!step) {
              ended = true;
              EXPECT_EQ(step.error().code(), Errc::end_of_stream) << step.error().what();
              break;
            }
            EXPECT_GE(step->number(), least);
            least = step->number() + 1;
            const auto values = step->get<int[]>("V");
            ASSERT_TRUE(values) << values.error().what() << ": step " << step->number() << ", the "
                                << steps + 1 << ". of turn " << turn << " of reader " << reader << ", closed "
                                << closed;
            EXPECT_EQ(values->size(), 100U);
            EXPECT_EQ((*values)[99], *step->get<int>("n").value());
          }
        }
      });
    }
    for (int n = 0; n < 400; ++n) {
      auto step = out.begin({.deadline = 60s}).value();
      step.put("V", std::vector<int>(100, n));
      step.put("n", n);
      step.end().value();
    }
    out.close({.deadline = 60s}).value();
    closed = true;
    for (std::thread& reader : readers) {
      reader.join();
    }
    EXPECT_LE(objects(), before + 1);  // of who joined and left after the last record was removed
  }
}

TEST_F(Steps, RefuseWhatARankWritesTwice) {
  StepWriter out(side(), "s");
  StepReader in(side(), "s");
  const auto says = [](const Result<void>& written, std::string_view text) {
    return !written && written.error().code() == Errc::key_exists &&
           std::string(written.error().what()).find(text) != std::string::npos &&
           std::string(written.error().what()).find("s: ") != std::string::npos;
  };
  const std::vector<double> six{1, 2, 3, 4, 5, 6};
  auto step = out.begin().value();
  step.put("n", 1).value();
  EXPECT_TRUE(says(step.put("n", 2), "has written this value in this step before"));
  EXPECT_FALSE(step.end());
  EXPECT_EQ(out.begin().error().code(), Errc::key_exists);
  step = out.begin().value();
  step.put("V", six, {.shape = {9, 4}, .start = {4, 0}, .count = {3, 2}}).value();
  EXPECT_TRUE(says(step.put("V", six, {.shape = {9, 4}, .start = {6, 1}, .count = {2, 3}}),
                   "has written the element [6, 1] (counted from 0) of this variable"));
  const auto over = step.create<double>("V", {.shape = {9, 4}, .start = {0, 0}, .count = {9, 1}});
  EXPECT_EQ(over ? Errc{} : over.error().code(), Errc::key_exists);
  step.put("V", six, {.shape = {9, 4}, .start = {7, 1}, .count = {2, 3}}).value();  // after these, as well
  EXPECT_EQ(step.end().error().code(), Errc::key_exists) << "a block is missing, whatever was written later";
  EXPECT_FALSE(out.begin());
  step = out.begin().value();
  // Many blocks of one rank, of which none meets another, in any order.
  for (const std::uint64_t column : {2U, 0U, 3U, 1U}) {
    for (const std::uint64_t row : {6U, 0U, 3U}) {
      step.put("V", std::vector<double>(3, static_cast<double>(column)),
               {.shape = {9, 4}, .start = {row, column}, .count = {3, 1}})
          .value();
    }
  }
  step.put("V", std::vector<double>(), {.shape = {9, 4}, .start = {1, 1}, .count = {0, 3}}).value();
  EXPECT_EQ(step.put("", 1).error().code(), Errc::invalid_argument);
  step.discard();
  step = out.begin().value();
  step.put("V", six, {.shape = {6}, .start = {0}, .count = {6}}).value();
  step.put("local", six).value();
  step.put("local", six).value();
  step.end().value();
  const auto read = in.next(1s).value();
  EXPECT_EQ(read.read<double>("V").value()[5], 6) << "what was discarded is not in the way";
  EXPECT_EQ(read.joined<double>("local").value().size(), 12U) << "a rank may write several local arrays";
  EXPECT_NE(
      std::string(read.get<double[]>("local", {.writer = 0}).error().what()).find("writer 0 wrote 2 arrays"),
      std::string::npos);
}

TEST_F(Steps, HaveOneWriterAtATime) {
  StepWriter out(side(), "s");
  try {
    StepWriter second(side(), "s");
    FAIL() << "a second writer was opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::key_exists);
  }
  EXPECT_THROW(StepWriter(side(), ""), Error);
  EXPECT_THROW(StepWriter(side(), "t", {.queue_steps = 0}), Error);
  out.close().value();
  EXPECT_EQ(out.begin().error().code(), Errc::closed);
  StepWriter third(side(), "s");
  third.begin().value().discard();
}

TEST_F(Steps, WaitForTheirReadersAtTheEnd) {
  StepWriter out(side(), "s", {.rendezvous_readers = 1});
  StepReader in(side(), "s");
  EXPECT_EQ(in.next(1ms).error().code(), Errc::timeout);  // joins
  auto step = out.begin({.deadline = 1s}).value();
  step.put("n", 1);
  step.end().value();
  EXPECT_EQ(out.close({.deadline = 10ms}).error().code(), Errc::timeout);
  EXPECT_EQ(*in.next(1s).value().get<int>("n").value(), 1);
  EXPECT_EQ(in.next(1s).error().code(), Errc::end_of_stream);
}

TEST_F(Steps, ReportAnIgnoredErrorLater) {
  StepWriter out(side(), "s");
  {
    auto step = out.begin().value();
    step.put("V", std::vector<int>(3), {.shape = {4}, .start = {0}, .count = {4}});
    step.end();
  }
  EXPECT_EQ(out.begin().error().code(), Errc::invalid_argument);
  auto step = out.begin().value();
  EXPECT_EQ(step.number(), 0U);
  step.put("n", 1);
  step.end().value();
  EXPECT_EQ(StepReader(side(), "s").next(1s).value().variables().size(), 1U);
  {
    auto last = out.begin().value();
    last.put("V", std::vector<int>(3), {.shape = {4}, .start = {0}, .count = {4}});
    last.end();
  }
  EXPECT_EQ(out.close({.deadline = 10s}).error().code(), Errc::invalid_argument);
  EXPECT_TRUE(out.close().has_value());
}

TEST_F(Steps, OfSeveralWritersAreThereOnceAllHaveEndedThem) {
  constexpr std::size_t writers = 3;
  std::vector<std::thread> threads;
  for (std::size_t index = 0; index < writers; ++index) {
    threads.emplace_back([this, index] {
      StepWriter out(side(index, writers, 1000), "s", {.queue_steps = 2, .rendezvous_readers = 1});
      for (std::size_t n = 0; n < 10; ++n) {
        auto step = out.begin({.deadline = 10s}).value();
        auto v =
            step.create<std::uint64_t>("V", {.shape = {3, 4}, .start = {index, 0}, .count = {1, 4}}).value();
        std::iota(v.begin(), v.end(), 100 * n + 10 * index);
        step.put("particles", std::vector<int>(index, static_cast<int>(n)));
        step.end().value();
      }
      out.close({.deadline = 10s}).value();
    });
  }
  constexpr std::size_t readers = 2;
  for (std::size_t index = 0; index < readers; ++index) {
    threads.emplace_back([this, index] {
      StepReader in(side(index, readers, 2000), "s");
      for (std::size_t n = 0; n < 10; ++n) {
        auto step = in.next(10s).value();
        EXPECT_EQ(step.number(), n);
        const auto column = step.read<std::uint64_t>("V", {.start = {0, 1}, .count = {3, 2}}).value();
        for (std::size_t row = 0; row < 3; ++row) {
          EXPECT_EQ(column[2 * row], 100 * n + 10 * row + 1);
          EXPECT_EQ(column[2 * row + 1], 100 * n + 10 * row + 2);
        }
        EXPECT_EQ(step.joined<int>("particles").value(), std::vector<int>(3, static_cast<int>(n)));
      }
      EXPECT_EQ(in.next(10s).error().code(), Errc::end_of_stream);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(Steps, AreRefusedWhereTheWriterIsNotToWait) {
  StepWriter out(side(), "s", {.queue_steps = 2, .when_full = WhenFull::fail, .rendezvous_readers = 1});
  StepReader in(side(), "s");
  EXPECT_EQ(in.next(10ms).error().code(), Errc::timeout);
  for (int n = 0; n < 2; ++n) {
    out.begin({.deadline = 1s}).value().end().value();
  }
  EXPECT_EQ(out.begin({.deadline = 60s}).error().code(), Errc::queue_full);
  in.next(1s).value().release();
  out.begin({.deadline = 1s}).value().end().value();
  EXPECT_EQ(out.begin().error().code(), Errc::queue_full);
}

// Each rank of the writer asks again until it may begin: one that asks more often than the other does not
// leave it ever more refusals to catch up with.
TEST_F(Steps, AreRefusedNoMoreOftenWithEachStep) {
  constexpr int steps = 10;
  constexpr int most_refusals = 20'000;
  const StepWriterOptions options{.queue_steps = 1, .when_full = WhenFull::fail};
  StepWriter first(side(0, 2, 77), "s", options);
  StepWriter second(side(1, 2, 77), "s", options);
  StepReader in(side(), "s");
  std::atomic<bool> gives_up = false;
  const auto write = [&](StepWriter& out, std::chrono::milliseconds computing) {
    int refusals = 0;
    for (int n = 0; n < steps && !gives_up; ++n) {
      auto step = out.begin({.deadline = 60s});
      for (; !step && step.error().code() == Errc::queue_full && !gives_up;
           step = out.begin({.deadline = 60s})) {
        gives_up = gives_up || ++refusals == most_refusals;
        std::this_thread::sleep_for(computing);
      }
      if (step) {
        step->end().value();
      }
    }
    const auto closed = out.close({.deadline = gives_up ? std::chrono::milliseconds(1s) : 60s});
    EXPECT_TRUE(closed || gives_up) << closed.error();
  };
  std::thread often([&] { write(first, 0ms); });
  std::thread seldom([&] { write(second, 1ms); });
  for (int n = 0; n < steps && !gives_up;) {
    n += in.next(100ms) ? 1 : 0;
  }
  often.join();
  seldom.join();
  EXPECT_FALSE(gives_up);
}

// The ranks of a writer call begin() at different times, and get the same answers; one that asks more often
// waits for the others.
TEST_F(Steps, AreRefusedToAllRanksOfTheWriter) {
  const StepSide first = side(0, 2, 77);
  const StepSide second = side(1, 2, 77);
  const StepWriterOptions options{.queue_steps = 2, .when_full = WhenFull::fail, .rendezvous_readers = 1};
  StepWriter out(first, "s", options);
  StepWriter other(second, "s", options);
  StepReader in(side(), "s");
  EXPECT_EQ(in.next(10ms).error().code(), Errc::timeout);
  const auto tries = [](StepWriter& writer) {
    auto step = writer.begin({.deadline = 10s});
    EXPECT_TRUE(step || step.error().code() == Errc::queue_full) << step.error().what();
    if (step) {
      step->end().value();
    }
    return step.has_value();
  };
  std::vector<bool> answers;
  for (int n = 0; n < 3; ++n) {
    answers.push_back(tries(out));
  }
  EXPECT_EQ(answers, (std::vector<bool>{true, true, false}));
  const auto waits_for = [&](std::string_view text) {
    const Error ahead = out.begin({.deadline = 300ms}).error();
    return ahead.code() == Errc::timeout && ahead.text().find(text) != std::string::npos;
  };
  EXPECT_TRUE(waits_for("has not ended step 0"));
  EXPECT_TRUE(tries(other) && tries(other));
  EXPECT_TRUE(waits_for("has not begun step 2 as often"));
  EXPECT_FALSE(tries(other));
  in.next(10s).value().release();
  // The writer learns of the release when it looks again.
  for (const auto until = std::chrono::steady_clock::now() + 10s;
       !answers.back() && std::chrono::steady_clock::now() < until;) {
    answers.push_back(tries(out));
    EXPECT_EQ(tries(other), answers.back());
  }
  EXPECT_TRUE(answers.back());
  EXPECT_EQ(in.next(10s).value().number(), 1U);
  EXPECT_EQ(in.next(10s).value().number(), 2U);
  std::thread closing([&] { other.close({.deadline = 10s}).value(); });
  out.close({.deadline = 10s}).value();
  closing.join();
}

}  // namespace
}  // namespace locum::tests
