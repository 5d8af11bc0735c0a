#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/mailbox.hpp"
#include "tests/core/transport_world.hpp"

/// Contract tests of the Transport port, for every implementation: INSTANTIATE_TEST_SUITE_P(…,
/// TransportContract, …) with a maker of worlds. Each test is a body that all ranks run; the expected results
/// follow from the test alone, so that ranks may be processes.
namespace locum::tests {

class TransportContract : public testing::TestWithParam<TransportWorldMaker> {
 protected:
  using Clock = Transport::Clock;

  void run(int ranks, const TransportWorld::Body& body) { world_->run(ranks, body); }

  const std::unique_ptr<TransportWorld> world_ = GetParam().make();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TransportContract);

TEST_P(TransportContract, DeliversHeadersOfEveryLength) {
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    if (side.rank == 0) {
      for (std::size_t size = 1; size <= max_header_bytes; ++size) {
        std::vector<std::byte> header = bytes_of(size, size);
        EXPECT_EQ(mailbox.send(1, header), Sending::done) << "there is no bulk";
        std::ranges::fill(header, std::byte{0xEE});  // the header has been copied
      }
    } else {
      ASSERT_TRUE(mailbox.wait_for_letters(max_header_bytes));
      for (std::size_t size = 1; size <= max_header_bytes; ++size) {
        const Letter& letter = mailbox.letters[size - 1];
        EXPECT_EQ(letter.from, 0);
        EXPECT_EQ(letter.header, bytes_of(size, size));
        EXPECT_EQ(letter.bulk_bytes, 0U);
        EXPECT_TRUE(letter.eager) << "an empty bulk is always present";
      }
    }
    mailbox.meet(side);
    EXPECT_EQ(mailbox.letters.size(), side.rank == 0 ? 0U : max_header_bytes) << "no message arrives twice";
  });
}

