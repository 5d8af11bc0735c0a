#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/value/result.hpp"
#include "transport/storage/formats/tiff/tiff_contents.hpp"

namespace locum::storage {

/// Reads the elements of pages: height, width, samples, whatever their order in the file is.
class TiffDecoder {
 public:
  /// \param input lives longer
  explicit TiffDecoder(TiffInput& input) : input_(input) {}

  /// Fills memory with the elements of a page. `corrupt` names the strip or tile that cannot be read; also
  /// what libtiff only warns of.
  /// REQUIRES: check_tiff_page() found it good; `into` has page.bytes bytes.
  [[nodiscard]] Result<void> decode(const TiffPage& page, std::span<std::byte> into);
  /// Fills memory with all images that lie behind the only directory of a file.
  [[nodiscard]] Result<void> decode_stack(const TiffPage& page, std::uint64_t images,
                                          std::span<std::byte> into);

 private:
  struct Block;
  Result<void> select(const TiffPage& page);
  Result<void> read(const TiffPage& page, std::uint32_t block, std::span<std::byte> into);

  TiffInput& input_;
  std::vector<std::byte> block_;  ///< a strip or tile, where it cannot be decoded to its place
};

}  // namespace locum::storage
