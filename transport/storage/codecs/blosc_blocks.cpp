#include "transport/storage/codecs/blosc_blocks.hpp"

#include <blosc.h>

#include <string>

#include "transport/storage/codecs/codec_bytes.hpp"

namespace locum::storage {

namespace {

// The header: four single bytes (version, version of the compressor, flags, size of an element), and three
// numbers of four bytes (plain bytes, bytes of a block, coded bytes). A number for each block follows: where
// it begins. There, each stream has its size before it. A block has a stream for each byte of an element, or
// only one.
constexpr std::size_t blosc_number_bytes = 4;
constexpr unsigned blosc_is_not_split = 0x10;

std::size_t blosc_number(std::span<const std::byte> coded, std::size_t at) noexcept {
  return little_endian_u32(coded.subspan(at).first<blosc_number_bytes>());
}

/// The blocks of a chunk whose header was checked.
struct BloscBlocks {
  std::span<const std::byte> coded;
  std::size_t plain_bytes;
  std::size_t block_bytes;

  [[nodiscard]] std::size_t count() const noexcept {
    return plain_bytes / block_bytes + (plain_bytes % block_bytes != 0 ? 1 : 0);
  }
  /// Returns the number of streams. Before there was a flag that tells it, it followed from sizes alone.
  [[nodiscard]] std::size_t streams_of(std::size_t block) const noexcept {
    constexpr std::size_t most_streams = 16;
    constexpr std::size_t least_stream_bytes = 128;
    const auto flags = std::to_integer<unsigned>(coded[2]);
    const auto element_bytes = std::to_integer<std::size_t>(coded[3]);
    const bool is_whole = (block + 1) * block_bytes <= plain_bytes;
    return (flags & blosc_is_not_split) == 0 && element_bytes <= most_streams &&
                   block_bytes / element_bytes >= least_stream_bytes && is_whole
               ? element_bytes
               : 1;
  }
  /// Returns whether the numbers and streams lie within the chunk and have no more bytes than it has.
  [[nodiscard]] bool fit() const noexcept {
    std::size_t left = coded.size() - BLOSC_MIN_HEADER_LENGTH;
    if (count() > left / blosc_number_bytes) {
      return false;
    }
    left -= count() * blosc_number_bytes;
    for (std::size_t block = 0; block < count(); ++block) {
      std::size_t at = blosc_number(coded, BLOSC_MIN_HEADER_LENGTH + block * blosc_number_bytes);
      for (std::size_t stream = streams_of(block); stream > 0; --stream) {
        if (at > coded.size() || coded.size() - at < blosc_number_bytes || left < blosc_number_bytes) {
          return false;
        }
        const std::size_t stream_bytes = blosc_number(coded, at);
        left -= blosc_number_bytes;
        at += blosc_number_bytes;
        if (stream_bytes > left || stream_bytes > coded.size() - at) {
          return false;
        }
        left -= stream_bytes;
        at += stream_bytes;
      }
    }
    return true;
  }
};

}  // namespace

Result<std::size_t> checked_blosc_bytes(std::span<const std::byte> coded) {
  std::size_t plain_bytes = 0;
  if (blosc_cbuffer_validate(coded.data(), coded.size(), &plain_bytes) != 0) {
    return damaged_code("blosc", "have a wrong header, or are not complete");
  }
  if (plain_bytes == 0) {
    return plain_bytes;
  }
  const std::size_t block_bytes = blosc_number(coded, 8);
  if (std::to_integer<unsigned>(coded[0]) != BLOSC_VERSION_FORMAT) {
    return damaged_code("blosc", "have a header of version " +
                                     std::to_string(std::to_integer<int>(coded[0])) +
                                     ", and that of Blosc 1 is " + std::to_string(BLOSC_VERSION_FORMAT));
  }
  if (block_bytes == 0 || block_bytes > plain_bytes || coded[3] == std::byte{0}) {
    return damaged_code("blosc", "have a wrong size of blocks or elements");
  }
  const bool is_copy = (std::to_integer<unsigned>(coded[2]) & BLOSC_MEMCPYED) != 0;
  if (is_copy ? coded.size() - BLOSC_MIN_HEADER_LENGTH != plain_bytes
              : !BloscBlocks{coded, plain_bytes, block_bytes}.fit()) {
    return damaged_code("blosc", "have blocks that do not fit into them");
  }
  return plain_bytes;
}

}  // namespace locum::storage