TEST_P(TransportContract, RefusesWhatIsNoMessage) {
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    const std::vector<std::byte> too_long(max_header_bytes + 1);
    const std::array<std::byte, 1> header{};
    if (side.rank == 0) {
      for (const auto& [to, bytes] : std::map<int, std::span<const std::byte>>{
               {0, {}}, {1, too_long}, {2, header}, {-1, header}, {1 << 20, header}}) {
        const auto sending = side.transport.send(to, bytes, {}, 1);
        ASSERT_FALSE(sending.has_value()) << "to " << to;
        EXPECT_EQ(sending.error().code(), Errc::invalid_argument) << sending.error().what();
      }
      mailbox.send(1, numbered(7));
    } else {
      ASSERT_TRUE(mailbox.wait_for_letters(1));
      EXPECT_EQ(number_of(mailbox.letters[0].header), 7U) << "no refused message was sent";
    }
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, CarriesBulkOfEverySize) {
  // Around powers of two, where implementations change their protocol; several pages; large.
  static constexpr std::array<std::size_t, 26> sizes{
      0,    1,    2,    7,    8,    63,   64,     65,     255,    256,    1023,      1024,    2047,
      4095, 4096, 4097, 8191, 8192, 8193, 16'384, 65'535, 65'536, 65'537, 1'000'003, 1 << 20, 3 << 21};
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    if (side.rank == 0) {
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        std::vector<std::byte> bulk = bytes_of(i, sizes[i]);
        if (mailbox.send(1, numbered(i), bulk) == Sending::pending) {
          EXPECT_GT(sizes[i], 0U);
          ASSERT_TRUE(mailbox.wait_until_sent()) << sizes[i] << " bytes";
          EXPECT_TRUE(mailbox.outcomes().back().has_value()) << mailbox.outcomes().back().error().what();
        }
        std::ranges::fill(bulk, std::byte{0xEE});  // the sender may reuse the bulk
      }
    } else {
      ASSERT_TRUE(mailbox.wait_for_letters(sizes.size()));
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        const Letter& letter = mailbox.letters[i];
        ASSERT_EQ(number_of(letter.header), i);
        EXPECT_EQ(letter.bulk_bytes, sizes[i]);
        EXPECT_TRUE(letter.bulk == bytes_of(i, sizes[i])) << sizes[i] << " bytes";
        EXPECT_TRUE(letter.eager || letter.landed->has_value());
      }
    }
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, KeepsTheOrderBetweenTwoRanks) {
  constexpr std::uint64_t count = 600;
  run(3, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    if (side.rank != 2) {
      std::vector<std::vector<std::byte>> bulks;
      for (std::uint64_t i = 0; i < count; ++i) {
        // Small messages could overtake large ones.
        bulks.push_back(bytes_of(i, i % 5 == 0 ? 100'000 : i % 5 == 1 ? 5'000 : i % 40));
        mailbox.send(2, numbered(i), bulks.back());
      }
      EXPECT_TRUE(mailbox.wait_until_sent());
    } else {
      ASSERT_TRUE(mailbox.wait_for_letters(2 * count));
      std::array<std::uint64_t, 2> next{};
      for (const Letter& letter : mailbox.letters) {
        ASSERT_EQ(number_of(letter.header), next.at(static_cast<std::size_t>(letter.from))++);
      }
    }
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, SendsToItself) {
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    const std::vector<std::byte> small = bytes_of(1, 10);
    const std::vector<std::byte> large = bytes_of(2, 2'000'000);
    mailbox.send(side.rank, numbered(0));
    mailbox.send(side.rank, numbered(1), small);
    mailbox.send(side.rank, numbered(2), large);
    EXPECT_TRUE(mailbox.letters.empty()) << "send() delivers nothing itself";
    ASSERT_TRUE(mailbox.wait_for_letters(3));
    ASSERT_TRUE(mailbox.wait_until_sent());
    for (std::uint64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(mailbox.letters[i].from, side.rank);
      EXPECT_EQ(number_of(mailbox.letters[i].header), i);
    }
    EXPECT_EQ(mailbox.letters[1].bulk, small);
    EXPECT_TRUE(mailbox.letters[2].bulk == large);
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, GoesOnAfterARefusedBulk) {
  constexpr std::size_t large = 3'000'000;
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    if (side.rank == 0) {
      std::vector<std::vector<std::byte>> bulks;
      for (std::uint64_t i = 0; i < 12; ++i) {
        bulks.push_back(bytes_of(i, large + i));
        EXPECT_EQ(mailbox.send(1, numbered(i), bulks.back()), Sending::pending) << "megabytes are not copied";
      }
      ASSERT_TRUE(mailbox.wait_until_sent()) << "the sender may reuse a refused bulk, too";
      EXPECT_EQ(mailbox.outcomes().size(), 12U);
      mailbox.send(1, numbered(12));
    } else {
      mailbox.refuses = [](const Arrival& message) { return number_of(message.header) % 3 != 0; };
      ASSERT_TRUE(mailbox.wait_for_letters(13));
      for (std::uint64_t i = 0; i < 12; ++i) {
        const Letter& letter = mailbox.letters[i];
        EXPECT_EQ(letter.bulk_bytes, large + i);
        EXPECT_EQ(letter.landed.has_value(), i % 3 == 0);
        EXPECT_TRUE(letter.refused || letter.bulk == bytes_of(i, large + i));
      }
    }
    mailbox.meet(side);
  });
}

