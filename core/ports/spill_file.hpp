#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/value/result.hpp"

namespace locum {

/// Disk of one node for objects that its memory has no room for: a sparse file without a name, which all
/// processes of the node have open, and which is removed with the last of them. Positions are those of the
/// node's memory, so that nothing has to be recorded about where an object is. Any thread may call; a caller
/// ensures that no other one writes or discards the bytes that it writes or reads.
class SpillFile {
 public:
  SpillFile() = default;
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;
  virtual ~SpillFile() = default;

  /// Makes positions below `size_bytes` usable; takes no disk. `system` if the file system cannot have such a
  /// file. Called by the process that made the file.
  [[nodiscard]] virtual Result<void> extend_to(std::uint64_t size_bytes) = 0;
  /// Stores the bytes at that position. They need not be on the disk when it returns, but are on their way:
  /// bytes that wait for the disk take memory of the machine, which spilling is to free. Blocks for the disk.
  /// `system`, with the remedy, if the disk or the bound of the node is full, or the system fails; the bytes
  /// at the position are undefined then.
  [[nodiscard]] virtual Result<void> write(std::uint64_t position, std::span<const std::byte> bytes) = 0;
  /// Reads as many bytes as `into` has; bytes that were never stored are 0. Blocks for the disk. `system` if
  /// the system fails.
  [[nodiscard]] virtual Result<void> read(std::uint64_t position, std::span<std::byte> into) = 0;
  /// Frees the disk below these bytes.
  virtual void discard(std::uint64_t position, std::uint64_t size_bytes) noexcept = 0;
  /// Returns the disk that the node uses, by the system's own count, which no death can make wrong. Makes a
  /// system call.
  [[nodiscard]] virtual std::uint64_t stored_bytes() const noexcept = 0;
  /// Returns the descriptor of the open file, to be sent to the other processes.
  [[nodiscard]] virtual int descriptor() const noexcept = 0;
};

/// Functions by which the processes of a node get its spill file. Both empty: the node has none.
struct SpillFiles {
  /// Called by the first process. Throws Error `system`.
  std::function<std::shared_ptr<SpillFile>()> make;
  /// Called by the others with a descriptor that they received, which it takes over.
  std::function<std::shared_ptr<SpillFile>(int descriptor)> take;
};

}  // namespace locum
