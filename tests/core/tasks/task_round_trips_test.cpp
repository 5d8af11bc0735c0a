// A queue of tasks on another node: what its calls cost there, in messages and in time, does not follow from
// how many numbers others have claimed.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "core/task_queue.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests::task_round_trips_test {
namespace {

using namespace std::chrono_literals;
using Queue = TaskQueue<std::uint64_t>;

constexpr auto delay = 20ms;
constexpr auto round_trip = 2 * delay;
constexpr int home = 0;
constexpr int away = 1;

/// Two nodes of one rank each, so far apart. The queue is on the first one.
class FarQueue {
 public:
  FarQueue() {
    for (const int rank : {home, away}) {
      sessions_.emplace_back(world_.rank(rank).connector, world_.rank(rank).metrics,
                             SessionOptions{.incarnation = 42, .rank = rank, .node = rank},
                             world_.completions(rank));
    }
    near_.emplace(sessions_[home].open("fields").value(), "tasks");
    far_.emplace(sessions_[away].open("fields").value(), "tasks");
  }
  FarQueue(const FarQueue&) = delete;
  FarQueue& operator=(const FarQueue&) = delete;
  ~FarQueue() {
    claimed_.clear();
    near_.reset();
    far_.reset();
    for (Session& session : sessions_) {
      session.close();
    }
  }

  [[nodiscard]] Queue& near() { return *near_; }
  [[nodiscard]] Queue& far() { return *far_; }
  void put(std::uint64_t tasks) {
    for (std::uint64_t task = 0; task < tasks; ++task) {
      near().put(task).value();
    }
  }
  /// So many tasks that a rank near the queue has taken, and that are not done.
  void claim(std::uint64_t tasks) {
    put(tasks);
    for (std::uint64_t task = 0; task < tasks; ++task) {
      claimed_.push_back(near().take(1s).value());
    }
  }
  void finish_claimed() {
    for (auto& task : claimed_) {
      EXPECT_TRUE(task.done());
    }
  }
  template <class Act>
  [[nodiscard]] std::uint64_t messages_of(Act act) {
    return world_.messages_of(act);
  }
  /// So much later, on the clock of the network.
  [[nodiscard]] Deadline in(std::chrono::nanoseconds time) { return world_.network().now() + time; }
  template <class Act>
  [[nodiscard]] std::chrono::nanoseconds time_of(Act act) {
    const auto before = world_.network().now();
    act();
    return world_.network().now() - before;
  }

 private:
  SimulatedNodes world_{{.nodes = {.nodes = 2}, .network = {.latency = {delay, delay}}}};
  std::vector<Session> sessions_;
  std::optional<Queue> near_;
  std::optional<Queue> far_;
  std::vector<TakenTask<std::uint64_t>> claimed_;
};

/// The messages of a call, and the round trips that it waits for.
struct Cost {
  double messages = 0;
  double round_trips = 0;

  Cost& operator+=(const Cost& other) {
    messages += other.messages;
    round_trips += other.round_trips;
    return *this;
  }
  friend Cost operator/(const Cost& sum, int count) {
    return {sum.messages / count, sum.round_trips / count};
  }
  friend std::ostream& operator<<(std::ostream& out, const Cost& cost) {
    return out << cost.messages << " messages and " << cost.round_trips << " round trips";
  }
};

class TaskRoundTrips : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  template <class Act>
  [[nodiscard]] Cost cost_of(Act act) {
    Cost cost;
    cost.messages = static_cast<double>(queue_.messages_of([&] {
      cost.round_trips = static_cast<double>(queue_.time_of(act).count()) /
                         static_cast<double>(std::chrono::nanoseconds(round_trip).count());
    }));
    return cost;
  }
  [[nodiscard]] std::uint64_t claimed() const { return GetParam(); }
  /// Round trips of a search for the first number that nobody has claimed, besides the first one.
  [[nodiscard]] double search() const { return std::ceil(std::log10(static_cast<double>(claimed()))) + 1; }

  FarQueue queue_;
};

