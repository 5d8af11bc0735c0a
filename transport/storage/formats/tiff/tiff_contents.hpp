#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/formats/tiff/tiff_description.hpp"
#include "transport/storage/formats/tiff/tiff_input.hpp"
#include "transport/storage/formats/tiff/tiff_page.hpp"

namespace locum::storage {

/// The pages of a TIFF file: its chain of directories.
struct TiffContents {
  std::vector<TiffPage> pages;  ///< those that are loaded
  std::uint64_t left_out = 0;   ///< smaller copies of pages, and transparency masks
  std::uint64_t stacked = 1;    ///< images that lie one after another behind the only directory
  TiffDescription description;

  /// Returns whether all pages have the same extents and elements.
  [[nodiscard]] bool is_uniform() const noexcept;
  /// Returns the images that become one array.
  [[nodiscard]] std::uint64_t images() const noexcept { return pages.size() * stacked; }
  /// Returns the extents of all images together. REQUIRES: is_uniform().
  [[nodiscard]] Extents extents() const noexcept;
};

/// Reads all directories. `corrupt` if they contradict themselves, or describe more elements than the bytes
/// of the file can have become; `unsupported` names pages that cannot be loaded.
/// \param options `page` chooses one page, by its number in the file, smaller copies included
[[nodiscard]] Result<TiffContents> read_tiff_contents(TiffInput& input, const Record& options);
/// Describes the pages, for info().
[[nodiscard]] Record describe_tiff(const TiffContents& contents);

}  // namespace locum::storage
