#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/element_type.hpp"
#include "core/strided_array.hpp"
#include "core/value/extents.hpp"
#include "core/value/result.hpp"
#include "transport/storage/zarr/chunk_memory.hpp"
#include "transport/storage/zarr/metadata.hpp"

namespace locum::storage {

/// Turns the elements of a chunk into bytes and back. Threads may call it concurrently.
class ChunkCoder {
 public:
  /// `coding` is to outlive this. REQUIRES: `extents` has 1 to `max_rank` dimensions, whose bytes do not
  /// overflow.
  /// \param is_half elements are f32 in memory, and floating-point numbers of 16 bits in the chunk
  ChunkCoder(const ChunkCoding& coding, const Extents& extents, const ElementType& element,
             bool is_half = false);

  /// Returns the size of the elements.
  [[nodiscard]] std::size_t plain_bytes() const noexcept { return plain_bytes_; }
  /// Returns how memory of plain_bytes() holds the elements, in the order of the array's dimensions.
  [[nodiscard]] detail::StridedBytes elements_in(const std::byte* plain) const noexcept;
  /// Decodes to memory of plain_bytes(). `corrupt` if that is not what the bytes hold.
  [[nodiscard]] Result<void> decode(std::span<const std::byte> coded, std::span<std::byte> plain) const;
  /// Encodes memory of plain_bytes(), whose bytes it may put into another order for that. The coded bytes are
  /// in `memory`, but not in `memory.plain`, or are the plain ones.
  [[nodiscard]] Result<std::span<const std::byte>> encode(std::span<std::byte> plain,
                                                          ChunkMemory& memory) const;
  /// Returns whether an array without gaps is what the codecs encode, byte by byte.
  [[nodiscard]] bool encodes_as_it_is() const noexcept;
  /// Encodes the elements of a chunk, row-major, like encode(). REQUIRES: encodes_as_it_is().
  [[nodiscard]] Result<std::span<const std::byte>> encode_unchanged(std::span<const std::byte> plain,
                                                                    ChunkMemory& memory) const;

 private:
  // `words`: the elements as the chunk has them, those of 16 bits too.
  void swap_if_needed(std::span<std::byte> words) const noexcept;
  [[nodiscard]] Result<void> decode_words(std::span<const std::byte> coded, std::span<std::byte> words) const;
  [[nodiscard]] bool swaps() const noexcept;

  const ChunkCoding& coding_;
  const Extents extents_;
  std::array<std::int64_t, max_rank> strides_{};
  std::size_t plain_bytes_;
  std::uint32_t element_bytes_;
  bool is_half_;
  std::uint32_t word_bytes_;  ///< whose bytes have an order: half of a complex number
};

}  // namespace locum::storage
