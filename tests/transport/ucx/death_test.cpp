// A transport after a process at its other end was killed. Over sockets the kernel reports that at once; over
// shared memory nothing does until UCX probes its peers, which it does every 20 seconds, and every second in
// these tests. It takes a dead process for a living one until its parent has waited for it.
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "tests/transport/ucx/lanes.hpp"
#include "tests/transport/ucx/recorder.hpp"
#include "tests/transport/ucx/shared_files.hpp"
#include "transport/ucx/transport.hpp"

namespace locum::ucx {
namespace {

using namespace std::chrono_literals;
using tests::drive;
using tests::Lanes;
using tests::message_bytes;
using tests::Recorder;

constexpr std::array<std::byte, 1> tick{std::byte{1}};
constexpr auto notice = 15s;
constexpr TransportOptions options{.close_timeout = 500ms};
constexpr auto longest_close = 3s;

class UcxDeathTest : public testing::TestWithParam<Lanes> {
 protected:
  // Two processes: `victim` (rank 1) is killed at the latest when it returns, `survivor` (rank 0) must exit
  // regularly. Nothing of either is left in /dev/shm.
  using Part = std::function<void(Group&, Transport&, Recorder&)>;
  static void play(const Part& survivor, const Part& victim) {
    const tests::SharedFiles files;
    auto children = tests::start_group(2, GetParam(), [&](Group& group) {
      auto transport = open_transport(group, options);
      Recorder recorder;
      // Connected in both directions.
      EXPECT_TRUE(transport->send(1 - group.rank(), tick, {}, 0));
      EXPECT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 1; }));
      recorder.messages.clear();
      tests::barrier(group, [&] { transport->progress(recorder); });
      if (group.rank() == 1) {
        victim(group, *transport, recorder);
        ::raise(SIGKILL);
      }
      survivor(group, *transport, recorder);
      const auto start = transport->now();
      transport.reset();
      EXPECT_LT(Transport::Clock::now() - start, longest_close);
      return std::string();
    });
    EXPECT_EQ(children[1].wait().signal, SIGKILL);
    const tests::Ending ending = children[0].wait();
    EXPECT_EQ(ending.exit_code, 0) << ending.said << " (signal " << ending.signal << ')';
    EXPECT_EQ(files.left(), "");
  }

  // The loss is reported to the survivor, once, and later messages fail.
  static void expect_lost(Transport& transport, Recorder& recorder) {
    EXPECT_TRUE(drive(
        transport, recorder, [&] { return !recorder.lost_ranks.empty(); }, notice));
    ASSERT_EQ(recorder.lost_ranks, std::vector<int>{1});
    EXPECT_EQ(recorder.causes[0].code(), Errc::peer_lost);
    EXPECT_EQ(recorder.causes[0].rank(), 1);
    EXPECT_EQ(transport.send(1, tick, {}, 0).error().code(), Errc::peer_lost);
    EXPECT_FALSE(drive(
        transport, recorder, [&] { return recorder.lost_ranks.size() > 1; }, 50ms));
  }
};

INSTANTIATE_TEST_SUITE_P(Lanes, UcxDeathTest, testing::Values(Lanes::any, Lanes::tcp),
                         testing::PrintToStringParamName());

TEST_P(UcxDeathTest, WhileNothingMoves) {
  play([](Group&, Transport& transport, Recorder& recorder) { expect_lost(transport, recorder); },
       [](Group&, Transport&, Recorder&) {});
}

TEST_P(UcxDeathTest, WhileMessagesComeAndGo) {
  play(
      [](Group&, Transport& transport, Recorder& recorder) {
        const std::vector<std::byte> bulk = message_bytes(4000, 1);
        // Both send as much as possible; messages that the victim does not receive any more queue up, and
        // then fail.
        std::size_t pending = 0;
        for (std::uint64_t ticket = 0; ticket < 20000; ++ticket) {
          const auto sending = transport.send(1, tick, bulk, ticket);
          if (!sending) {
            EXPECT_EQ(sending.error().code(), Errc::peer_lost);
            break;
          }
          pending += *sending == Sending::pending ? 1 : 0;
          transport.progress(recorder);
        }
        expect_lost(transport, recorder);
        EXPECT_EQ(recorder.sendings.size(), pending) << "a bulk without an outcome";
        for (const auto& told : recorder.sendings) {
          EXPECT_FALSE(told.after_loss);
        }
      },
      [](Group&, Transport& transport, Recorder& recorder) {
        const std::vector<std::byte> bulk = message_bytes(4000, 2);
        while (recorder.messages.size() < 1000) {
          static_cast<void>(transport.send(0, tick, bulk, 0));
          transport.progress(recorder);
        }
      });
}

