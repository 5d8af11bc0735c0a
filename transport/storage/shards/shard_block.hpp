#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/value/result.hpp"
#include "transport/storage/shards/shard_index.hpp"

namespace locum::storage {

/// The samples of a block that was decoded. Immutable.
class PlainBlock {
 public:
  /// Reads where samples of a plain block begin. `corrupt` if it contradicts the index. \param owner keeps
  /// the bytes. REQUIRES: block.plain_bytes of them; the index was read by read_shard_index().
  [[nodiscard]] static Result<PlainBlock> of(std::shared_ptr<const void> owner,
                                             std::span<const std::byte> plain, const ShardBlock& block,
                                             const ShardIndex& index);

  /// Returns a sample by its number in the block. REQUIRES: it has so many.
  [[nodiscard]] std::span<const std::byte> sample(std::uint32_t number) const noexcept;
  [[nodiscard]] const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

 private:
  struct Place {
    std::uint64_t offset;
    std::uint32_t bytes;
  };

  std::shared_ptr<const void> owner_;
  std::span<const std::byte> plain_;
  std::uint64_t stride_ = 0;  ///< of samples of one size; 0: `places_` has them, or the block is one sample
  std::uint64_t sample_bytes_ = 0;
  std::vector<Place> places_;
};

/// Collects the samples of a block.
class BlockDraft {
 public:
  explicit BlockDraft(std::uint32_t alignment) : alignment_(alignment) {}

  [[nodiscard]] bool empty() const noexcept { return sizes_.empty() && fixed_samples_ == 0; }
  [[nodiscard]] std::uint64_t bytes() const noexcept {
    return data_.size() + sizes_.size() * sizeof(std::uint32_t);
  }
  [[nodiscard]] std::uint32_t samples() const noexcept {
    return fixed_samples_ + static_cast<std::uint32_t>(sizes_.size());
  }
  /// Appends a sample. Throws std::bad_alloc. \param of_one_size all samples of the shard have this size
  void add(std::span<const std::byte> sample, bool of_one_size);
  /// Returns the plain bytes of the block, which are valid until the next call.
  [[nodiscard]] std::span<const std::byte> plain();
  void clear() noexcept;

 private:
  std::uint32_t alignment_;
  std::uint32_t fixed_samples_ = 0;
  std::uint64_t alone_bytes_ = 0;     ///< of the last sample
  std::vector<std::uint32_t> sizes_;  ///< of samples of different sizes
  std::vector<std::byte> data_;
  std::vector<std::byte> plain_;
};

}  // namespace locum::storage
