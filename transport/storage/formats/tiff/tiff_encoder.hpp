#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/element_type.hpp"
#include "core/value/result.hpp"
#include "transport/storage/formats/tiff/tiff_output.hpp"

namespace locum::storage {

/// The pages of an array that is saved.
struct TiffLayout {
  std::uint64_t pages = 1;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint16_t samples = 1;  ///< of a pixel
  std::uint16_t bits = 8;     ///< of a sample
  std::uint16_t sample_format = SAMPLEFORMAT_UINT;

  /// Sets the sample format. Returns false if TIFF has no such elements.
  [[nodiscard]] bool set_element(const ElementType& element) noexcept;
  [[nodiscard]] bool is_complex() const noexcept { return sample_format == SAMPLEFORMAT_COMPLEXIEEEFP; }
};

/// How pages are written.
struct TiffEncoding {
  std::uint16_t compression = COMPRESSION_NONE;
  bool has_predictor = false;
  std::uint32_t tile = 0;  ///< pixels of a side; 0: strips
};

/// Returns whether elements can be written in this way. `invalid_argument` names the option that cannot.
[[nodiscard]] Result<void> check_tiff_encoding(const TiffLayout& layout, const TiffEncoding& encoding);

/// Writes pages.
class TiffEncoder {
 public:
  /// \param output lives longer
  TiffEncoder(TiffOutput& output, const TiffEncoding& encoding) : output_(output), encoding_(encoding) {}

  /// Writes a page with its directory. \param elements row-major \param description of the page; empty: none
  [[nodiscard]] Result<void> encode(const TiffLayout& layout, std::span<const std::byte> elements,
                                    const std::string& description);

 private:
  Result<void> set_fields(const TiffLayout& layout, const std::string& description);
  Result<void> write_strips(const TiffLayout& layout, std::span<const std::byte> elements);
  Result<void> write_tiles(const TiffLayout& layout, std::span<const std::byte> elements);
  Result<void> write_block(std::uint32_t number, std::span<const std::byte> bytes);

  TiffOutput& output_;
  TiffEncoding encoding_;
  std::uint32_t strip_rows_ = 1;
  std::vector<std::byte> block_;  ///< a tile, or a strip of bits
};

}  // namespace locum::storage
