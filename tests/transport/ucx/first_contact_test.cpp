// Ranks that are killed while others connect to them, over TCP: the others go on. All ranks
// begin to send to all others at the same time, so that connections are made from both sides, and some die at
// moments set with the kernel's timer, mostly within the first messages.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/transport/ucx/lanes.hpp"
#include "tests/transport/ucx/recorder.hpp"
#include "transport/ucx/transport.hpp"

namespace locum::ucx::first_contact_test {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using tests::Recorder;

constexpr int ranks = 6;
constexpr std::array<std::byte, 1> word{std::byte{1}};
constexpr std::array<std::byte, 1> last_message{std::byte{2}};
constexpr TransportOptions options{.close_timeout = 500ms};
constexpr auto longest_end = 40s;

bool is_mortal(int rank) noexcept {
  return rank % 2 == 1;
}
constexpr int mortals = ranks / 2;

/// The kernel ends this process after that time, whatever it does then.
void kill_self_in(microseconds time) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  timer_t timer{};
  ASSERT_EQ(::timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  itimerspec when{};
  when.it_value.tv_nsec = 1000 * std::max<long>(1, time.count());
  ASSERT_EQ(::timer_settime(timer, 0, &when, nullptr), 0);
}

class Rank {
 public:
  Rank(Group& group, unsigned seed)
      : rank_(group.rank()),
        random_(1000 * seed + static_cast<unsigned>(group.rank())),
        bulk_(tests::message_bytes(std::size_t{1} << 20U, seed)),
        transport_(open_transport(group, options)) {
    recorder_.refuses = below(4) == 0;
    group.barrier();
    if (is_mortal(rank_)) {
      kill_self_in(microseconds(below(4) == 0 ? below(40'000) : below(3000)));
    }
  }

  // Messages of every size to all others, with pauses without progress.
  void talk() {
    for (int message = 0; message < 60 || is_mortal(rank_); ++message) {
      const int to = static_cast<int>(below(ranks));
      constexpr std::array<std::size_t, 5> sizes{0, 100, 5000, 20'000, std::size_t{1} << 20U};
      const auto sending = transport_->send(to, word, std::span(bulk_).first(sizes[below(sizes.size())]), 1);
      pending_ += sending && *sending == Sending::pending ? 1 : 0;
      const auto until = transport_->now() + microseconds(below(3) == 0 ? below(1000) : 0);
      const bool moves = below(2) == 0;
      do {
        if (moves) {
          transport_->progress(recorder_);
        }
      } while (transport_->now() < until);
    }
  }

  // A living rank tells all other living ones when its bulks are sent or have failed, and waits until the
  // losses of all others are reported.
  void end() {
    EXPECT_TRUE(tests::drive(
        *transport_, recorder_, [&] { return recorder_.sendings.size() == pending_; }, longest_end));
    std::set<int> missing;
    std::size_t seen = 0;
    for (int other = 0; other < ranks; ++other) {
      if (other != rank_) {
        missing.insert(other);
        static_cast<void>(transport_->send(other, last_message, {}, 1));
      }
    }
    EXPECT_TRUE(tests::drive(
        *transport_, recorder_,
        [&] {
          for (; seen < recorder_.messages.size(); ++seen) {
            if (recorder_.messages[seen].header.front() == last_message.front()) {
              missing.erase(recorder_.messages[seen].from);
            }
          }
          for (const int lost : recorder_.lost_ranks) {
            EXPECT_TRUE(missing.erase(lost) == 0 || is_mortal(lost))
                << "rank " << rank_ << " lost rank " << lost << ", which is alive";
          }
          return missing.empty();
        },
        longest_end))
        << "rank " << rank_ << " got no report of the loss of rank " << *missing.begin();
  }

 private:
  [[nodiscard]] std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }

  const int rank_;
  std::mt19937 random_;
  std::vector<std::byte> bulk_;  // outlives the transport, which reads from it
  Recorder recorder_;            // and this, which it writes to
  std::size_t pending_ = 0;      // bulks that were not sent at once
  std::unique_ptr<Transport> transport_;
};

/// LOCUM_FIRST_CONTACT_DEATHS=1000: as many, in some minutes.
int deaths() {
  const char* many = std::getenv("LOCUM_FIRST_CONTACT_DEATHS");
  return many == nullptr ? 10 * mortals : std::atoi(many);
}

// UCX 1.13 ends a survivor by an assertion of its own in about 7 of 10 000 such deaths (docs/failure.md), and
// in 170 of 10 000 where a rank connects at another moment than this transport does. Who has lost that
// survivor is not judged.
TEST(UcxFirstContact, SurvivorsOutliveRanksThatDieThen) {
  int ended = 0;
  for (int run = 0; run * mortals < deaths(); ++run) {
    SCOPED_TRACE(testing::Message() << "run " << run);
    auto children = tests::start_group(ranks, tests::Lanes::tcp, [run](Group& group) {
      // A bulk that has been sent partly when its receiver dies is another case (docs/failure.md).
      ::setenv("UCX_ZCOPY_THRESH", "inf", 1);
      Rank rank(group, static_cast<unsigned>(run));
      rank.talk();
      rank.end();
      return std::string();
    });
    std::vector<tests::Ending> endings;
    std::ranges::transform(children, std::back_inserter(endings), [](auto& child) { return child.wait(); });
    const auto by_ucx = std::ranges::count(endings, SIGABRT, &tests::Ending::signal);
    ended += static_cast<int>(by_ucx);
    for (int rank = 0; rank < ranks; ++rank) {
      const tests::Ending& ending = endings[static_cast<std::size_t>(rank)];
      if (is_mortal(rank)) {
        EXPECT_TRUE(ending.signal == SIGKILL || ending.signal == SIGABRT) << ending.signal;
      } else if (by_ucx == 0) {
        EXPECT_EQ(ending.exit_code, 0)
            << "rank " << rank << ": " << ending.said << " (signal " << ending.signal << ')';
      }
    }
  }
  EXPECT_LE(ended, 1 + deaths() / 200);
  std::cout << ended << " survivors of " << deaths() << " deaths were ended by UCX\n";
}

}  // namespace
}  // namespace locum::ucx::first_contact_test
