#include "transport/storage/shards/epoch_order.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace locum::storage {

namespace {

constexpr std::uint64_t golden_step = 0x9E3779B97F4A7C15U;

constexpr std::uint64_t mixed(std::uint64_t bits) noexcept {
  bits = (bits ^ (bits >> 30U)) * 0xBF58476D1CE4E5B9U;
  bits = (bits ^ (bits >> 27U)) * 0x94D049BB133111EBU;
  return bits ^ (bits >> 31U);
}

/// Permutes 0, 1, 2 … \param what tells the permutation from others of the seed
void permute(std::span<std::uint32_t> numbers, std::uint64_t seed, std::uint64_t epoch, std::uint64_t what) {
  std::iota(numbers.begin(), numbers.end(), 0U);
  std::uint64_t state = mixed(mixed(mixed(seed + golden_step) ^ epoch) + golden_step * (what + 1));
  for (std::size_t left = numbers.size(); left > 1; --left) {
    state += golden_step;
    // A number below `left`, of 32 random bits (Lemire 2019): uneven by less than one in 2^32 / left.
    const std::uint64_t other = ((mixed(state) >> 32U) * left) >> 32U;
    std::swap(numbers[left - 1], numbers[static_cast<std::size_t>(other)]);
  }
}

constexpr std::uint64_t order_of_shards = 0;  // blocks follow

}  // namespace

EpochOrder::EpochOrder(std::vector<std::uint64_t> samples, std::uint64_t seed, std::uint64_t block_samples,
                       bool is_shuffled)
    : samples_(std::move(samples)),
      seed_(seed),
      block_samples_(block_samples),
      is_shuffled_(is_shuffled),
      count_(std::accumulate(samples_.begin(), samples_.end(), std::uint64_t{0})) {
  begin(0);
}

void EpochOrder::begin(std::uint64_t epoch) {
  epoch_ = epoch;
  permuted_ = ~std::uint64_t{0};
  shards_.resize(samples_.size());
  if (is_shuffled_) {
    permute(shards_, seed_, epoch, order_of_shards);
  } else {
    std::iota(shards_.begin(), shards_.end(), 0U);
  }
  firsts_.clear();
  std::uint64_t first = 0;
  for (const std::uint32_t shard : shards_) {
    firsts_.push_back(first);
    first += samples_[shard];
  }
}

// Shards without samples begin where the next one does, which is behind them.
SamplePlace EpochOrder::place_of(std::uint64_t number) const noexcept {
  const auto behind = std::ranges::upper_bound(firsts_, number);
  const auto at = static_cast<std::size_t>(behind - firsts_.begin()) - 1;
  return {shards_[at], number - firsts_[at]};
}

SamplePlace EpochOrder::place(std::uint64_t position) {
  if (!is_shuffled_) {
    return place_of(position);
  }
  const std::uint64_t block = block_of(position);
  const std::uint64_t first = block * block_samples_;
  if (block != permuted_) {
    block_.resize(static_cast<std::size_t>(std::min(block_samples_, count_ - first)));
    permute(block_, seed_, epoch_, block + 1);
    permuted_ = block;
  }
  return place_of(first + block_[static_cast<std::size_t>(position - first)]);
}

std::vector<ShardRange> EpochOrder::ranges(std::uint64_t block) const {
  std::vector<ShardRange> made;
  const std::uint64_t first = block * block_samples_;
  const std::uint64_t behind = std::min(count_, first + block_samples_);
  for (auto at = static_cast<std::size_t>(std::ranges::upper_bound(firsts_, first) - firsts_.begin()) - 1;
       at < firsts_.size() && firsts_[at] < behind; ++at) {
    const std::uint64_t begin = std::max(first, firsts_[at]);
    const std::uint64_t end = std::min(behind, firsts_[at] + samples_[shards_[at]]);
    if (begin < end) {
      made.push_back({shards_[at], begin - firsts_[at], end - begin});
    }
  }
  return made;
}

}  // namespace locum::storage
