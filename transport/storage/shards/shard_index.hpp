#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/value/result.hpp"

namespace locum::storage {

/// A block of a shard: consecutive samples that are coded together.
struct ShardBlock {
  std::uint64_t offset = 0;  ///< of its coded bytes in the file
  std::uint64_t coded_bytes = 0;
  std::uint64_t plain_bytes = 0;
  std::uint64_t first = 0;     ///< number of its first sample
  std::uint32_t samples = 0;   ///< at least 1
  std::uint32_t checksum = 0;  ///< of the coded bytes
};

/// What a shard says of itself. A file is a header, the coded blocks, the index, and a trailer; all numbers
/// are little-endian, and each part has a CRC-32C:
///
///     header    8 bytes "LOCSHARD", u32 version (1), u32 0
///     blocks    coded bytes of each, side by side, from byte 16 on
///     index     u16 + type's name, u16 + codec's text, u32 alignment, u64 bytes of a sample (0: they
///     differ),
///               u64 number of blocks, and for each u64 coded bytes, u64 plain bytes, u32 samples, u32 CRC
///     trailer   u64 offset of the index, u64 its bytes, u64 samples, u64 plain bytes of all blocks,
///               u32 CRC of the index, u32 version, 12 bytes 0, u32 CRC of these 52 bytes, "LOCSHARD"
///
/// A plain block of samples of different sizes begins with a u32 for the size of each, padded with zeros to
/// 16 bytes, unless it has one sample alone. Each sample begins at a multiple of the alignment.
struct ShardIndex {
  std::string type;                ///< name of the samples' type
  std::string codec;               ///< text of the codec of blocks; empty: they are not coded
  std::uint32_t alignment = 16;    ///< of samples in a plain block: a power of 2, at most 64
  std::uint64_t sample_bytes = 0;  ///< of each; 0: they differ
  std::vector<ShardBlock> blocks{};

  [[nodiscard]] std::uint64_t samples() const noexcept {
    return blocks.empty() ? 0 : blocks.back().first + blocks.back().samples;
  }
  /// Returns the number of the block that has a sample. REQUIRES: number < samples().
  [[nodiscard]] std::size_t block_of(std::uint64_t number) const noexcept;
};

/// Returns the distance of samples of one size in a plain block; wraps around for an impossible size.
[[nodiscard]] constexpr std::uint64_t shard_stride(const ShardIndex& index) noexcept {
  return (index.sample_bytes + index.alignment - 1) & ~std::uint64_t{index.alignment - 1};
}

constexpr std::size_t shard_header_bytes = 16;
constexpr std::size_t shard_trailer_bytes = 64;

/// Returns the bytes with which a file of shards begins.
[[nodiscard]] std::vector<std::byte> shard_header();
/// Returns index and trailer: the end of the file. REQUIRES: blocks lie side by side behind the header.
[[nodiscard]] std::vector<std::byte> shard_end(const ShardIndex& index);

/// What a trailer says.
struct ShardTrailer {
  std::uint64_t index_offset = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t samples = 0;
  std::uint64_t plain_bytes = 0;
  std::uint32_t index_checksum = 0;
};
/// Reads the last bytes of a file of that size. `corrupt`; `unsupported` for another version. REQUIRES:
/// shard_trailer_bytes of them.
[[nodiscard]] Result<ShardTrailer> read_shard_trailer(std::span<const std::byte> bytes,
                                                      std::uint64_t file_bytes);
/// Reads an index. `corrupt` if it contradicts itself, or the trailer. REQUIRES: index_bytes of them.
[[nodiscard]] Result<ShardIndex> read_shard_index(std::span<const std::byte> bytes,
                                                  const ShardTrailer& trailer);

}  // namespace locum::storage