// The rank is alive, and makes no progress as long as the other one waits.
TEST_P(TransportContract, EndsWhatIsUnderWayWithARankToBeForgotten) {
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    if (side.rank == 0) {
      std::vector<std::byte> bulk = bytes_of(1, 3'000'000);
      EXPECT_EQ(mailbox.send(1, numbered(0), bulk), Sending::pending);
      side.transport.forget(1);
      side.transport.forget(1);
      ASSERT_TRUE(mailbox.wait_until_sent());
      EXPECT_FALSE(mailbox.outcomes().back().has_value());
      std::ranges::fill(bulk, std::byte{0xEE});
      const auto sending = side.transport.send(1, numbered(1), {}, 7);
      ASSERT_FALSE(sending);
      EXPECT_EQ(sending.error().code(), Errc::peer_lost);
    }
    side.barrier([] {});  // without a progress() of the other one
    if (side.rank == 1) {
      (void)mailbox.wait([] { return false; }, side.transport.now() + std::chrono::milliseconds(50));
      EXPECT_TRUE(mailbox.wait([&] { return mailbox.open_landings() == 0; }));
      for (const Letter& letter : mailbox.letters) {
        EXPECT_FALSE(letter.landed && letter.landed->has_value()) << "the sender has overwritten the bytes";
      }
    }
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, LetsAReceiverSend) {
  // From within arrived(), landed() and sent(), back and forth. Rank 0 sends the even numbers, rank 1 the odd
  // ones, each with a large bulk, and a note once it may reuse that bulk.
  constexpr std::uint64_t rounds = 50;
  constexpr std::uint64_t note = ~0ULL;
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    const std::vector<std::byte> small = bytes_of(1, 40);
    const std::vector<std::byte> large = bytes_of(2, 3'000'000);
    std::uint64_t notes = 0;
    const auto reply = [&](const Letter& letter) {
      const std::uint64_t number = number_of(letter.header);
      if (number == note) {
        ++notes;
      } else if (number < rounds) {
        mailbox.send(1 - side.rank, numbered(number + 1), side.rank == 1 ? large : small);
      }
    };
    mailbox.on_arrival = [&](const Letter& letter) {
      if (letter.eager) {
        reply(letter);
      }
    };
    mailbox.on_landing = reply;
    mailbox.on_sent = [&](const Result<void>& outcome) {
      EXPECT_TRUE(outcome.has_value());
      mailbox.send(1 - side.rank, numbered(note));
    };
    if (side.rank == 0) {
      mailbox.send(1, numbered(0), small);
    }
    const std::uint64_t numbers = side.rank == 0 ? rounds / 2 : rounds / 2 + 1;
    EXPECT_TRUE(mailbox.wait([&] {
      return mailbox.letters.size() - notes == numbers && notes == (side.rank == 0 ? rounds / 2 : 0) &&
             mailbox.open_tickets() == 0 && mailbox.open_landings() == 0;
    })) << mailbox.letters.size()
        << " messages, " << notes << " of them notes";
    EXPECT_EQ(mailbox.outcomes().size(), side.rank == 1 ? rounds / 2 : 0U);
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, TellsNothingOutsideProgress) {
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);  // fails the test on a call at the wrong time
    const std::vector<std::byte> large = bytes_of(1, 1'000'000);
    mailbox.send(1 - side.rank, numbered(1));
    mailbox.send(1 - side.rank, numbered(2), large);
    for (int i = 0; i < 20; ++i) {
      (void)side.transport.arm();
      side.transport.wake();
      side.transport.sleep(side.transport.now() + std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(mailbox.letters.empty());
    EXPECT_TRUE(mailbox.wait_for_letters(2));
    EXPECT_TRUE(mailbox.wait_until_sent());
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, WakesAnArmedSleeperForAMessage) {
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    const auto start = side.transport.now();
    for (std::uint64_t round = 0; round < 20; ++round) {
      if (side.rank == 1) {
        mailbox.send(0, numbered(round));
      }
      ASSERT_TRUE(mailbox.wait_for_letters(side.rank == 0 ? round + 1 : round)) << "round " << round;
      if (side.rank == 0) {
        mailbox.send(1, numbered(round));
      } else {
        ASSERT_TRUE(mailbox.wait_for_letters(round + 1)) << "round " << round;
      }
    }
    EXPECT_LT(side.transport.now() - start, Mailbox::patience / 2)
        << "a rank did not wake although a message had arrived";
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, ArmsOnlyWhereThereIsNothing) {
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    mailbox.meet(side);
    if (side.rank == 0) {
      mailbox.send(1, numbered(5));
      EXPECT_TRUE(mailbox.wait_for_letters(1));
    } else {
      // Armed, it sleeps until something arrives; it cannot be armed again before that is received.
      const auto give_up = side.transport.now() + Mailbox::patience;
      int sleeps = 0;
      while (mailbox.letters.empty() && side.transport.now() < give_up) {
        if (side.transport.arm()) {
          ASSERT_LE(++sleeps, 1000) << "sleep() returns without sleeping";
          side.transport.sleep(give_up);
        } else {
          EXPECT_FALSE(side.transport.arm()) << "not received yet";
          (void)mailbox.progress();
        }
      }
      EXPECT_TRUE(mailbox.wait([&] { return side.transport.arm(); })) << "everything was received";
      EXPECT_EQ(mailbox.letters.size(), 1U);
      mailbox.send(0, numbered(6));
    }
    mailbox.meet(side);
  });
}

