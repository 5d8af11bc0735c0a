// The transport between forked processes that all live to the end; for deaths see death_test.cpp, for the
// contract of all transports contract_test.cpp.
#include "transport/ucx/transport.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

#include "core/value/options.hpp"
#include "tests/transport/ucx/lanes.hpp"
#include "tests/transport/ucx/recorder.hpp"

namespace locum::ucx::transport_test {
namespace {

using namespace std::chrono_literals;
using tests::drive;
using tests::Lanes;
using tests::message_bytes;
using tests::Recorder;

class UcxTransportTest : public testing::TestWithParam<Lanes> {
 protected:
  // Runs `body` in that many processes; a failed expectation in one of them fails the test.
  static void in_group(int size, const std::function<void(Group&)>& body) {
    auto children = tests::start_group(size, GetParam(), [&body](Group& group) {
      body(group);
      return std::string();
    });
    for (tests::Child& child : children) {
      const tests::Ending ending = child.wait();
      EXPECT_EQ(ending.exit_code, 0) << ending.said << " (signal " << ending.signal << ')';
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Lanes, UcxTransportTest, testing::Values(Lanes::any, Lanes::tcp),
                         testing::PrintToStringParamName());

constexpr std::array<std::byte, 1> tick{std::byte{1}};

// All processes meet before they destroy the transport: the first one to end is lost to the others. Makes
// progress until then.
void end_together(Group& group, std::unique_ptr<Transport> transport, Recorder& recorder) {
  tests::barrier(group, [&] { transport->progress(recorder); });
  transport.reset();
}

struct Shape {
  std::size_t header;
  std::size_t bulk;
};

TEST_P(UcxTransportTest, MovesEverySizeAndSaysWhichWay) {
  in_group(2, [](Group& group) {
    const std::vector<Shape> shapes = {{1, 0},    {511, 0},    {512, 0},    {1, 1},       {512, 512},
                                       {7, 8191}, {512, 8192}, {512, 8193}, {1, 1 << 20}, {64, 64 << 20}};
    auto transport = open_transport(group);
    Recorder recorder;
    std::vector<std::vector<std::byte>> bulks;
    std::size_t pending = 0;
    for (std::size_t at = 0; at < shapes.size(); ++at) {
      bulks.push_back(message_bytes(shapes[at].bulk, at));
      const auto sending =
          transport->send(1 - group.rank(), message_bytes(shapes[at].header, 100 + at), bulks.back(), at);
      ASSERT_TRUE(sending) << sending.error();
      pending += *sending == Sending::pending ? 1 : 0;
      EXPECT_TRUE(*sending == Sending::done || shapes[at].bulk != 0) << "there is no bulk to wait for";
    }
    ASSERT_TRUE(drive(*transport, recorder, [&] {
      return recorder.messages.size() == shapes.size() && recorder.inbound.size() == 3 &&
             recorder.sendings.size() == pending;
    }));
    for (std::size_t at = 0; at < shapes.size(); ++at) {
      const auto found = std::ranges::find(recorder.messages, message_bytes(shapes[at].header, 100 + at),
                                           &Recorder::Message::header);
      ASSERT_NE(found, recorder.messages.end()) << at;
      const Recorder::Message& message = *found;
      EXPECT_EQ(message.from, 1 - group.rank());
      EXPECT_EQ(message.bulk, bulks[at]) << at;
      EXPECT_EQ(message.landing != 0, shapes[at].bulk > 8192) << at;
    }
    for (const auto& landing : recorder.inbound) {
      EXPECT_EQ(landing.outcome.value(), Path::rendezvous);
    }
    for (const auto& sending : recorder.sendings) {
      EXPECT_TRUE(sending.outcome) << sending.outcome.error();
    }
    EXPECT_TRUE(recorder.lost_ranks.empty());
    end_together(group, std::move(transport), recorder);
  });
}

// Over shared memory messages to it then wait in UCX, which refuses to be armed as long as they do.
TEST_P(UcxTransportTest, LooksRarelyWhileAnotherRankTakesNoMessages) {
  in_group(2, [](Group& group) {
    constexpr std::size_t count = 1000;
    auto transport = open_transport(group);
    Recorder recorder;
    ASSERT_TRUE(transport->send(1 - group.rank(), tick, {}, 0));
    ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 1; }));
    tests::barrier(group, [&] { transport->progress(recorder); });
    if (group.rank() == 0) {
      for (std::size_t at = 0; at < count; ++at) {
        ASSERT_TRUE(transport->send(1, tick, {}, 0));
      }
      constexpr int enough = 40;
      const bool refuses = GetParam() == Lanes::any;
      const auto began = transport->now();
      const auto end = began + (refuses ? 20'000ms : 500ms);  // if nothing refuses, it sleeps until then
      int rounds = 0;
      auto longest_refusal = 0ns;
      for (; transport->now() < end && rounds < enough; ++rounds) {
        const auto asked = transport->now();
        while (!transport->arm() && transport->now() < end) {
          transport->progress(recorder);
        }
        longest_refusal = std::max<std::chrono::nanoseconds>(longest_refusal, transport->now() - asked);
        transport->sleep(end);
        transport->progress(recorder);
      }
      EXPECT_LT(longest_refusal, 10s);
      EXPECT_GE(transport->now() - began, (rounds - 10) * 2ms)
          << "all but a few sleeps last two milliseconds";
      EXPECT_EQ(rounds == enough, refuses) << "it sleeps long, as if it had not to poll";
    }
    tests::barrier(group, [] {});
    ASSERT_TRUE(drive(*transport, recorder,
                      [&] { return group.rank() == 0 || recorder.messages.size() == count + 1; }));
    end_together(group, std::move(transport), recorder);
  });
}

// Messages that wait in UCX for a rank that makes no progress take memory here; when that rank continues it
// receives them all, and later ones.
TEST_P(UcxTransportTest, RefusesMoreForARankThatTakesNoMessages) {
  in_group(2, [](Group& group) {
    constexpr std::uint32_t most = 100;
    constexpr std::size_t beyond_any_queue = 1'000'000;
    const std::vector<std::byte> header = message_bytes(512, 1);
    auto transport = open_transport(group, {.most_under_way = most});
    Recorder recorder;
    ASSERT_TRUE(transport->send(1 - group.rank(), tick, {}, 0));
    ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 1; }));
    tests::barrier(group, [&] { transport->progress(recorder); });
    std::size_t sent = 0;
    if (group.rank() == 0) {
      Result<Sending> sending = Sending::done;
      for (; sent < beyond_any_queue && sending; ++sent) {
        sending = transport->send(1, header, {}, 0);
      }
      ASSERT_FALSE(sending) << sent << " messages are open";
      EXPECT_EQ(sending.error().code(), Errc::out_of_memory);
      EXPECT_GT(sent, most);
    }
    group.barrier();
    if (group.rank() == 0) {
      ASSERT_TRUE(drive(*transport, recorder, [&] { return transport->send(1, tick, {}, 0).has_value(); }));
      ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 2; }));
    } else {
      ASSERT_TRUE(drive(*transport, recorder, [&] {
        return recorder.messages.back().header.size() == 1 && recorder.messages.size() > most;
      }));
      ASSERT_TRUE(transport->send(0, tick, {}, 0));
    }
    end_together(group, std::move(transport), recorder);
  });
}

