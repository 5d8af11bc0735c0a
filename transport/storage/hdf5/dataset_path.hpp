#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace locum::storage {

/// The path of the dataset of a named object in an HDF5 file: its name, whose parts between slashes are
/// groups, with what HDF5 cannot hold written as `%` and two hexadecimal digits: NUL, `%` itself, bytes that
/// are no UTF-8, the first dot of a part `.` or `..`, and of a first part `.locum`; an empty part, and one
/// that ends the name, is `%`. So `T/0042/3` is `/T/0042/3`, and two names never have one path.
[[nodiscard]] std::string dataset_path(std::string_view name);
/// The name of which this is the path; none if it is of no name.
[[nodiscard]] std::optional<std::string> name_of_dataset(std::string_view path);

/// Added to the path of a dataset where that path is a group, because another name begins with it and a
/// slash.
inline constexpr std::string_view beside_a_group = "%value";

/// More than a file needs for a path: for the groups on the way, and its names.
[[nodiscard]] std::uint64_t most_bytes_of_path(std::string_view path) noexcept;

/// The paths of all datasets of a file, to find those that have to be groups as well.
class DatasetPaths {
 public:
  void add(std::string path) { paths_.push_back(std::move(path)); }
  /// Called after the last add().
  void sort();
  /// Whether a path that was added begins with this one and a slash. REQUIRES: sort() has been called.
  [[nodiscard]] bool is_group(const std::string& path) const;

 private:
  std::vector<std::string> paths_;
};

}  // namespace locum::storage
