#include "transport/storage/shards/shard_block.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/base/unless_out_of_memory.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t block_data_alignment = 16;  // of the first sample behind the sizes

constexpr std::uint64_t aligned_up(std::uint64_t offset, std::uint64_t alignment) noexcept {
  return (offset + alignment - 1) & ~(alignment - 1);
}

// Sizes are little-endian, whatever the processor is.
std::uint32_t size_at(std::span<const std::byte> bytes, std::size_t at) noexcept {
  std::uint32_t made = 0;
  for (std::size_t byte = 0; byte < sizeof made; ++byte) {
    made |= static_cast<std::uint32_t>(bytes[at * sizeof made + byte]) << (8 * byte);
  }
  return made;
}

}  // namespace

Result<PlainBlock> PlainBlock::of(std::shared_ptr<const void> owner, std::span<const std::byte> plain,
                                  const ShardBlock& block, const ShardIndex& index) {
  PlainBlock made;
  made.owner_ = std::move(owner);
  made.plain_ = plain;
  if (index.sample_bytes != 0) {
    made.stride_ = shard_stride(index);
    made.sample_bytes_ = index.sample_bytes;
    return made;
  }
  if (block.samples == 1) {
    return made;
  }
  return guarded([&]() -> Result<PlainBlock> {
    made.places_.reserve(block.samples);
    std::uint64_t offset = aligned_up(std::uint64_t{block.samples} * sizeof(std::uint32_t),
                                      std::max<std::uint64_t>(block_data_alignment, index.alignment));
    for (std::uint32_t number = 0; number < block.samples; ++number) {
      const std::uint32_t bytes = size_at(plain, number);
      if (offset > plain.size() || bytes > plain.size() - offset) {
        return Error(Errc::corrupt, "sample " + std::to_string(block.first + number) +
                                        " ends behind its block; restore the file, or write the shard again");
      }
      made.places_.push_back({offset, bytes});
      offset = aligned_up(offset + bytes, index.alignment);
    }
    return std::move(made);
  });
}

std::span<const std::byte> PlainBlock::sample(std::uint32_t number) const noexcept {
  if (stride_ != 0) {
    return plain_.subspan(static_cast<std::size_t>(number * stride_),
                          static_cast<std::size_t>(sample_bytes_));
  }
  return places_.empty()
             ? plain_
             : plain_.subspan(static_cast<std::size_t>(places_[number].offset), places_[number].bytes);
}

void BlockDraft::add(std::span<const std::byte> sample, bool of_one_size) {
  alone_bytes_ = sample.size();
  const std::size_t begin = data_.size();
  data_.resize(static_cast<std::size_t>(aligned_up(begin + sample.size(), alignment_)));
  if (!sample.empty()) {
    std::memcpy(data_.data() + begin, sample.data(), sample.size());
  }
  if (of_one_size) {
    ++fixed_samples_;
  } else {
    sizes_.push_back(static_cast<std::uint32_t>(sample.size()));
  }
}

// A sample that is alone has no size in front of it, nor padding behind it: it may be of any size.
std::span<const std::byte> BlockDraft::plain() {
  if (fixed_samples_ != 0) {
    return data_;
  }
  if (sizes_.size() == 1) {
    return std::span<const std::byte>(data_).first(static_cast<std::size_t>(alone_bytes_));
  }
  const std::uint64_t begin = aligned_up(std::uint64_t{sizes_.size()} * sizeof(std::uint32_t),
                                         std::max<std::uint64_t>(block_data_alignment, alignment_));
  plain_.assign(static_cast<std::size_t>(begin), std::byte{0});
  for (std::size_t at = 0; at < sizes_.size(); ++at) {
    for (std::size_t byte = 0; byte < sizeof(std::uint32_t); ++byte) {
      plain_[at * sizeof(std::uint32_t) + byte] = static_cast<std::byte>(sizes_[at] >> (8 * byte));
    }
  }
  plain_.insert(plain_.end(), data_.begin(), data_.end());
  return plain_;
}

void BlockDraft::clear() noexcept {
  fixed_samples_ = 0;
  sizes_.clear();
  data_.clear();
}

}  // namespace locum::storage