TEST_P(UcxTransportTest, KeepsTheOrderAmongSizes) {
  in_group(2, [](Group& group) {
    constexpr std::uint32_t count = 3000;
    constexpr std::array<std::size_t, 5> sizes = {0, 100, 20000, 5000, 300000};
    constexpr auto kinds = static_cast<std::uint32_t>(sizes.size());
    auto transport = open_transport(group);
    Recorder recorder;
    const std::vector<std::byte> bulk = message_bytes(300000, 1);
    for (std::uint32_t at = 0; at < count; ++at) {
      const auto sending = transport->send(1 - group.rank(), std::as_bytes(std::span(&at, 1)),
                                           std::span(bulk).first(sizes[at % sizes.size()]), at);
      ASSERT_TRUE(sending) << sending.error();
      if (at % 64 == 0) {
        transport->progress(recorder);
      }
    }
    ASSERT_TRUE(drive(*transport, recorder, [&] {
      return recorder.messages.size() == count && recorder.inbound.size() == 2 * count / sizes.size();
    }));
    // Those with a large bulk may be overtaken by the others.
    std::array<std::uint32_t, 2> next = {0, kinds - 1};
    for (const Recorder::Message& message : recorder.messages) {
      std::uint32_t number = 0;
      std::memcpy(&number, message.header.data(), sizeof number);
      const bool large = message.bulk.size() > large_bulk_bytes;
      ASSERT_EQ(number, next[large ? 1 : 0]);
      ASSERT_EQ(message.bulk.size(), sizes[number % sizes.size()]);
      next[large ? 1 : 0] += large ? kinds : (number % kinds == kinds - 2 ? 2 : 1);
    }
    EXPECT_EQ(next[0], count);
    EXPECT_EQ(next[1], count + kinds - 1);
    end_together(group, std::move(transport), recorder);
  });
}

