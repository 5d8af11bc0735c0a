#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace locum {

/// Memory for data packed for other ranks, until they have read it. A rank with much in progress gets less at
/// a time, so that no rank fills this one's memory by its requests and all are served. One thread at a time;
/// any thread may return a loan, also after this is destroyed.
class PackingSpace {
 public:
  /// Most bytes lent at a time. More would keep the rank from serving others while it packs.
  static constexpr std::uint64_t most_at_a_time = std::uint64_t{4} << 20U;
  /// Most bytes for one rank; beyond that it gets `least_at_a_time`.
  static constexpr std::uint64_t most_of_a_rank = std::uint64_t{8} << 20U;
  static constexpr std::uint64_t least_at_a_time = 4096;

  /// Memory that is freed with its last owner.
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
  /// Bytes lent to that rank now.
  [[nodiscard]] std::uint64_t lent(int rank) const noexcept;

 private:
  std::vector<std::shared_ptr<std::atomic<std::uint64_t>>> lent_;  ///< by rank; null: never any
};

}  // namespace locum
