#pragma once

#include <string>

#include "core/ports/backend.hpp"
#include "core/url.hpp"
#include "core/value/result.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

/// The folder that a URL names, and how it is used. A record is the file SPACE/NAME in it. Beside the spaces
/// there are `.tmp`, a folder of files that are being written, and `.lock` (see RecordLock). Nothing in it
/// changes once it is open; any thread may use it.
struct FileRoot {
  Descriptor folder;
  std::string path;            ///< absolute, for errors
  bool syncs = true;           ///< waits for the disk
  bool is_plain = false;       ///< records of named objects are their payload alone
  bool is_edited = false;      ///< people change the records: their files can be written
  std::string lock = ".lock";  ///< the file for locks
  bool maps = true;  ///< shows files in place: not where another host's removal takes the bytes away
};

/// Where files are while they are written.
inline constexpr const char* unfinished_folder = ".tmp";

/// Opens the folder, and makes it if that is wanted.
[[nodiscard]] Result<FileRoot> open_root(const Url& url);
/// The same of a folder whose files are no records, and without the option `plain`: leaves no file for locks
/// in it. \param makes false: the folder is not made; `not_found` if there is none
[[nodiscard]] Result<FileRoot> open_plain_root(const Url& url, bool makes = true);
/// Returns the path that the root of such a URL has once its folder is there.
[[nodiscard]] Result<std::string> plain_root_path(const Url& url);

/// The path of a record below the root.
[[nodiscard]] inline std::string path_of(const RecordKey& key) {
  std::string path;
  path.reserve(key.space.size() + 1 + key.name.size());
  return path.append(key.space).append(1, '/').append(key.name);
}
/// The whole path, for errors.
[[nodiscard]] inline std::string full_path(const FileRoot& root, const std::string& below) {
  return root.path + '/' + below;
}

}  // namespace locum::storage