// Rank 1 makes no progress until the bulk has begun to move and waits for it: later messages of rank 0 arrive
// before the end of the bulk.
TEST_P(UcxTransportTest, LetsSmallMessagesPastALargeBulk) {
  in_group(2, [](Group& group) {
    constexpr int most_rounds = 10;  // a lane that reads a bulk in one go leaves nothing to overtake
    const std::vector<std::byte> bulk(32_MiB, std::byte{7});
    const auto word = [](int value) { return std::array{static_cast<std::byte>(value)}; };
    auto transport = open_transport(group);
    bool past = false;
    for (int round = 0; round < most_rounds && !past; ++round) {
      Recorder recorder;
      const auto hear = [&](std::size_t count) {
        return drive(*transport, recorder, [&] { return recorder.messages.size() >= count; });
      };
      if (group.rank() == 0) {
        ASSERT_TRUE(transport->send(1, word(0), {}, 0));
        ASSERT_TRUE(transport->send(1, word(0), bulk, 0));
        ASSERT_TRUE(hear(2));
        ASSERT_TRUE(transport->send(1, word(0), {}, 0));
        group.barrier();
        ASSERT_TRUE(hear(3));
        past = recorder.messages[2].header.front() == std::byte{1};
      } else {
        ASSERT_TRUE(hear(1));
        ASSERT_TRUE(transport->send(0, word(0), {}, 0));  // connects, in the first round
        ASSERT_TRUE(hear(2));
        ASSERT_TRUE(transport->send(0, word(0), {}, 0));
        group.barrier();
        ASSERT_TRUE(hear(3));
        past = recorder.inbound.empty();
        ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.inbound.size() == 1; }));
        EXPECT_TRUE(recorder.inbound[0].outcome);
        ASSERT_TRUE(transport->send(0, word(past ? 1 : 0), {}, 0));
      }
    }
    EXPECT_TRUE(past);
    Recorder recorder;
    end_together(group, std::move(transport), recorder);
  });
}

// Both have a large bulk for the other before either knows whether the other one has a second endpoint.
TEST_P(UcxTransportTest, SharesAnEndpointWhereOneRankHasNoOther) {
  in_group(2, [](Group& group) {
    constexpr std::size_t count = 5;
    auto transport = open_transport(group, {.bulks_apart = group.rank() == 0});
    Recorder recorder;
    const std::vector<std::byte> bulk = message_bytes(1_MiB, 1);
    for (std::size_t at = 0; at < count; ++at) {
      EXPECT_EQ(transport->send(1 - group.rank(), tick, bulk, at).value(), Sending::pending);
    }
    ASSERT_TRUE(drive(*transport, recorder,
                      [&] { return recorder.inbound.size() == count && recorder.sendings.size() == count; }));
    for (std::size_t at = 0; at < count; ++at) {
      EXPECT_EQ(recorder.messages[at].bulk, bulk);
      EXPECT_TRUE(recorder.sendings[at].outcome);
    }
    end_together(group, std::move(transport), recorder);
  });
}

