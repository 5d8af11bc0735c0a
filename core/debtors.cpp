#include "core/debtors.hpp"

#include <algorithm>

namespace locum {

Debtors::Debtors(int ranks, Clock::duration patience, const std::vector<int>& node_of_rank)
    : patience_(patience), node_of_rank_(node_of_rank), debtors_(static_cast<std::size_t>(ranks)) {
  owing_.reserve(debtors_.size());
}

bool Debtors::doubt(int rank) noexcept {
  Debtor& debtor = of(rank);
  if (debtor.lost || debtor.awaited()) {
    return false;
  }
  heard(rank);
  debtor.doubted = true;
  debtor.unanswered = 1;
  list(debtor, rank);
  return true;
}

Debtors::Clock::time_point Debtors::next_due(Clock::time_point now) const noexcept {
  auto due = Clock::time_point::max();
  for (const int rank : owing_) {
    const Debtor& debtor = debtors_[static_cast<std::size_t>(rank)];
    if (debtor.awaited()) {
      due = std::min(due, (debtor.heard ? now : debtor.quiet_at) + question_interval());
    }
  }
  return due;
}

}  // namespace locum
