#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/result.hpp"

namespace locum {

/// Disk of one node for objects that its memory has no room for: a sparse file without a name, which all
/// processes of the node have open, and which goes with the last of them. Positions are those of the node's
/// memory, so that nothing has to be recorded about where an object is. Any thread may call; a caller sees to
/// it that nobody else writes or discards the bytes that it writes or reads.
class SpillFile {
 public:
  SpillFile() = default;
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;
  virtual ~SpillFile() = default;

  /// Makes positions below `size_bytes` usable; takes no disk. `system` if the file system cannot have such a
  /// file. By the process that made the file.
  [[nodiscard]] virtual Result<void> extend_to(std::uint64_t size_bytes) = 0;
  /// Stores the bytes at that position. They need not be on the disk when it returns, but are on their way:
  /// what waits for the disk is memory of the machine, which spilling is to free. Blocks for the disk.
  /// `system`, with what to do, if the disk or the bound of the node is full, or the system fails; what lies
  /// at the position is undefined then.
  [[nodiscard]] virtual Result<void> write(std::uint64_t position, std::span<const std::byte> bytes) = 0;
  /// Reads as many bytes as `into` has; bytes that were never stored are 0. Blocks for the disk. `system` if
  /// the system fails.
  [[nodiscard]] virtual Result<void> read(std::uint64_t position, std::span<std::byte> into) = 0;
  /// Gives the disk below these bytes back.
  virtual void discard(std::uint64_t position, std::uint64_t size_bytes) noexcept = 0;
  /// Disk that the node uses, by the system's own count: no death can make it wrong. A system call.
  [[nodiscard]] virtual std::uint64_t stored_bytes() const noexcept = 0;
  /// Of the open file, to be sent to the other processes.
  [[nodiscard]] virtual int descriptor() const noexcept = 0;
};

/// How the processes of a node get its spill file. Both empty: the node has none.
struct SpillFiles {
  /// By the first process. Throws Error `system`.
  std::function<std::shared_ptr<SpillFile>()> make;
  /// By the others, of a descriptor that they received, which it takes over.
  std::function<std::shared_ptr<SpillFile>(int descriptor)> take;
};

}  // namespace locum
