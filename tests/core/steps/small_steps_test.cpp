// What a small step costs between nodes: messages, counted exactly enough to notice one more a step.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/queue_transport.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

/// A writer and a reader, each on a node of its own.
class SmallSteps : public ::testing::Test {
 protected:
  static constexpr int steps = 100;

  SmallSteps() {
    for (int rank = 0; rank < 2; ++rank) {
      const LinkedRank& linked = ranks_[static_cast<std::size_t>(rank)];
      sessions_.emplace_back(linked.connector, linked.metrics,
                             SessionOptions{.incarnation = 7, .rank = rank, .node = rank},
                             linked.links->completions());
    }
  }
  ~SmallSteps() override {
    for (Session& session : sessions_) {
      session.close();
    }
  }
  /// Of all ranks so far.
  [[nodiscard]] std::uint64_t messages() const {
    return ranks_[0].metrics->messages.load() + ranks_[1].metrics->messages.load();
  }
  [[nodiscard]] std::uint64_t bytes_read(Path path) const {
    return ranks_[1].metrics->reads[static_cast<std::size_t>(path)].bytes.load();
  }

  std::vector<LinkedRank> ranks_ = link_plain_nodes({.helper = true}, queue_transports(2));
  std::vector<Session> sessions_;
};

// The request that waits for the step, with what tells of the release of an earlier one; and the reply with
// all that the step has, and the other reply. A thread that was held up for longer sends one of them alone.
TEST_F(SmallSteps, CostTwoMessages) {
  StepWriter out({sessions_[0], 0, 1, 1}, "s", {.queue_steps = 3, .rendezvous_readers = 1});
  std::uint64_t before = 0;
  std::thread reader([&] {
    StepReader in({sessions_[1], 0, 1, 2}, "s");
    for (int n = 0; n < steps; ++n) {
      const auto step = in.next(60s).value();
      const auto field = step.read<double>("V", {}, {.deadline = 60s}).value();
      ASSERT_EQ(field.size(), 16U);
      ASSERT_EQ(field[0], n);
      ASSERT_EQ(field[15], n + 15);
    }
    EXPECT_EQ(in.next(60s).error().code(), Errc::end_of_stream);
  });
  for (int n = 0; n < steps; ++n) {
    auto step = out.begin({.deadline = 60s}).value();
    if (n == 1) {
      before = messages();  // the reader has joined, and is known
    }
    const auto field = step.create<double>("V", {.shape = {16}, .start = {0}, .count = {16}}).value();
    for (std::size_t at = 0; at < field.size(); ++at) {
      field[at] = n + static_cast<double>(at);
    }
    step.end().value();
  }
  const std::uint64_t while_written = messages() - before;
  out.close({.deadline = 60s}).value();
  reader.join();
  EXPECT_LE(while_written, 3U * (steps - 1)) << "messages for " << steps - 1 << " steps";
  EXPECT_GE(bytes_read(Path::inline_value), (steps - 2) * 16 * sizeof(double)) << "blocks were fetched";
}

// Of more than comes with the step: what was read of the last step is asked for at once, in one message where
// no thread is held up, and comes in as few as have room for it.
TEST_F(SmallSteps, OfManyVariablesCostFewMessages) {
  constexpr std::size_t variables = 40;
  constexpr std::size_t count = 512;  // 4 KiB
  StepWriter out({sessions_[0], 0, 1, 3}, "many", {.queue_steps = 3, .rendezvous_readers = 1});
  std::uint64_t before = 0;
  std::thread reader([&] {
    StepReader in({sessions_[1], 0, 1, 4}, "many");
    for (int n = 0; n < steps; ++n) {
      const auto step = in.next(60s).value();
      for (std::size_t variable = 0; variable < variables; ++variable) {
        const auto field = step.read<double>("V" + std::to_string(variable), {}, {.deadline = 60s}).value();
        ASSERT_EQ(field.size(), count);
        ASSERT_EQ(field[count - 1], n + static_cast<double>(variable));
      }
    }
  });
  for (int n = 0; n < steps; ++n) {
    auto step = out.begin({.deadline = 60s}).value();
    if (n == 1) {
      before = messages();
    }
    for (std::size_t variable = 0; variable < variables; ++variable) {
      const auto field = step.create<double>("V" + std::to_string(variable),
                                             {.shape = {count}, .start = {0}, .count = {count}})
                             .value();
      std::ranges::fill(field, n + static_cast<double>(variable));
    }
    step.end().value();
  }
  out.close({.deadline = 60s}).value();
  reader.join();
  const std::uint64_t all = messages() - before;
  EXPECT_LE(all, 16U * (steps - 1)) << "messages for " << steps - 1 << " steps of " << variables
                                    << " variables";
}

// The writer sends three steps to a reader that calls nothing: these were asked for when it began the one
// before. Questions end after a second, which takes a message, too: so it is tried again where a thread was
// held up for that long.
TEST_F(SmallSteps, AreAskedForThreeAhead) {
  bool were_asked_for = false;
  for (std::uint64_t attempt = 0; attempt < 10 && !were_asked_for; ++attempt) {
    StepWriter out({sessions_[0], 0, 1, 10 + attempt}, "s", {.queue_steps = 4, .rendezvous_readers = 1});
    std::latch has_first(1);
    std::latch were_sent(1);
    std::thread reader([&] {
      StepReader in({sessions_[1], 0, 1, 20 + attempt}, "s");
      const auto first = in.next(60s).value();
      has_first.count_down();
      were_sent.wait();
      for (std::uint64_t number = 1; number < 4; ++number) {
        EXPECT_EQ(in.next(60s).value().number(), number);
      }
    });
    out.begin({.deadline = 60s}).value().end().value();
    const auto until = std::chrono::steady_clock::now() + 700ms;
    has_first.wait();
    const std::uint64_t before = ranks_[0].metrics->messages.load();
    // One after the other: replies that wait travel as one message.
    const auto is_in_time = [&] { return std::chrono::steady_clock::now() < until; };
    for (std::uint64_t n = 1; n < 4; ++n) {
      out.begin({.deadline = 60s}).value().end().value();
      while (ranks_[0].metrics->messages.load() < before + n && is_in_time()) {
        std::this_thread::yield();
      }
    }
    were_asked_for = is_in_time();
    were_sent.count_down();
    out.close({.deadline = 60s}).value();
    reader.join();
  }
  EXPECT_TRUE(were_asked_for);
}

}  // namespace
}  // namespace locum::tests
