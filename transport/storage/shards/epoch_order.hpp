#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace locum::storage {

/// Where a sample is.
struct SamplePlace {
  std::size_t shard = 0;     ///< by its place in the order of keys
  std::uint64_t number = 0;  ///< in the shard
};

/// Consecutive samples of a shard.
struct ShardRange {
  std::size_t shard = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// The order of the samples of a set in an epoch, which depends on seed and epoch alone, on any machine: the
/// shards are permuted, and follow each other; what follows is cut into blocks, and each block is permuted.
/// Permutations are those of Fisher and Yates, by numbers of SplitMix64 (Steele, Lea and Flood 2014).
class EpochOrder {
 public:
  /// \param samples of each shard \param block_samples at least 1, less than 2^32
  EpochOrder(std::vector<std::uint64_t> samples, std::uint64_t seed, std::uint64_t block_samples,
             bool is_shuffled);

  /// Orders another epoch.
  void begin(std::uint64_t epoch);
  /// Returns the number of samples.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t block_samples() const noexcept { return block_samples_; }
  [[nodiscard]] std::uint64_t block_of(std::uint64_t position) const noexcept {
    return position / block_samples_;
  }
  /// Returns where the sample at a position is. Positions of one block after the other are cheap. REQUIRES:
  /// position < count().
  [[nodiscard]] SamplePlace place(std::uint64_t position);
  /// Returns the samples that a block has, shard by shard in their order.
  [[nodiscard]] std::vector<ShardRange> ranges(std::uint64_t block) const;

 private:
  /// Returns where the sample is that has this number if blocks are not permuted.
  [[nodiscard]] SamplePlace place_of(std::uint64_t number) const noexcept;

  const std::vector<std::uint64_t> samples_;
  const std::uint64_t seed_;
  const std::uint64_t block_samples_;
  const bool is_shuffled_;
  std::uint64_t count_ = 0;
  std::uint64_t epoch_ = 0;
  std::vector<std::uint32_t> shards_;           ///< in the order of the epoch
  std::vector<std::uint64_t> firsts_;           ///< number of the first sample of each of these
  std::uint64_t permuted_ = ~std::uint64_t{0};  ///< the block of which this is the order
  std::vector<std::uint32_t> block_;
};

}  // namespace locum::storage