// The line and a place, the claim, the line and the slot, the value; and now and then a look at the others.
constexpr double of_a_take = 4;
constexpr double of_a_look = 1;
constexpr double rounding = 0.1;

TEST_P(TaskRoundTrips, OfTasksThatAreThere) {
  queue_.claim(claimed());
  queue_.put(80);
  std::optional<TakenTask<std::uint64_t>> task;
  const Cost first = cost_of([&] { task = queue_.far().take(queue_.in(60s)).value(); });
  EXPECT_EQ(task->number(), claimed());
  EXPECT_LE(first.round_trips, of_a_take + search() + rounding);
  EXPECT_LE(first.messages, 12 + 2 * search());
  Cost take;
  Cost done;
  for (int n = 0; n < 64; ++n) {
    done += cost_of([&] { EXPECT_TRUE(task->done()); });
    take += cost_of([&] { task = queue_.far().take(queue_.in(60s)).value(); });
  }
  std::cout << claimed() << " claimed: first take " << first << ", then take " << take / 64 << ", done "
            << done / 64 << '\n';
  EXPECT_LE(take.round_trips, 64 * (of_a_take + of_a_look));
  EXPECT_LE(done.round_trips, 64 * 2);
  EXPECT_LE(take.messages + done.messages, 64 * 20U);
}

// Beside many claims it looks whether their takers live, some of them each time.
TEST_P(TaskRoundTrips, OfAQueueWithoutATask) {
  queue_.claim(claimed());
  const auto take_late = [&](std::chrono::milliseconds time) {
    const auto until = queue_.in(time);
    return cost_of([&] { EXPECT_EQ(code_of(queue_.far().take(until)), Errc::timeout); });
  };
  const Cost first = take_late(5ms);
  EXPECT_LE(first.round_trips, 4 + search() + rounding);
  Cost looks;
  for (int n = 0; n < 20; ++n) {
    const Cost poll = take_late(n % 2 == 0 ? 5ms : 0ms);
    looks = std::max(looks, poll, [](const Cost& a, const Cost& b) { return a.round_trips < b.round_trips; });
  }
  const Cost poll = take_late(5ms);
  const Cost wait = take_late(700ms);
  std::cout << claimed() << " claimed: first poll " << first << ", then at most " << looks << ", at last "
            << poll << ", take(700ms) " << wait << '\n';
  EXPECT_LE(looks.round_trips, 6 + rounding);
  EXPECT_LE(poll.round_trips, 1 + of_a_look + rounding);
  EXPECT_GE(wait.round_trips * round_trip, 700ms);
  EXPECT_LE(wait.round_trips * round_trip, 700ms + round_trip + 1ms);
}

TEST_P(TaskRoundTrips, OfOtherCalls) {
  queue_.claim(claimed());
  const Cost put = cost_of([&] { queue_.far().put(1).value(); });
  queue_.claim(claimed());
  const Cost put_later = cost_of([&] { queue_.far().put(1).value(); });
  std::optional<TakenTask<std::uint64_t>> task = queue_.far().take(queue_.in(60s)).value();
  const Cost back = cost_of([&] { task.reset(); });
  const Cost close = cost_of([&] { queue_.far().close().value(); });
  std::cout << claimed() << " claimed: put " << put << ", after others " << put_later << ", give back "
            << back << ", close " << close << '\n';
  EXPECT_LE(put.round_trips, 20);
  EXPECT_LE(put_later.round_trips, 20);
  EXPECT_LE(back.round_trips, 20);
  EXPECT_LE(close.round_trips, 40);
  if (claimed() > 1000) {
    return;  // takes half a minute
  }
  queue_.finish_claimed();
  int others = 0;
  for (auto end = queue_.far().take(queue_.in(60s)); end; end = queue_.far().take(queue_.in(60s))) {
    ++others;
    EXPECT_TRUE(end->done());
  }
  EXPECT_EQ(others, 2);
}

INSTANTIATE_TEST_SUITE_P(Claimed, TaskRoundTrips, ::testing::Values(1, 100, 10'000));

}  // namespace
}  // namespace locum::tests::task_round_trips_test
