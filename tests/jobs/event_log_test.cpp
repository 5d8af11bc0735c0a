#include "jobs/gray_scott/event_log.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using gray_scott::Event;
using gray_scott::EventLog;
using gray_scott::Phase;

TEST(EventLog, NotesWhatWasDoneInOrder) {
  EventLog log(MPI_COMM_WORLD);
  EXPECT_EQ(log.during(Phase::simulation, [] { return 7; }), 7);
  EXPECT_THROW(log.during(Phase::waiting, [] { throw std::runtime_error("lost"); }), std::runtime_error);
  ASSERT_EQ(log.events().size(), 2U);
  EXPECT_EQ(log.events()[0].phase, Phase::simulation);
  EXPECT_EQ(log.events()[1].phase, Phase::waiting);
  EXPECT_LE(0.0, log.events()[0].begin_s);
  EXPECT_LE(log.events()[0].begin_s, log.events()[0].end_s);
  EXPECT_LE(log.events()[0].end_s, log.events()[1].begin_s);
  EXPECT_LE(log.events()[1].end_s, log.now_s());
}

// An event that one rank records before it sends a message precedes one that the receiver records afterwards,
// on the same scale.
TEST(EventLog, OrdersWhatRanksOfANodeDo) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const EventLog log(MPI_COMM_WORLD);
  for (int turn = 0; turn < 100; ++turn) {
    for (int sender = 0; sender < ranks; ++sender) {
      double sent_s = log.now_s();
      MPI_Bcast(&sent_s, 1, MPI_DOUBLE, sender, MPI_COMM_WORLD);
      ASSERT_LE(sent_s, log.now_s()) << "rank " << sender << " sent in the future";
    }
  }
}

TEST(EventLog, SumsByPhase) {
  const auto seconds = gray_scott::seconds_by_phase(
      {{Phase::simulation, 0.0, 1.0}, {Phase::waiting, 1.0, 1.5}, {Phase::simulation, 2.0, 4.0}});
  EXPECT_EQ(seconds, (std::array<double, 5>{3.0, 0.0, 0.5, 0.0, 0.0}));
}

TEST(EventLog, GathersFromAllRanksByRank) {
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  // Rank r has r events, so that the first has none.
  const std::vector<Event> mine(static_cast<std::size_t>(rank), {Phase::analysis, double(rank), rank + 0.5});
  const auto all = gray_scott::gather_events(mine, MPI_COMM_WORLD);
  if (rank != 0) {
    EXPECT_TRUE(all.empty());
    return;
  }
  ASSERT_EQ(all.size(), static_cast<std::size_t>(ranks));
  for (std::size_t r = 0; r < all.size(); ++r) {
    ASSERT_EQ(all[r].size(), r);
    for (const Event& event : all[r]) {
      EXPECT_EQ(event.phase, Phase::analysis);
      EXPECT_EQ(event.begin_s, static_cast<double>(r));
      EXPECT_EQ(event.end_s, static_cast<double>(r) + 0.5);
    }
  }
}

}  // namespace