TEST_P(TransportContract, SleepsToTheMomentAndNoLonger) {
  run(1, [](const TransportSide& side) {
    Transport& transport = side.transport;
    Mailbox mailbox(transport);
    const auto start = transport.now();
    transport.sleep(start);
    transport.sleep(start - std::chrono::hours(1));
    EXPECT_LT(transport.now() - start, std::chrono::seconds(5)) << "the moment had come";
    const auto moment = transport.now() + std::chrono::milliseconds(50);
    int early = 0;
    while (transport.now() < moment) {
      (void)mailbox.progress();
      (void)transport.arm();
      transport.sleep(moment);
      ++early;
    }
    EXPECT_LE(early, 20) << "sleep() returns without sleeping";
    EXPECT_LT(transport.now() - moment, std::chrono::seconds(5));
  });
}

TEST_P(TransportContract, WakesTheNextSleepOnce) {
  run(1, [](const TransportSide& side) {
    Transport& transport = side.transport;
    Mailbox mailbox(transport);
    while (mailbox.progress()) {
    }
    for (int round = 0; round < 3; ++round) {
      transport.wake();
      transport.wake();
      const auto start = transport.now();
      if (round % 2 == 0) {
        (void)transport.arm();
      }
      transport.sleep(start + Mailbox::patience);
      EXPECT_LT(transport.now() - start, Mailbox::patience / 2);
      // The wake-ups are used up, although sleep() may return early for other reasons.
      const auto moment = transport.now() + std::chrono::milliseconds(20);
      int early = 0;
      while (transport.now() < moment && early < 1000) {
        transport.sleep(moment);
        ++early;
      }
      EXPECT_LE(early, 20);
    }
  });
}

TEST_P(TransportContract, CarriesThousandsOfMessagesThatNobodyTakes) {
  constexpr std::uint64_t count = 20'000;
  run(2, [](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    if (side.rank == 0) {
      std::vector<std::vector<std::byte>> bulks;
      for (std::uint64_t i = 0; i < count; ++i) {
        bulks.push_back(bytes_of(i, i % 64));
        mailbox.send(1, numbered(i), bulks.back());
      }
      mailbox.meet(side);
      ASSERT_TRUE(mailbox.wait_until_sent());
    } else {
      side.barrier([] {});  // receives nothing before all is sent
      ASSERT_TRUE(mailbox.wait_for_letters(count));
      for (std::uint64_t i = 0; i < count; ++i) {
        ASSERT_EQ(number_of(mailbox.letters[i].header), i);
        ASSERT_EQ(mailbox.letters[i].bulk, bytes_of(i, i % 64));
      }
    }
    mailbox.meet(side);
  });
}

/// The messages between all pairs of ranks, from a seed.
struct TrafficModel {
  struct Message {
    int from = 0;
    int to = 0;
    std::uint64_t number = 0;  ///< position among all messages
    std::size_t header_bytes = 0;
    std::size_t bulk_bytes = 0;
  };

  TrafficModel(std::uint32_t seed, int ranks, std::size_t count) {
    std::mt19937 random(seed);
    const auto rank = [&] { return static_cast<int>(random() % static_cast<unsigned>(ranks)); };
    for (std::uint64_t number = 0; number < count; ++number) {
      const int from = rank();
      const int to = rank();
      const std::size_t header_bytes = 9 + random() % (max_header_bytes - 8);
      const std::array<std::size_t, 6> sizes{0,   random() % 100, random() % 10'000, random() % 100'000, 4096,
                                             8192};
      messages.push_back({from, to, number, header_bytes, sizes.at(random() % sizes.size())});
    }
  }
  /// Refused if it is a bulk that must be fetched.
  static bool refused(std::uint64_t number) { return number % 7 == 3; }
  static std::vector<std::byte> header(const Message& message) {
    std::vector<std::byte> bytes = bytes_of(message.number, message.header_bytes);
    std::memcpy(bytes.data(), &message.number, sizeof message.number);
    return bytes;
  }

  std::vector<Message> messages;
};

