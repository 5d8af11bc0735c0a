#pragma once

#include <cstdint>

namespace locum::shm {

/// Locks of a process on single bytes of a file (record locks, fcntl(2)), whether or not these bytes exist.
/// The kernel keeps them, where no stray store reaches. It releases them once no thread of the process can
/// execute another instruction, when the process becomes another program, and when it closes any descriptor
/// of the file. A forked process inherits none, and a process does not see its own. Nothing here blocks; any
/// thread may call.
class RecordLocks {
 public:
  /// The descriptor must be open for writing and outlive this.
  explicit RecordLocks(int descriptor) noexcept : descriptor_(descriptor) {}

  /// Takes the lock on a byte, or already has it. False if another process has it, or the file has no locks:
  /// errno is EAGAIN or EACCES in the first case.
  [[nodiscard]] bool hold(std::uint64_t byte) const noexcept;
  /// Whether the kernel reports that another process has it.
  [[nodiscard]] bool held_by_another(std::uint64_t byte) const noexcept;
  /// Whether the kernel reports that no other process has it: not the negation if the kernel cannot be asked.
  [[nodiscard]] bool free_of_others(std::uint64_t byte) const noexcept;

 private:
  int descriptor_;
};

}  // namespace locum::shm
