#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "core/ports/arena.hpp"

namespace locum::tests {

class PlainPart;

/// The memory of a PlainNode: bytes that all its processes see, an equal part for each. A process's blocks
/// outlive it: another process then adopts them. Any thread may call.
class PlainMemory {
 public:
  PlainMemory(std::uint64_t size_bytes, std::uint32_t parts);
  PlainMemory(const PlainMemory&) = delete;
  PlainMemory& operator=(const PlainMemory&) = delete;
  ~PlainMemory();

  [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept { return bytes_ + offset; }
  [[nodiscard]] bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept;
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_bytes_; }
  [[nodiscard]] PlainPart& part(std::uint32_t number) const { return *parts_.at(number); }
  /// The part in which this offset lies. REQUIRES: there is one.
  [[nodiscard]] PlainPart& part_at(std::uint64_t offset) const;
  /// In blocks of all parts.
  [[nodiscard]] std::uint64_t used_bytes() const;
  /// Usage of this process's own part, and of those that it has adopted.
  [[nodiscard]] ArenaUsage usage_of(std::uint32_t process) const;

  /// From now on calls of this process change nothing.
  void die(std::uint32_t process);
  /// `heir` takes over the parts of a dead process: blocks at the offsets in `kept` stay, all others are
  /// freed.
  void adopt(std::uint32_t dead, std::uint32_t heir, const std::set<std::uint64_t>& kept);
  [[nodiscard]] bool is_dead(std::uint32_t process) const;

 private:
  std::byte* const bytes_;
  const std::uint64_t size_bytes_;
  std::vector<std::unique_ptr<PlainPart>> parts_;
};

/// The arena of one process of a plain node.
[[nodiscard]] std::shared_ptr<Arena> plain_arena(std::shared_ptr<PlainMemory> memory, std::uint32_t process);

}  // namespace locum::tests
