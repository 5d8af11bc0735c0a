#include "core/rpc/packing_space.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace locum {

PackingSpace::Loan::Loan(std::unique_ptr<std::byte[]> memory, std::uint64_t bytes,
                         std::shared_ptr<std::atomic<std::uint64_t>> lent)
    : bytes_(bytes), memory_(std::move(memory)), lent_(std::move(lent)) {
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
  std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[bytes]);
  return memory ? std::make_shared<Loan>(std::move(memory), bytes, lent) : nullptr;
}

std::uint64_t PackingSpace::lent(int rank) const noexcept {
  const auto& lent = lent_[static_cast<std::size_t>(rank)];
  return lent ? lent->load(std::memory_order_relaxed) : 0;
}

}  // namespace locum