TEST_P(TransportContract, DoesWhatQueuesWouldDo) {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    for (const int ranks : {1, 2, 5}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", ranks " + std::to_string(ranks));
      run(ranks, [seed](const TransportSide& side) {
        const TrafficModel model(seed, side.size, 200U * static_cast<unsigned>(side.size));
        Mailbox mailbox(side.transport);
        mailbox.refuses = [](const Arrival& message) {
          return TrafficModel::refused(number_of(message.header));
        };
        std::mt19937 random(seed * 100 + static_cast<unsigned>(side.rank));
        std::vector<std::vector<std::byte>> bulks;
        std::vector<std::vector<TrafficModel::Message>> expected(static_cast<std::size_t>(side.size));
        std::size_t incoming = 0;
        for (const TrafficModel::Message& message : model.messages) {
          if (message.to == side.rank) {
            expected[static_cast<std::size_t>(message.from)].push_back(message);
            ++incoming;
          }
          if (message.from == side.rank) {
            bulks.push_back(bytes_of(message.number, message.bulk_bytes));
            mailbox.send(message.to, TrafficModel::header(message), bulks.back());
            if (random() % 8 == 0) {
              (void)mailbox.progress();
            }
          }
        }
        ASSERT_TRUE(mailbox.wait([&] {
          return mailbox.letters.size() >= incoming && mailbox.open_landings() == 0 &&
                 mailbox.open_tickets() == 0;
        })) << mailbox.letters.size()
            << " of " << incoming << " messages, " << mailbox.open_landings() << " inbound and "
            << mailbox.open_tickets() << " tickets are open";
        mailbox.meet(side);
        EXPECT_EQ(mailbox.letters.size(), incoming);
        std::vector<std::size_t> next(expected.size());
        for (const Letter& letter : mailbox.letters) {
          const auto from = static_cast<std::size_t>(letter.from);
          ASSERT_LT(from, expected.size());
          ASSERT_LT(next[from], expected[from].size()) << "rank " << from << " sent less";
          const TrafficModel::Message& message = expected[from][next[from]++];
          ASSERT_EQ(number_of(letter.header), message.number);
          EXPECT_TRUE(letter.header == TrafficModel::header(message));
          EXPECT_EQ(letter.bulk_bytes, message.bulk_bytes);
          EXPECT_EQ(letter.refused, !letter.eager && TrafficModel::refused(message.number));
          if (!letter.refused) {
            EXPECT_TRUE(letter.eager || letter.landed->has_value());
            EXPECT_TRUE(letter.bulk == bytes_of(message.number, message.bulk_bytes));
          }
        }
        EXPECT_TRUE(mailbox.lost_ranks.empty());
      });
    }
  }
}

TEST_P(TransportContract, TellsOfALostRankOnceAndLast) {
  const auto limit = world_->loss_told_within();
  if (!limit) {
    GTEST_SKIP() << "this transport may never report a lost rank";
  }
  run(3, [limit](const TransportSide& side) {
    Mailbox mailbox(side.transport);
    const std::vector<std::byte> large = bytes_of(1, 5'000'000);
    // Every rank has received a message from every other one.
    for (int rank = 0; rank < side.size; ++rank) {
      mailbox.send(rank, numbered(1));
    }
    ASSERT_TRUE(mailbox.wait_for_letters(3));
    mailbox.meet(side);
    if (side.rank != 2) {
      mailbox.send(2, numbered(2), large);  // nobody fetches it: rank 2 makes no progress any more
    }
    side.barrier([] {});
    if (side.rank == 2) {
      side.die();
      return;
    }
    mailbox.send(1 - side.rank, numbered(3), large);
    ASSERT_TRUE(mailbox.wait([&] { return !mailbox.lost_ranks.empty(); }, side.transport.now() + *limit));
    EXPECT_EQ(mailbox.lost_ranks, std::vector<int>{2});
    ASSERT_FALSE(mailbox.outcomes().empty()) << "open transfers end before the loss is reported";
    EXPECT_FALSE(mailbox.outcomes()[0].has_value());
    const auto sending = side.transport.send(2, numbered(4), {}, 99);
    ASSERT_FALSE(sending.has_value());
    EXPECT_EQ(sending.error().code(), Errc::peer_lost);
    // The others can still communicate.
    mailbox.send(1 - side.rank, numbered(5), large);
    ASSERT_TRUE(mailbox.wait_until_sent());
    ASSERT_TRUE(mailbox.wait_for_letters(5));
    EXPECT_EQ(mailbox.outcomes().size(), 3U);
    EXPECT_TRUE(mailbox.letters[4].bulk == large);
    while (mailbox.progress()) {
    }
    EXPECT_EQ(mailbox.lost_ranks, std::vector<int>{2}) << "reported once";
  });
}

}  // namespace locum::tests
