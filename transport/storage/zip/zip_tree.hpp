#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zip/zip_reader.hpp"

namespace locum::storage {

/// The members of an archive as files in folders. A folder is there if a member is in it, or if the archive
/// has it as a member, whose name ends with '/'. Of several members of one path the last one counts, as for
/// Python's zipfile. Does not change; any thread may use it.
class ZipTree {
 public:
  ZipTree() = default;
  /// `corrupt` names a member whose name leads out of the archive, is none, or is that of a file and of a
  /// folder; `unsupported` one that is longer than paths of files are.
  [[nodiscard]] static Result<ZipTree> of(std::vector<ZipEntry> entries);

  /// Returns the file of a path; null: there is none.
  [[nodiscard]] const ZipEntry* find(std::string_view path) const noexcept;
  /// Returns whether a path is that of a folder. The empty path is that of the archive.
  [[nodiscard]] bool has_folder(std::string_view path) const;
  /// Returns what is in a folder, by name.
  [[nodiscard]] std::vector<AreaEntry> list(std::string_view folder) const;

 private:
  using Place = std::vector<ZipEntry>::const_iterator;
  /// Returns the first member whose path does not come before a text.
  [[nodiscard]] Place first_from(std::string_view text) const noexcept;

  std::vector<ZipEntry> entries_;  ///< by path, which is their name; those of folders end with '/'
};

}  // namespace locum::storage
