#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/file/root.hpp"

namespace locum::storage {

/// A file with all its bytes, in the folder of unfinished ones: it is removed with this, unless it was given
/// the name of a record. Its own name says which process writes it, so that others know what is left over.
class NewFile {
 public:
  /// Writes it, with its time of change; as the root says, it is on the disk when this returns.
  [[nodiscard]] static Result<NewFile> write(const FileRoot& root, std::span<const std::byte> bytes,
                                             mode_t mode, std::uint64_t changed_ns, Deadline deadline);
  /// Makes an empty one, to be written by the caller.
  [[nodiscard]] static Result<NewFile> begin(const FileRoot& root, mode_t mode);
  NewFile(NewFile&& other) noexcept
      : root_(other.root_), path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  /// Its bytes, until finish().
  [[nodiscard]] const Descriptor& file() const noexcept { return file_; }
  /// Where it is, for errors.
  [[nodiscard]] std::string path() const { return full_path(*root_, path_); }
  /// All is written: as the root says, it is on the disk when this returns. `changed_ns`: its time of change,
  /// 0: as it is.
  [[nodiscard]] Result<void> finish(std::uint64_t changed_ns);

  /// Gives it that path, if nothing has it. Returns 0, or the error number: EEXIST if something has.
  [[nodiscard]] int take_free(const std::string& path) noexcept;
  /// The same by a second name, for file systems that cannot rename so.
  [[nodiscard]] int link_free(const std::string& path) noexcept;
  /// Gives it that path, whatever has it. Returns 0, or the error number.
  [[nodiscard]] int take(const std::string& path) noexcept;

 private:
  NewFile(const FileRoot& root, std::string path, Descriptor file) noexcept
      : root_(&root), path_(std::move(path)), file_(std::move(file)) {}

  const FileRoot* root_;
  std::string path_;  ///< below the root; empty: it is a record
  Descriptor file_;
};

/// Removes the unfinished files of processes that have died: those of this host; of others, those which have
/// not changed for so long.
void remove_leftovers(const FileRoot& root, std::chrono::seconds unchanged = std::chrono::hours(1)) noexcept;

}  // namespace locum::storage
