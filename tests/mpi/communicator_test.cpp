#include "mpi/communicator.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/value/error.hpp"

namespace locum::mpi {
namespace {

using namespace std::chrono_literals;

Moment in(std::chrono::milliseconds time) {
  return Deadline::Clock::now() + time;
}

Errc code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no exception";
  return Errc::system;
}

TEST(Communicator, IsADuplicateThatReturnsItsErrors) {
  const Communicator copy = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  int relation = MPI_UNEQUAL;
  MPI_Comm_compare(copy.raw(), MPI_COMM_WORLD, &relation);
  EXPECT_EQ(relation, MPI_CONGRUENT);
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(copy.raw(), &handler);
  EXPECT_EQ(handler, MPI_ERRORS_RETURN);
  MPI_Errhandler_free(&handler);
  // The original communicator is unchanged.
  MPI_Comm_get_errhandler(MPI_COMM_WORLD, &handler);
  EXPECT_EQ(handler, MPI_ERRORS_ARE_FATAL);
  MPI_Errhandler_free(&handler);
}

TEST(Communicator, KnowsItsRanks) {
  const Communicator copy = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  int rank = -1;
  int size = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_EQ(copy.rank(), rank);
  EXPECT_EQ(copy.size(), size);
}

TEST(Communicator, RefusesWhatIsNoIntracommunicator) {
  EXPECT_EQ(code_of([] { (void)Communicator::duplicate(MPI_COMM_NULL, in(20s)); }), Errc::invalid_argument);

  Communicator world = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  if (world.size() == 1) {
    GTEST_SKIP() << "an intercommunicator needs two sides";
  }
  const int side = world.rank() % 2;
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm between = MPI_COMM_NULL;
  MPI_Comm_split(world.raw(), side, 0, &half);
  MPI_Intercomm_create(half, 0, world.raw(), 1 - side, 0, &between);
  EXPECT_EQ(code_of([&] { (void)Communicator::duplicate(between, in(20s)); }), Errc::invalid_argument);
  MPI_Comm_free(&between);
  MPI_Comm_free(&half);
}

TEST(Communicator, MovesWithItsRanks) {
  Communicator first = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  const MPI_Comm raw = first.raw();
  Communicator second = std::move(first);
  EXPECT_EQ(second.raw(), raw);
  Communicator third = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  third = std::move(second);
  EXPECT_EQ(third.raw(), raw);
  third.barrier(in(20s), "moved");
}

// Every second rank, from the last one on: they have their own order, and the others take no part.
TEST(Communicator, HasStepsOfSomeRanks) {
  Communicator world = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  std::vector<int> ranks;
  for (int rank = world.size() - 1; rank >= 0; --rank) {
    if (rank % 2 == world.rank() % 2) {
      ranks.push_back(rank);
    }
  }
  {
    Communicator part = world.part(ranks);
    ASSERT_EQ(part.size(), static_cast<int>(ranks.size()));
    ASSERT_EQ(ranks[static_cast<std::size_t>(part.rank())], world.rank());
    part.barrier(in(20s), "some ranks");
    const std::vector<std::byte> mine(3, static_cast<std::byte>(world.rank()));
    const std::vector<std::byte> all = part.all_gather(mine, in(20s), "some ranks");
    ASSERT_EQ(all.size(), 3 * ranks.size());
    for (std::size_t place = 0; place < all.size(); ++place) {
      EXPECT_EQ(static_cast<int>(all[place]), ranks[place / 3]);
    }
    for (int root = 0; root < part.size(); ++root) {
      std::vector<std::byte> bytes(1000, static_cast<std::byte>(part.rank()));
      bytes = part.broadcast(std::move(bytes), root, in(20s), "some ranks");
      EXPECT_EQ(bytes, std::vector<std::byte>(1000, static_cast<std::byte>(root)));
    }
  }
  world.barrier(in(20s), "all ranks again");
}

TEST(Communicator, BroadcastsFromEveryRank) {
  Communicator world = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  for (int root = 0; root < world.size(); ++root) {
    std::vector<std::byte> bytes(1000, static_cast<std::byte>(world.rank()));
    bytes = world.broadcast(std::move(bytes), root, in(20s), "test");
    EXPECT_EQ(bytes, std::vector<std::byte>(1000, static_cast<std::byte>(root)));
  }
}

TEST(Communicator, ExchangesMessagesOfAnyLength) {
  Communicator world = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  const auto ranks = static_cast<std::size_t>(world.size());
  const auto message = [&](std::size_t from, std::size_t to) {  // some are empty
    return std::vector<std::byte>(from * 50'000 + to * 7, static_cast<std::byte>(from * ranks + to));
  };
  const auto own = static_cast<std::size_t>(world.rank());
  for (int round = 0; round < 2; ++round) {
    std::vector<std::vector<std::byte>> messages(ranks);
    std::vector<std::vector<std::byte>> wanted(ranks);
    for (std::size_t other = 0; other < ranks; ++other) {
      messages[other] = message(own, other);
      wanted[other] = message(other, own);
    }
    Communicator::Messages received;
    for (const std::uint64_t bytes : world.exchange_lengths(messages, in(20s), "test")) {
      received.emplace_back(bytes);
    }
    EXPECT_EQ(world.exchange(std::move(messages), std::move(received), in(20s), "test"), wanted);
  }
}

// A rank that gave up a step does not free its communicator, and then nobody may: freeing is collective.
// MPICH gives the context of one that some ranks have freed to a new one of theirs, which then gets what was
// sent for that step.
void keep(Communicator& communicator) {
  communicator.watch([] { return std::vector<int>{0}; });
}

TEST(Communicator, GivesUpAtTheDeadlineAndStaysUnusable) {
  Communicator world = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  if (world.size() == 1) {
    GTEST_SKIP() << "needs two ranks";
  }
  if (world.rank() != 0) {
    // These take part in one collective call less than rank 0 waits for.
    keep(world);
    MPI_Barrier(MPI_COMM_WORLD);
    return;
  }
  const auto start = Deadline::Clock::now();
  try {
    world.barrier(start + 50ms, "a step that nobody joins");
    ADD_FAILURE() << "one rank passed a barrier of several";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::timeout);
    EXPECT_NE(error.text().find("a step that nobody joins"), std::string::npos) << error.what();
  }
  const auto waited = Deadline::Clock::now() - start;
  EXPECT_GE(waited, 50ms);
  EXPECT_LT(waited, 10s);
  EXPECT_TRUE(world.broken());
  EXPECT_EQ(code_of([&] { world.barrier(in(20s), "another step"); }), Errc::timeout);
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(Communicator, EndsAStepAsSoonAsARankIsLost) {
  Communicator world = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  if (world.size() == 1) {
    GTEST_SKIP() << "needs two ranks";
  }
  const auto expect_lost = [&](const char* step) {
    try {
      world.barrier(in(20s), step);
      ADD_FAILURE() << "one rank passed a barrier of several";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::peer_lost);
      EXPECT_EQ(error.rank(), 1);
      EXPECT_NE(error.text().find(std::string(step) + ": lost ranks 1, 7 of"), std::string::npos)
          << error.what();
    }
  };
  if (world.rank() == 0) {
    int looks = 0;
    world.watch([&looks] { return ++looks > 50 ? std::vector<int>{1, 7} : std::vector<int>{}; });
    const auto start = Deadline::Clock::now();
    expect_lost("a step that nobody joins");
    expect_lost("another step");
    EXPECT_LT(Deadline::Clock::now() - start, 10s);
    EXPECT_TRUE(world.broken());
  } else {
    keep(world);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

// MPI may wait for all ranks when a communicator is freed.
TEST(Communicator, IsNotFreedWithARankLost) {
  MPI_Comm raw = MPI_COMM_NULL;
  {
    Communicator world = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
    raw = world.raw();
    world.watch([] { return std::vector<int>{0}; });
  }
  int size = 0;
  ASSERT_EQ(MPI_Comm_size(raw, &size), MPI_SUCCESS) << "it still exists";
  EXPECT_GT(size, 0);
  MPI_Comm_free(&raw);
}

TEST(Communicator, PassesOnWhatMpiRefuses) {
  Communicator world = Communicator::duplicate(MPI_COMM_WORLD, in(20s));
  const int nobody = world.size();
  EXPECT_EQ(code_of([&] { (void)world.broadcast({}, nobody, in(20s), "no such root"); }), Errc::system);
}

}  // namespace
}  // namespace locum::mpi