// A bulk from each process to each.
void connect_all_to_all(Group& group) {
  auto transport = open_transport(group);
  Recorder recorder;
  const std::vector<std::byte> bulk = message_bytes(100000, static_cast<std::uint64_t>(group.rank()));
  for (int to = 0; to < group.size(); ++to) {
    ASSERT_TRUE(transport->send(to, tick, bulk, 0));
  }
  const auto size = static_cast<std::size_t>(group.size());
  ASSERT_TRUE(drive(*transport, recorder, [&] {
    return recorder.messages.size() == size && recorder.inbound.size() == size - 1 &&
           recorder.sendings.size() == size;
  }));
  std::vector<int> from;
  for (const auto& message : recorder.messages) {
    from.push_back(message.from);
    EXPECT_EQ(message.bulk, message_bytes(100000, static_cast<std::uint64_t>(message.from)));
  }
  std::ranges::sort(from);
  for (int rank = 0; rank < group.size(); ++rank) {
    EXPECT_EQ(from[static_cast<std::size_t>(rank)], rank);
  }
  end_together(group, std::move(transport), recorder);
}

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

TEST_P(UcxTransportTest, ConnectsAllToAll) {
  for (const int ranks : {1, 2, 3, 5}) {
    in_group(ranks, connect_all_to_all);
  }
}

// Over TCP a process without a free descriptor for a connection would stop listening.
TEST_P(UcxTransportTest, ConnectsAllToAllWhereTheSoftLimitOfDescriptorsIsLow) {
  in_group(8, [](Group& group) {
    std::ptrdiff_t unconnected = 0;
    {
      const auto transport = open_transport(group);
      unconnected = open_descriptors();
      group.barrier();
    }
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = static_cast<rlim_t>(unconnected) + 3;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    connect_all_to_all(group);
  });
}

// As if more ranks than cores took turns: the number of bytes that the sender may push while the receiver
// does not run decides how many turns a large bulk takes.
TEST_P(UcxTransportTest, PushesMebibytesToAReceiverThatDoesNotRun) {
  if (GetParam() == Lanes::tcp) {
    GTEST_SKIP() << "sockets: the system decides how much they take";
  }
  in_group(2, [](Group& group) {
    auto transport = open_transport(group);
    Recorder recorder;
    const std::vector<std::byte> first = message_bytes(20000, 1);
    const std::vector<std::byte> second = message_bytes(3 << 20, 2);
    ASSERT_TRUE(transport->send(1 - group.rank(), tick, first, 1));
    ASSERT_TRUE(drive(*transport, recorder, [&] {  // the connection is up, in both directions
      return recorder.inbound.size() == 1 && recorder.sendings.size() == 1;
    }));
    if (group.rank() == 0) {
      ASSERT_EQ(transport->send(1, tick, second, 2).value(), Sending::pending);
    }
    if (group.rank() == 1) {
      ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 2; }));
      group.barrier();
      ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.inbound.size() == 2; }));
      EXPECT_EQ(recorder.messages[1].bulk, second);
    } else {
      EXPECT_TRUE(drive(*transport, recorder, [&] { return recorder.sendings.size() == 2; }));
      group.barrier();
    }
    end_together(group, std::move(transport), recorder);
  });
}

TEST_P(UcxTransportTest, TellsTheSenderOfABulkThatIsRefused) {
  in_group(2, [](Group& group) {
    auto transport = open_transport(group);
    Recorder recorder;
    recorder.refuses = group.rank() == 1;
    const std::vector<std::byte> bulk = message_bytes(1 << 20, 1);
    if (group.rank() == 0) {
      ASSERT_EQ(transport->send(1, tick, bulk, 77).value(), Sending::pending);
      ASSERT_TRUE(drive(*transport, recorder, [&] { return !recorder.sendings.empty(); }));
      EXPECT_EQ(recorder.sendings[0].number, 77U);
      EXPECT_EQ(recorder.sendings[0].outcome.error().code(), Errc::out_of_memory);
      EXPECT_TRUE(transport->send(1, tick, {}, 0)) << "a refused bulk must not break the connection";
    } else {
      ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 2; }));
      EXPECT_TRUE(recorder.inbound.empty());
      EXPECT_EQ(recorder.messages[0].bulk.size(), 0U);
    }
    end_together(group, std::move(transport), recorder);
  });
}