// The victim has chosen the memory for the bulk, and is gone.
TEST_P(UcxDeathTest, OfTheReceiverOfABulk) {
  play(
      [](Group&, Transport& transport, Recorder& recorder) {
        const std::vector<std::byte> bulk = message_bytes(256 << 20, 1);
        ASSERT_EQ(transport.send(1, tick, bulk, 9).value(), Sending::pending);
        expect_lost(transport, recorder);
        ASSERT_EQ(recorder.sendings.size(), 1U);
        EXPECT_EQ(recorder.sendings[0].number, 9U);
        EXPECT_FALSE(recorder.sendings[0].outcome);
        EXPECT_FALSE(recorder.sendings[0].after_loss);
      },
      [](Group&, Transport& transport, Recorder& recorder) {
        bool named = false;
        recorder.on_arrival = [&](const Arrival&) { named = true; };
        while (!named) {
          transport.progress(recorder);
        }
      });
}

// The victim is killed when its bulk is announced, and before any of it is read.
TEST_P(UcxDeathTest, OfTheSenderOfABulk) {
  play(
      [](Group& group, Transport& transport, Recorder& recorder) {
        const pid_t own = ::getpid();
        const auto ids = group.all_gather(std::as_bytes(std::span(&own, 1)));
        pid_t victim = 0;
        std::memcpy(&victim, ids.data() + sizeof own, sizeof victim);
        recorder.on_arrival = [victim](const Arrival&) { ::kill(victim, SIGKILL); };
        ASSERT_TRUE(drive(transport, recorder, [&] { return !recorder.messages.empty(); }));
        expect_lost(transport, recorder);
        ASSERT_EQ(recorder.inbound.size(), 1U);
        EXPECT_FALSE(recorder.inbound[0].after_loss);
        EXPECT_FALSE(recorder.inbound[0].outcome);
      },
      [](Group& group, Transport& transport, Recorder& recorder) {
        const pid_t own = ::getpid();
        static_cast<void>(group.all_gather(std::as_bytes(std::span(&own, 1))));
        const std::vector<std::byte> bulk = message_bytes(256 << 20, 1);
        ASSERT_TRUE(transport.send(0, tick, bulk, 9));
        static_cast<void>(drive(transport, recorder, [] { return false; }));
      });
}

// No message was sent to it before.
TEST_P(UcxDeathTest, BeforeTheFirstMessage) {
  auto children = tests::start_group(2, GetParam(), [](Group& group) {
    auto transport = open_transport(group, options);
    const pid_t own = ::getpid();
    const auto ids = group.all_gather(std::as_bytes(std::span(&own, 1)));
    if (group.rank() == 1) {
      ::raise(SIGKILL);
    }
    // Until the system has removed it: only its parent sees it then.
    EXPECT_THROW(group.barrier(), Error);
    Recorder recorder;
    const std::vector<std::byte> bulk = message_bytes(1 << 20, 1);
    const auto sending = transport->send(1, tick, bulk, 3);
    if (!sending) {
      EXPECT_EQ(sending.error().code(), Errc::peer_lost);
    }
    EXPECT_TRUE(drive(
        *transport, recorder, [&] { return !recorder.lost_ranks.empty(); }, notice));
    EXPECT_EQ(recorder.sendings.size(), sending ? 1U : 0U);
    transport.reset();
    return std::string();
  });
  EXPECT_EQ(children[1].wait().signal, SIGKILL);
  const tests::Ending ending = children[0].wait();
  EXPECT_EQ(ending.exit_code, 0) << ending.said << " (signal " << ending.signal << ')';
}

// A third process continues to communicate with the survivor, and is not held up.
TEST_P(UcxDeathTest, IsNobodyElsesConcern) {
  auto children = tests::start_group(3, GetParam(), [](Group& group) {
    auto transport = open_transport(group, options);
    Recorder recorder;
    for (int to = 0; to < group.size(); ++to) {
      EXPECT_TRUE(transport->send(to, tick, {}, 0));
    }
    EXPECT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 3; }));
    tests::barrier(group, [&] { transport->progress(recorder); });
    if (group.rank() == 1) {
      ::raise(SIGKILL);
    }
    const int other = 2 - group.rank();
    const std::vector<std::byte> bulk = message_bytes(1 << 20, static_cast<std::uint64_t>(group.rank()));
    for (std::size_t round = 1; round <= 50; ++round) {
      EXPECT_TRUE(transport->send(other, tick, bulk, round));
      EXPECT_TRUE(drive(*transport, recorder, [&] {
        return recorder.inbound.size() == round && recorder.sendings.size() == round;
      }));
    }
    for (std::size_t at = 3; at < recorder.messages.size(); ++at) {
      EXPECT_EQ(recorder.messages[at].bulk, message_bytes(1 << 20, static_cast<std::uint64_t>(other)));
    }
    // Each waits for the other's message, since the group has lost its middle.
    EXPECT_TRUE(transport->send(other, tick, {}, 0));
    EXPECT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 54; }));
    return std::string();
  });
  for (const std::size_t rank : {std::size_t{0}, std::size_t{2}}) {
    const tests::Ending ending = children[rank].wait();
    EXPECT_EQ(ending.exit_code, 0) << ending.said << " (signal " << ending.signal << ')';
  }
}

}  // namespace
}  // namespace locum::ucx
