#include "mpi/lost_rank_monitor.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace locum::mpi {

namespace {

// Time within which every survivor of a node notices a death (docs/failure.md), and a little more.
constexpr std::chrono::milliseconds longest_notice{250};

}  // namespace

LostRankMonitor::LostRankMonitor(std::shared_ptr<const DeadRanks> of_node,
                                 std::vector<std::uint32_t> node_peers,
                                 std::function<std::vector<std::uint32_t>()> closed_alone)
    : of_node_(std::move(of_node)),
      node_peers_(std::move(node_peers)),
      closed_alone_(std::move(closed_alone)) {}

void LostRankMonitor::watch(const std::shared_ptr<Links>& links, std::chrono::milliseconds patience) {
  {
    const MutexLock lock(mutex_);
    links_ = links;
  }
  roll_interval_ = patience / 4;
  roll_called_ = Deadline::Clock::now();
}

void LostRankMonitor::stop_watching_links() {
  std::vector<int> lost = beyond_node();
  if (!of_node_->any() && lost.empty()) {
    lost = closed_alone();
  }
  closed_alone_ = nullptr;
  const MutexLock lock(mutex_);
  beyond_node_ = std::move(lost);
  links_.reset();
}

bool LostRankMonitor::any() const {
  return of_node_->any() || !beyond_node().empty();
}

std::vector<int> LostRankMonitor::node_peers() const {
  std::vector<int> ranks;
  if (of_node_->any()) {
    for (const DeadRank& loss : of_node_->all()) {
      ranks.push_back(rank_of(loss.rank));
    }
  }
  return ranks;
}

std::vector<int> LostRankMonitor::ranks() const {
  std::vector<int> ranks = node_peers();
  const std::vector<int> others = beyond_node();
  ranks.insert(ranks.end(), others.begin(), others.end());
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

std::vector<int> LostRankMonitor::ranks_while_waiting() {
  const auto links = this->links();
  if (const auto now = Deadline::Clock::now(); links && now - roll_called_ >= roll_interval_) {
    roll_called_ = now;
    links->call_roll();
  }
  std::vector<int> lost = ranks();
  if (!lost.empty()) {
    return lost;
  }
  // A rank that closes alone has usually lost another one: give this rank's watch time to notice that, too.
  lost = closed_alone();
  const auto now = Deadline::Clock::now();
  if (lost.empty() || !seen_closed_alone_) {
    seen_closed_alone_ = lost.empty() ? std::nullopt : std::optional(now);
    return {};
  }
  return now - *seen_closed_alone_ < longest_notice ? std::vector<int>() : lost;
}

std::string LostRankMonitor::describe() const {
  std::string text;
  const auto losses = of_node_->all();
  for (const int rank : ranks()) {
    text += (text.empty() ? "rank " : ", rank ") + std::to_string(rank);
    for (const DeadRank& loss : losses) {
      if (rank_of(loss.rank) == rank && loss.adopter) {
        text += " (adopted by rank " + std::to_string(rank_of(*loss.adopter)) + ")";
      }
    }
  }
  return text;
}

std::vector<int> LostRankMonitor::closed_alone() const {
  std::vector<int> ranks;
  if (closed_alone_) {
    std::ranges::transform(closed_alone_(), std::back_inserter(ranks),
                           [this](std::uint32_t node_peer) { return rank_of(node_peer); });
  }
  return ranks;
}

std::vector<int> LostRankMonitor::beyond_node() const {
  if (const auto links = this->links()) {
    return links->lost_elsewhere();
  }
  const MutexLock lock(mutex_);
  return beyond_node_;
}

std::shared_ptr<Links> LostRankMonitor::links() const {
  const MutexLock lock(mutex_);
  return links_.lock();
}

}  // namespace locum::mpi
