#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "transport/storage/direct_writes.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

/// A file that is written under a name of its own, FILE.tmp, and gets its name when all of it is on the disk:
/// who opens FILE finds all of it, or none, whenever a process or the machine dies. Throws Error `system`,
/// with the system's text. One thread at a time.
class DurableFile {
 public:
  /// The file in progress is made by the caller, at temporary().
  explicit DurableFile(std::string path);
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;
  /// Removes what was not published.
  ~DurableFile();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& temporary() const noexcept { return temporary_; }
  /// Throws if the disk, or a limit of this process, has no room for a file of that size now: to be asked
  /// before a library makes the file that cannot cope with that. What it takes it gives back. Leaves an empty
  /// file.
  void try_room(std::uint64_t bytes);
  /// Opens what the caller has made at temporary(), and takes all of the disk that its size needs: a disk
  /// that is too full says so here.
  void open();
  /// Large pieces go to the disk without the system's cache of files from now on, where that can be done: of
  /// a file that nobody reads soon. An error of the disk may then be thrown by a later call. REQUIRES:
  /// open(); no byte is written twice after this.
  void bypass_cache() noexcept { bypasses_cache_ = true; }
  /// REQUIRES of this and the next: open().
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// In ascending order of offsets the disk is kept busy meanwhile.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Waits until everything is on the disk, then gives the file its name, and waits for that, too.
  void publish();

 private:
  /// Has the system begin to write what it was given.
  void write_behind(std::uint64_t from, std::uint64_t to);

  std::string path_;
  std::string temporary_;
  Descriptor file_;
  std::uint64_t size_ = 0;
  std::uint64_t behind_from_ = 0;  ///< what follows is not being written yet
  bool bypasses_cache_ = false;
  std::optional<DirectWrites> direct_;  ///< since there was a large piece
  bool published_ = false;
};

/// While it lives nobody else writes the same checkpoint, or steps to the same file: an advisory lock of
/// FILE.lock, which the system gives back when the process ends. Where a file system has no locks, it has no
/// effect.
class WritingLock {
 public:
  /// Throws Error `system` after some 200 ms if another job has it, or this one, and if there is no such
  /// folder; `invalid_argument` for an empty path.
  explicit WritingLock(const std::string& path);
  WritingLock(const WritingLock&) = delete;
  WritingLock& operator=(const WritingLock&) = delete;
  ~WritingLock();
  /// Whether it has an effect.
  [[nodiscard]] bool holds() const noexcept { return holds_; }

 private:
  std::string path_;
  Descriptor file_;
  bool holds_ = false;
};

/// What DurableFile calls a file while it is in progress.
[[nodiscard]] inline std::string temporary_of(const std::string& path) {
  return path + ".tmp";
}
/// Which file it is: one that was written anew, changed or copied has another identity; a second name (link)
/// has not.
struct FileIdentity {
  std::uint64_t inode = 0;
  std::int64_t changed_ns = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
/// None if it is not there, or cannot be seen.
[[nodiscard]] std::optional<FileIdentity> identity_of(const std::string& path) noexcept;

/// Waits until the names in a folder are on the disk.
void sync_folder(const std::string& folder);
/// The folder of a path; "." if it names none.
[[nodiscard]] std::string folder_of(const std::string& path);
/// The path without its folder.
[[nodiscard]] std::string file_name_of(const std::string& path);

}  // namespace locum::storage
