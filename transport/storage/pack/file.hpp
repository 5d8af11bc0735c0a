#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "core/base/mutex.hpp"
#include "core/value/result.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

/// The file of a pack, by the system's calls. Any thread; writing by one at a time.
class PackFile {
 public:
  enum class As : std::uint8_t {
    reader,
    writer,  ///< made if it is not there, and locked
  };
  /// `not_found` for a reader if it is not there; `system`. `locks`: false where the file system cannot.
  [[nodiscard]] static Result<std::shared_ptr<PackFile>> open(const std::string& path, As as, bool locks);

  PackFile(std::string path, Descriptor file);

  [[nodiscard]] std::uint64_t inode() const noexcept { return inode_; }
  [[nodiscard]] Result<std::uint64_t> size() const;
  /// As many bytes from there as the file has, at most those of `into`.
  [[nodiscard]] Result<std::uint64_t> read(std::uint64_t position, std::span<std::byte> into) const;
  /// All of them, in their order: who reads meanwhile sees a beginning of them. Changes `pieces`. `system`
  /// beyond the limit on file sizes, and what was written by then is to be cut off. If the limit was lowered
  /// to the file's size or below since it was last asked for, the system ends the process.
  [[nodiscard]] Result<void> write(std::uint64_t position, std::span<::iovec> pieces);
  [[nodiscard]] Result<void> cut(std::uint64_t size_bytes) const;
  [[nodiscard]] Result<void> sync() const;
  /// Gives it another name, in place of whatever had it; sync_folder_of() brings that to the disk. REQUIRES:
  /// nobody else uses it yet.
  [[nodiscard]] Result<void> rename(const std::string& path);
  /// These bytes in place, and what keeps them there. REQUIRES: the file has them, and keeps them.
  struct Mapped {
    std::shared_ptr<const void> owner;
    std::span<const std::byte> bytes;
  };
  [[nodiscard]] Result<Mapped> map(std::uint64_t position, std::uint64_t size_bytes);

 private:
  [[nodiscard]] Result<void> has_room(std::uint64_t size_bytes);
  using Window = std::shared_ptr<const std::byte>;
  [[nodiscard]] Result<Window> window(std::uint64_t position, std::uint64_t size_bytes) const;

  std::string path_;
  const Descriptor file_;
  std::uint64_t inode_ = 0;
  std::uint64_t largest_ = 0;  ///< that the limit on file sizes allows, as far as is known
  Mutex mutex_;
  std::map<std::uint64_t, Window> windows_ LOCUM_GUARDED_BY(mutex_);
};

/// Which file has that path now, and its size; an inode of 0: none, or it cannot be seen.
struct PackLook {
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  bool is_gone = false;  ///< there is none
};
[[nodiscard]] PackLook look_at(const std::string& path) noexcept;

/// Waits until the name of a new file is on the disk.
[[nodiscard]] Result<void> sync_folder_of(const std::string& path);

}  // namespace locum::storage
