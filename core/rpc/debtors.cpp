#include "core/rpc/debtors.hpp"

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

void Debtors::moves(int rank, std::uint64_t bytes, Clock::time_point now) noexcept {
  Debtor& debtor = of(rank);
  debtor.bulks_until = std::max(debtor.bulks++ == 0 ? now : debtor.bulks_until, now) + longest(bytes);
}

Debtors::Clock::duration Debtors::longest(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t most_seconds = std::uint64_t{1} << 20U;
  return std::chrono::seconds(std::min(bytes / least_rate, most_seconds)) +
         std::chrono::nanoseconds(bytes % least_rate * 1'000'000'000 / least_rate);
}

// That something moved is no proof that this rank lives; that nothing did is one that its bulk does not.
bool Debtors::excused(Debtor& debtor, Clock::time_point now) const noexcept {
  return debtor.bulks > 0 && now < debtor.bulks_until &&
         std::exchange(debtor.movements, movements_) != movements_;
}

Debtors::Clock::time_point Debtors::next_due(Clock::time_point now) const noexcept {
  auto due = Clock::time_point::max();
  for (const int rank : owing_) {
    const Debtor& debtor = debtors_[static_cast<std::size_t>(rank)];
    if (debtor.awaited()) {
      due = std::min(due, (debtor.heard ? now : debtor.quiet_at) + question_interval(patience_));
    }
  }
  return due;
}

}  // namespace locum
