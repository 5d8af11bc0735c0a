#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/object/object.hpp"
#include "core/value/key.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"

namespace locum::storage {

/// A file of a part that this process has written.
struct WrittenFile {
  FileRow row;
  FileIdentity identity;
  std::uint64_t payload_bytes = 0;  ///< of its objects
};

/// Where the bytes of an object are.
struct WrittenBytes {
  std::uint32_t file = 0;  ///< place in PartContents::files
  std::uint32_t checksum = 0;
  std::uint64_t size_bytes = 0;
  std::string path;  ///< of its dataset in that file
};

/// What a part has on the disk, which the next one of that node need not write again.
struct PartContents {
  std::string folder;  ///< of all its files
  std::vector<WrittenFile> files;
  std::unordered_map<Key, WrittenBytes> objects;  ///< those with datasets of their own

  /// Null if the object is not among them. Objects do not change, and no other one gets their key.
  [[nodiscard]] const WrittenBytes* find(const ObjectFacts& facts) const;
};

/// How much of a file an incremental part would use.
struct FileUse {
  std::uint64_t payload_bytes = 0;
  std::uint64_t used_bytes = 0;
};

/// Not more files than this are shared by a part.
inline constexpr std::size_t most_shared_files = 16;

/// Which files are shared: those of which at least half is in use. If these are more than most_shared_files,
/// half as many, those that have most of what is in use. What is in the others is written again: so a
/// checkpoint takes at most twice the room of a whole one, and a long series has few files.
[[nodiscard]] std::vector<bool> worth_sharing(const std::vector<FileUse>& files);

/// The files of earlier checkpoints that a new part shares. Each gets a further name in the new one's folder,
/// a hard link. So a checkpoint has all its files in its own folder, whatever becomes of the earlier one, and
/// the file system removes a file with its last name: nobody counts, and nobody has to know of another
/// checkpoint. Until publish() that name is a temporary one, as of all files in progress.
class SharedFiles {
 public:
  /// Links what is worth sharing. A file that was removed, changed or moved, or that the file system cannot
  /// link, is not shared. \param used bytes in use of each of the earlier part's files
  SharedFiles(const PartContents& earlier, const std::vector<std::uint64_t>& used, const std::string& folder);
  SharedFiles(const SharedFiles&) = delete;
  SharedFiles& operator=(const SharedFiles&) = delete;
  /// Removes temporary names.
  ~SharedFiles();

  /// In the order of their places.
  [[nodiscard]] const std::vector<WrittenFile>& files() const noexcept { return files_; }
  /// The place of a file of the earlier part, from 1 on; 0 if it is not shared.
  [[nodiscard]] std::uint32_t place(std::uint32_t earlier) const { return places_.at(earlier); }
  /// Gives all of them their names. The folder is not on the disk yet. Throws Error `system`.
  void publish();
  /// Removes the names that publish() has added.
  void take_back() noexcept;

 private:
  struct Link {
    std::string path;
    bool is_published = false;
    bool was_there = false;  ///< an older checkpoint of that path has the file as well
  };
  [[nodiscard]] bool link(const WrittenFile& file, const std::string& from, const std::string& folder);

  std::vector<WrittenFile> files_;
  std::vector<std::uint32_t> places_;
  std::vector<Link> links_;
};

}  // namespace locum::storage
