#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace locum {

/// Memory for what is packed for other ranks, until they have read it. Who has much under way gets less at a
/// time, so that nobody fills a rank's memory by asking and everybody is served. One thread at a time; what
/// was lent may be given back by any, also when this is gone.
class PackingSpace {
 public:
  /// What is lent at most at a time. More would keep the rank from answering others while it packs.
  static constexpr std::uint64_t most_at_a_time = std::uint64_t{4} << 20U;
  /// What one rank may have of it; from then on it gets `least_at_a_time`.
  static constexpr std::uint64_t most_of_a_rank = std::uint64_t{8} << 20U;
  static constexpr std::uint64_t least_at_a_time = 4096;

  /// Memory that ends with its last owner.
  class Loan {
   public:
    Loan(std::unique_ptr<std::byte[]> memory, std::uint64_t bytes,
         std::shared_ptr<std::atomic<std::uint64_t>> lent);
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan();
    [[nodiscard]] std::span<std::byte> memory() const noexcept { return {memory_.get(), bytes_}; }

   private:
    const std::uint64_t bytes_;
    const std::unique_ptr<std::byte[]> memory_;
    const std::shared_ptr<std::atomic<std::uint64_t>> lent_;
  };

  explicit PackingSpace(int ranks) : lent_(static_cast<std::size_t>(ranks)) {}

  /// For that rank, 1 to `wanted` bytes; null: this process has no memory for them. REQUIRES: wanted > 0.
  [[nodiscard]] std::shared_ptr<Loan> lend(int rank, std::uint64_t wanted);
  /// To that rank, now.
  [[nodiscard]] std::uint64_t lent(int rank) const noexcept;

 private:
  std::vector<std::shared_ptr<std::atomic<std::uint64_t>>> lent_;  ///< by rank; null: never any
};

}  // namespace locum
