#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace locum::storage {

/// Files of one folder whose names differ in one number only: step0041.h5, step0042.h5.
struct FileSeries {
  std::string folder;  ///< with its slash; empty: the working folder
  std::string before;  ///< of the file name
  std::string after;

  /// The number in the name of a file; none if that is not of the series.
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view file_name) const noexcept;
};

/// The series of a path, by the last number in its file name before the extension; none without a number.
/// `chk.0042` has no extension, but a number.
[[nodiscard]] std::optional<FileSeries> series_of(std::string_view path);
/// The series of a pattern, whose file name has one `*` in place of the number; none for any other text.
[[nodiscard]] std::optional<FileSeries> series_like(std::string_view pattern);
/// The number of a path in its series; 0 if it is of none.
[[nodiscard]] std::uint64_t number_of(std::string_view path);

/// The paths of the series that are there now, in any order. A folder that cannot be read has none.
[[nodiscard]] std::vector<std::string> paths_in(const FileSeries& series);

}  // namespace locum::storage