TEST_P(UcxTransportTest, AnswersFromWithinAnArrival) {
  in_group(2, [](Group& group) {
    auto transport = open_transport(group);
    Recorder recorder;
    constexpr std::size_t rounds = 1000;
    recorder.on_arrival = [&](const Arrival& message) {
      if (recorder.messages.size() < rounds || group.rank() == 1) {
        EXPECT_TRUE(transport->send(message.from, message.header, {}, 0));
      }
    };
    if (group.rank() == 0) {
      ASSERT_TRUE(transport->send(1, tick, {}, 0));
    }
    ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == rounds; }));
    end_together(group, std::move(transport), recorder);
  });
}

TEST_P(UcxTransportTest, RefusesAWrongRankOrHeader) {
  in_group(1, [](Group& group) {
    auto transport = open_transport(group);
    const std::vector<std::byte> too_long(max_header_bytes + 1);
    EXPECT_EQ(transport->send(1, tick, {}, 0).error().code(), Errc::invalid_argument);
    EXPECT_EQ(transport->send(-1, tick, {}, 0).error().code(), Errc::invalid_argument);
    EXPECT_EQ(transport->send(0, {}, {}, 0).error().code(), Errc::invalid_argument);
    EXPECT_EQ(transport->send(0, too_long, {}, 0).error().code(), Errc::invalid_argument);
  });
}

TEST_P(UcxTransportTest, TellsTheOwnRankInsideProgressOnly) {
  in_group(1, [](Group& group) {
    auto transport = open_transport(group);
    Recorder recorder;
    const std::vector<std::byte> bulk = message_bytes(64 << 20, 1);
    EXPECT_EQ(transport->send(0, tick, {}, 1).value(), Sending::done);
    EXPECT_EQ(transport->send(0, tick, bulk, 2).value(), Sending::pending);
    EXPECT_TRUE(recorder.messages.empty());
    EXPECT_FALSE(transport->arm());
    EXPECT_TRUE(transport->progress(recorder));
    ASSERT_EQ(recorder.messages.size(), 2U);
    EXPECT_EQ(recorder.messages[1].from, 0);
    EXPECT_EQ(recorder.messages[1].bulk, bulk);
    ASSERT_EQ(recorder.sendings.size(), 1U);
    EXPECT_EQ(recorder.sendings[0].number, 2U);
  });
}

TEST_P(UcxTransportTest, AMessageWakesWhoSleeps) {
  in_group(2, [](Group& group) {
    auto transport = open_transport(group);
    Recorder recorder;
    // Both are connected, and nothing is in transfer.
    ASSERT_TRUE(transport->send(1 - group.rank(), tick, {}, 0));
    ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 1; }));
    tests::barrier(group, [&] { transport->progress(recorder); });
    for (std::size_t round = 2; round < 12; ++round) {
      if (group.rank() == 1) {
        do {
          while (transport->progress(recorder)) {
          }
        } while (!transport->arm());
        group.barrier();
        while (recorder.messages.size() < round) {
          const auto end = transport->now() + 20s;
          transport->sleep(end);
          ASSERT_LT(transport->now(), end) << "a message arrived and the sleeper did not wake";
          do {
            while (transport->progress(recorder)) {
            }
          } while (!transport->arm());
        }
        group.barrier();
      } else {
        group.barrier();
        ASSERT_TRUE(transport->send(1, tick, {}, 0));
        tests::barrier(group,
                       [&] { transport->progress(recorder); });  // also connects what is not connected yet
      }
    }
    end_together(group, std::move(transport), recorder);
  });
}

