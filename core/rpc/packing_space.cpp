#include "core/rpc/packing_space.hpp"

#include <algorithm>
#include <utility>

namespace locum {

PackingSpace::Loan::Loan(std::uint64_t bytes, std::shared_ptr<std::atomic<std::uint64_t>> lent)
    : bytes_(bytes), memory_(std::make_unique_for_overwrite<std::byte[]>(bytes)), lent_(std::move(lent)) {
  lent_->fetch_add(bytes_, std::memory_order_relaxed);
}

PackingSpace::Loan::~Loan() {
  lent_->fetch_sub(bytes_, std::memory_order_relaxed);
}

std::shared_ptr<PackingSpace::Loan> PackingSpace::lend(int rank, std::uint64_t wanted) {
  auto& lent = lent_[static_cast<std::size_t>(rank)];
  if (!lent) {
    lent = std::make_shared<std::atomic<std::uint64_t>>(0);
  }
  const std::uint64_t taken = lent->load(std::memory_order_relaxed);
  const std::uint64_t left = most_of_a_rank - std::min(taken, most_of_a_rank);
  const std::uint64_t bytes = std::min(wanted, std::clamp(left, least_at_a_time, most_at_a_time));
  return std::make_shared<Loan>(bytes, lent);
}

std::uint64_t PackingSpace::lent(int rank) const noexcept {
  const auto& lent = lent_[static_cast<std::size_t>(rank)];
  return lent ? lent->load(std::memory_order_relaxed) : 0;
}

}  // namespace locum
