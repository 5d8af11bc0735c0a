#include "core/client/peer_close_monitor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "tests/core/mortal_nodes.hpp"

namespace locum::tests::departures_test {
namespace {

using namespace std::chrono_literals;
using tests::MortalNodes;

constexpr auto patience = 5s;
constexpr auto grace = 500ms;
constexpr int nodes = 3;
constexpr int ranks_per_node = 2;

/// Ranks that have closed, and wait for each other as Runtime::close() does: until one is gone.
class PeerCloseMonitorTest : public ::testing::Test {
 protected:
  explicit PeerCloseMonitorTest(std::chrono::nanoseconds detection = std::chrono::nanoseconds::max())
      : nodes_({.nodes = {.nodes = nodes, .ranks_per_node = ranks_per_node, .patience = patience},
                .network = {.latency = {10us, 50us}, .detection = {detection, detection}}}) {
    for (int rank = 0; rank < nodes_.world().size(); ++rank) {
      nodes_.world().rank(rank).links->close();
    }
    began_ = nodes_.network().now();
  }

  // The test reports deaths to the other ranks of a node, as the system does: half a second after the end.
  void wait_until_a_rank_is_gone(int rank) {
    nodes_.network().start([this, rank] {
      Links& links = *nodes_.world().rank(rank).links;
      PeerCloseMonitor monitor(nodes_.world().rank(rank).links, patience);
      while (nodes_.network().alive(rank) && !given_up(rank) && !end_) {
        if (const auto gone = monitor.gone_for(grace); !gone.empty()) {
          missed_.emplace(rank, gone);
          took_.emplace(rank, nodes_.network().now() - began_);
          break;
        }
        links.client()->pause(10ms);
      }
      if (nodes_.network().alive(rank) && !end_) {
        nodes_.kill(rank);  // destroys its links
      }
    });
  }
  bool given_up(int rank) {
    const auto node_peers = nodes_.ranks_of(nodes_.world().node_of(rank));
    return std::ranges::any_of(node_peers, [&](int node_peer) {
      return ends_.contains(node_peer) && nodes_.network().now() - ends_[node_peer] >= grace;
    });
  }
  void die(const std::vector<int>& ranks) {
    for (const int rank : ranks) {
      ends_.emplace(rank, nodes_.network().now());
      nodes_.kill(rank);
    }
  }
  void all_wait() {
    for (int rank = 0; rank < nodes_.world().size(); ++rank) {
      wait_until_a_rank_is_gone(rank);
    }
  }
  void end() {
    end_ = true;
    nodes_.network().run_for(1s);
  }

  MortalNodes nodes_;
  Deadline::Clock::time_point began_;
  std::map<int, Deadline::Clock::time_point> ends_;
  std::map<int, std::vector<int>> missed_;
  std::map<int, std::chrono::nanoseconds> took_;
  bool end_ = false;
};

TEST_F(PeerCloseMonitorTest, NobodyIsMissedAsLongAsAllLive) {
  all_wait();
  nodes_.network().run_for(60s);
  EXPECT_TRUE(missed_.empty());
  end();
}

TEST_F(PeerCloseMonitorTest, WhoComesAtOnceAsksNobody) {
  const std::uint64_t sent = nodes_.network().counters().sent.messages;
  all_wait();
  nodes_.network().run_for(900ms);
  EXPECT_EQ(nodes_.network().counters().sent.messages, sent);
  end();
}

// For ranks that probe the dead one, and for ranks that probe the other one of its node, which waits no
// longer.
TEST_F(PeerCloseMonitorTest, OneThatDiesSilentlyIsMissedByAllOtherNodes) {
  all_wait();
  die({3});
  nodes_.network().run_for(60s);
  for (const int rank : {0, 1, 4, 5}) {
    ASSERT_TRUE(took_.contains(rank)) << "rank " << rank << " waits for ever";
    EXPECT_LE(took_[rank], patience + 2 * grace + 100ms) << "rank " << rank;
    EXPECT_GE(took_[rank], patience * 4 / 5) << "rank " << rank;
  }
  EXPECT_TRUE(std::ranges::count(missed_[1], 3));
  end();
}

TEST_F(PeerCloseMonitorTest, ANodeThatDiesSilentlyIsMissedByAllOthers) {
  all_wait();
  die({2, 3});
  nodes_.network().run_for(60s);
  for (const int rank : {0, 1, 4, 5}) {
    ASSERT_TRUE(took_.contains(rank)) << "rank " << rank << " waits for ever";
    EXPECT_LE(took_[rank], patience + grace + 100ms) << "rank " << rank;
  }
  end();
}

class ToldDeparturesTest : public PeerCloseMonitorTest {
 protected:
  ToldDeparturesTest() : PeerCloseMonitorTest(10ms) {}
};

TEST_F(ToldDeparturesTest, WhoseConnectionBreaksIsMissedWhenTheGraceIsOver) {
  all_wait();
  die({2, 3});
  nodes_.network().run_for(60s);
  for (const int rank : {0, 1, 4, 5}) {
    ASSERT_TRUE(took_.contains(rank)) << "rank " << rank << " waits for ever";
    EXPECT_GE(took_[rank], grace) << "rank " << rank;
    EXPECT_LE(took_[rank], 2s + 2 * grace) << "rank " << rank;
  }
  end();
}

TEST_F(PeerCloseMonitorTest, WhereThereAreNoLinksNobodyIsMissed) {
  PeerCloseMonitor monitor({}, patience);
  EXPECT_TRUE(monitor.gone_for(0s).empty());
}

}  // namespace
}  // namespace locum::tests::departures_test