TEST_P(UcxTransportTest, WakeEndsASleepOfAnotherThreadOrTheNext) {
  in_group(1, [](Group& group) {
    auto transport = open_transport(group);
    const auto start = transport->now();
    transport->wake();
    transport->sleep(start + 20s);
    std::atomic<bool> slept = false;
    std::thread sleeper([&] {
      transport->sleep(start + 20s);
      slept = true;
    });
    transport->wake();
    sleeper.join();
    EXPECT_LT(transport->now() - start, 19s);
  });
}

// A thread that makes progress meanwhile neither wakes the sleeper nor uses up its wake-up.
TEST_P(UcxTransportTest, TheSleeperIsLeftAloneWhileAnotherThreadMovesMessages) {
  in_group(2, [](Group& group) {
    auto transport = open_transport(group);
    Recorder recorder;
    if (group.rank() == 1) {
      recorder.on_arrival = [&](const Arrival& message) {
        EXPECT_TRUE(transport->send(message.from, message.header, {}, 0));
      };
      ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 100; }));
      end_together(group, std::move(transport), recorder);
      return;
    }
    ASSERT_TRUE(transport->send(1, tick, {}, 0));
    ASSERT_TRUE(drive(*transport, recorder, [&] { return recorder.messages.size() == 1; }));
    do {
      while (transport->progress(recorder)) {
      }
    } while (!transport->arm());
    transport->progress(recorder);  // another thread makes progress now
    std::atomic<int> wakes = 0;
    std::atomic<bool> over = false;
    std::thread sleeper([&] {
      while (!over) {
        transport->sleep(transport->now() + 20s);
        ++wakes;
      }
    });
    for (std::size_t round = 2; round <= 100; ++round) {
      ASSERT_TRUE(transport->send(1, tick, {}, 0));
      while (recorder.messages.size() < round) {
        transport->progress(recorder);
      }
    }
    EXPECT_EQ(wakes, 0);
    over = true;
    transport->wake();
    sleeper.join();
    end_together(group, std::move(transport), recorder);
  });
}

TEST_P(UcxTransportTest, LeavesNoDescriptorAndSaysNothing) {
  in_group(2, [](Group& group) {
    const int output = ::memfd_create("stderr", MFD_CLOEXEC);
    const int standard_error = ::dup(STDERR_FILENO);
    const int standard_output = ::dup(STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::dup2(output, STDOUT_FILENO);
    const std::vector<std::byte> bulk = message_bytes(1 << 20, 3);
    std::ptrdiff_t before = 0;
    for (int round = 0; round < 3; ++round) {
      auto transport = open_transport(group);
      Recorder recorder;
      ASSERT_TRUE(transport->send(1 - group.rank(), tick, bulk, 0));
      ASSERT_TRUE(drive(*transport, recorder,
                        [&] { return recorder.inbound.size() == 1 && recorder.sendings.size() == 1; }));
      end_together(group, std::move(transport), recorder);
      if (round == 0) {
        before = open_descriptors();  // UCX keeps some for later use
      }
    }
    EXPECT_LE(open_descriptors(), before);
    std::fflush(nullptr);
    ::dup2(standard_error, STDERR_FILENO);
    ::dup2(standard_output, STDOUT_FILENO);
    std::string text(static_cast<std::size_t>(::lseek(output, 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(output, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(text, "");
  });
}

TEST_P(UcxTransportTest, OpensNowhereWhereOneRankCannot) {
  in_group(3, [](Group& group) {
    if (group.rank() == 1) {
      ::setenv("UCX_TLS", "no_such_lane", 1);
      ::setenv("UCX_LOG_LEVEL", "fatal", 1);
    }
    try {
      static_cast<void>(open_transport(group));
      ADD_FAILURE() << "opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.rank(), 1);
      EXPECT_NE(error.detail().find("UCX: "), std::string::npos) << error;
    }
  });
}

}  // namespace
}  // namespace locum::ucx::transport_test
