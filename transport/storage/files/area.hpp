#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/format.hpp"
#include "core/url.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/concurrent_calls.hpp"

namespace locum {
class Store;
}

namespace locum::storage {

/// A file or folder of a FileArea.
struct AreaEntry {
  std::string name;  ///< without its folder
  bool is_folder = false;
};

/// Metadata of a file or folder.
struct AreaFacts {
  bool is_folder = false;
  std::uint64_t size_bytes = 0;
  std::int64_t changed_ns = 0;  ///< since 1970; 0: unknown
  /// Text that no other content of any file of the area has: it is another one once the file was changed or
  /// replaced, and the same for all paths that lead to the file. Empty for folders.
  std::string identity;
};

/// How a file is opened.
struct OpenedHow {
  bool maps = false;      ///< in_place() is to map it instead of reading it
  LentProcessors lent{};  ///< by those who wait for it
  /// False: the path of a folder may be `not_found`, which saves backends a look at all names.
  bool tells_folders = true;
  /// Few parts of it are read: a backend is asked for these, and not for all of it, before in_place().
  bool reads_parts = false;
};

/// A file of an area that is open.
class AreaFile : public FileBytes {
 public:
  /// Returns the metadata of when it was opened: those of the very bytes that are read.
  [[nodiscard]] virtual const AreaFacts& facts() const noexcept = 0;
  /// Returns false if its bytes may have been changed since it was opened. A file that has taken its path
  /// does not change them.
  [[nodiscard]] virtual bool is_unchanged() const noexcept = 0;
};

/// A file that is being saved in an area. Nobody finds it before publish(), and nothing of it is left when it
/// is destroyed without that.
class AreaDraft : public FileDraft {
 public:
  /// Gives the file its path, in place of a file there. As durable as the area makes it when this returns.
  [[nodiscard]] virtual Result<void> publish() = 0;
  /// The same if there is no file, as one step. False: there is one, and nothing was changed. `unsupported`.
  [[nodiscard]] virtual Result<bool> publish_if_free() = 0;
};

/// A file that FileArea::update() changes.
struct UpdatedFile {
  /// Folder whose programs exclude each other: by a file `.lock` in it, where the area is a folder.
  std::string folder;
  std::string name;   ///< path below the folder
  bool reads = true;  ///< false: all of the file is new, and what it was is not opened
  /// The change itself updates other files of the folder, of which none does so.
  bool changes_others = false;

  [[nodiscard]] std::string path() const { return folder.empty() ? name : folder + '/' + name; }
};
/// Writes the new bytes of a file. \param there the file as it is; null: there is none, or it is not read
using FileChange = std::function<Result<void>(AreaFile* there, FileDraft& into)>;

/// Where Files are kept: files in folders, under paths like `run17/T.npy`, which have no `..`, no empty part
/// and no `/` at either end; the area itself is the empty path. Several threads may call concurrently.
class FileArea {
 public:
  FileArea() = default;
  FileArea(const FileArea&) = delete;
  FileArea& operator=(const FileArea&) = delete;
  virtual ~FileArea() = default;

  /// `not_found` if the path leads to nothing.
  [[nodiscard]] virtual Result<AreaFacts> facts(const std::string& path) = 0;
  /// Opens a file. `unsupported` if it is to be mapped, and that cannot be done.
  [[nodiscard]] virtual Result<std::unique_ptr<AreaFile>> open(const std::string& path,
                                                               const OpenedHow& how) = 0;
  /// Begins a file, whose folder is made if there is none.
  [[nodiscard]] virtual Result<std::unique_ptr<AreaDraft>> create(const std::string& path) = 0;
  /// Replaces a file by what `change` makes of it, as one step: of several update() calls of one file, by
  /// threads or processes, each finds what the one before has made. `change` may be called several times; its
  /// error ends the call. A process that dies leaves the old file or the new one, and no lock. `timeout`;
  /// `unsupported` if nothing here keeps two writers apart.
  [[nodiscard]] virtual Result<void> update(const UpdatedFile& file, const FileChange& change,
                                            Deadline deadline) = 0;
  /// Returns what is in a folder, by name. `not_found` if there is none.
  [[nodiscard]] virtual Result<std::vector<AreaEntry>> list(const std::string& folder) = 0;
  /// Makes a folder, and those above it, where there is none.
  [[nodiscard]] virtual Result<void> make_folders(const std::string& path) = 0;
  /// Removes a file or an empty folder. False: there was none.
  [[nodiscard]] virtual Result<bool> remove(const std::string& path) = 0;
  /// Returns what identifies the area among all of this machine.
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
};

/// Opens the folder of a `file:` URL. \param makes false: it is not made; `not_found` if there is none
[[nodiscard]] Result<std::shared_ptr<FileArea>> open_folder_area(const Url& url, bool makes = true);
/// The same of a folder that the first call makes which writes into it: until then there is nothing in it.
[[nodiscard]] Result<std::shared_ptr<FileArea>> open_late_folder_area(const Url& url);
/// Opens an archive of ZIP, of a `zip:` URL, whose members are the files. Nothing in it can be changed:
/// `unsupported`.
[[nodiscard]] Result<std::shared_ptr<FileArea>> open_zip_area(const Url& url);
/// Writes an archive of ZIP, atomically, with all files of a folder of the area: under their paths below it,
/// stored, those that describe an array or a group of Zarr before the others of their folder. `stale` if the
/// folder changes meanwhile.
[[nodiscard]] Result<void> pack_zip(const std::shared_ptr<FileArea>& area, const std::string& folder,
                                    const std::string& archive);
/// Opens an area over a store of bytes: each file is an object, whose name is its path.
[[nodiscard]] Result<std::shared_ptr<FileArea>> open_store_area(const Url& url);
/// Makes an area of a store, whose objects of bytes are the files.
[[nodiscard]] std::shared_ptr<FileArea> area_of_store(const Store& store);

/// Returns the path in the form that areas take. `invalid_argument` if it leads out of its area, is too long
/// or has a byte 0.
/// \param root absolute path of the area, which an absolute path has to begin with; empty: there is none
[[nodiscard]] Result<std::string> area_path(std::string_view path, std::string_view root);
/// The folder of a path in that form; empty: the area itself.
[[nodiscard]] inline std::string area_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace locum::storage
