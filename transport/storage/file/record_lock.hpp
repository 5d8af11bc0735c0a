#pragma once

#include <cstdint>
#include <string>

#include "core/ports/backend.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/file/root.hpp"

namespace locum::storage {

/// While it lives nobody else, on any host, replaces or removes the record: all that do have it. Who stores
/// where nothing is does without, and so do readers. It is a lock of one byte of the lock file of the root,
/// at a hash of the record's name; the system gives it back when the process dies.
class RecordLock {
 public:
  /// `timeout` if another has it until the deadline.
  [[nodiscard]] static Result<RecordLock> take(const FileRoot& root, const RecordKey& key, Deadline deadline);
  /// A byte of a lock file, at a hash of what it stands for.
  struct Place {
    const std::string& lock_file;
    const std::string& name;
    bool is_outer = false;  ///< who has it may take one that is not: they are never the same byte
  };
  /// The same of a file that is no record. Paths are below the root. The lock file is made where there is
  /// none, and may be replaced by another one. `not_found` if its folder is not there.
  [[nodiscard]] static Result<RecordLock> take_of_file(const FileRoot& root, const Place& place,
                                                       Deadline deadline);
  RecordLock(RecordLock&&) = default;
  RecordLock& operator=(RecordLock&&) = delete;
  ~RecordLock();

  /// False: the file system has no locks, and this has no effect.
  [[nodiscard]] bool holds() const noexcept { return holds_; }

 private:
  [[nodiscard]] static Result<RecordLock> take_byte(const FileRoot& root, const std::string& lock_file,
                                                    std::uint64_t byte, const std::string& locked,
                                                    Deadline deadline);
  RecordLock(Descriptor file, bool holds) noexcept : file_(std::move(file)), holds_(holds) {}

  Descriptor file_;
  bool holds_;
};

}  // namespace locum::storage
