#pragma once

#include <tiffio.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/value/result.hpp"

namespace locum::storage {

/// What the text that describes the first page tells about all pages, where ImageJ, OME or tifffile wrote it.
class TiffDescription {
 public:
  TiffDescription() = default;
  explicit TiffDescription(std::string text) : text_(std::move(text)) {}
  /// Reads the text of the current directory; empty if it has none. A text that is not UTF-8 is taken as
  /// ISO 8859-1.
  [[nodiscard]] static TiffDescription of(TIFF* file);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Returns the dimensions that the pages are, slowest first, and those of a page: `TZCYX`. Empty if the
  /// text does not tell.
  [[nodiscard]] std::string axes() const;
  /// Returns how many images lie one after another behind the only directory of a file: ImageJ writes stacks
  /// of more than 4 GiB so, and tifffile those with `truncate=True`. 1 if the text is of neither. `corrupt`
  /// if it contradicts itself. \param elements of the image of the directory
  [[nodiscard]] Result<std::uint64_t> images(std::uint64_t elements) const;

 private:
  [[nodiscard]] bool is_of_imagej() const noexcept { return text_.starts_with("ImageJ="); }
  /// Returns the number behind `name=` at the beginning of a line of ImageJ; nothing if there is no such
  /// line, or no number.
  [[nodiscard]] std::optional<std::uint64_t> imagej_number(std::string_view name) const;
  /// Returns the product of the extents that tifffile wrote; nothing if they are not numbers.
  [[nodiscard]] std::optional<std::uint64_t> tifffile_elements() const;

  std::string text_;
};

}  // namespace locum::storage
