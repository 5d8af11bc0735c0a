#pragma once

#include <tiffio.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/element_type.hpp"
#include "core/record.hpp"
#include "core/value/extents.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// What a directory of a TIFF file says about its image: a page.
struct TiffPage {
  std::uint64_t number = 0;  ///< among all pages of the file
  std::uint64_t offset = 0;  ///< of the directory
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint16_t samples = 1;  ///< of a pixel
  std::uint16_t bits = 1;     ///< of a sample
  std::uint16_t sample_format = SAMPLEFORMAT_UINT;
  std::uint16_t compression = COMPRESSION_NONE;
  std::uint16_t photometric = PHOTOMETRIC_MINISBLACK;
  bool is_separate = false;  ///< one plane for each sample
  bool is_tiled = false;
  bool is_reduced = false;         ///< a smaller copy of another page, or a transparency mask
  std::uint32_t block_width = 0;   ///< of a tile; of a strip, the width
  std::uint32_t block_height = 0;  ///< of a tile; of a strip, its rows, at most the height
  std::uint64_t blocks = 0;        ///< strips or tiles, of all planes
  std::uint64_t bytes = 0;         ///< of the elements that are loaded

  /// Returns the planes, and how many samples of a pixel lie together in one.
  [[nodiscard]] std::uint32_t planes() const noexcept { return is_separate ? samples : 1U; }
  [[nodiscard]] std::uint32_t samples_together() const noexcept { return is_separate ? 1U : samples; }
  [[nodiscard]] bool is_half() const noexcept { return sample_format == SAMPLEFORMAT_IEEEFP && bits == 16; }
  /// Returns the elements: `f32` for numbers of 16 bits, and `bool` for single bits.
  [[nodiscard]] ElementType element() const;
  /// Returns height and width, and the samples where there are several.
  [[nodiscard]] Extents extents() const noexcept;
  /// Returns the name of the elements in the file: `u16`, `f16`.
  [[nodiscard]] std::string type_name() const;
  [[nodiscard]] bool is_alike(const TiffPage& other) const noexcept;
};

/// What the options of loading ask for.
struct TiffChoices {
  bool half_as_f32 = false;         ///< `half = "f32"`
  bool palette_as_indices = false;  ///< `palette = "indices"`
};

/// Reads the current directory of a file. `corrupt` if it contradicts itself.
/// \param number of the page
[[nodiscard]] Result<TiffPage> tiff_page_of(TIFF* file, std::uint64_t number);
/// Returns whether the page can be loaded without a change of its values. `unsupported` names what cannot,
/// and the option that helps, if one does.
[[nodiscard]] Result<void> check_tiff_page(const TiffPage& page, const TiffChoices& choices);
/// Returns how many bytes of elements a byte of this compression can become at most.
[[nodiscard]] std::uint64_t tiff_ratio(const TiffPage& page) noexcept;
/// Returns the name of a compression: `none`, `deflate`, `lzw`; else libtiff's name in lower case, or its
/// number.
[[nodiscard]] std::string tiff_compression_name(std::uint16_t compression);

}  // namespace locum::storage
