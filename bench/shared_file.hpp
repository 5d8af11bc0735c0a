#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace locum::bench {

/// Shared memory for a twin: an unnamed file in `/dev/shm`, mapped whole. New: none of its pages exists until
/// it is written. Not movable, one owner; throws std::system_error.
class SharedFile {
 public:
  explicit SharedFile(std::uint64_t size_bytes);
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;
  ~SharedFile();

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {base_, size_bytes_}; }

 private:
  std::byte* base_ = nullptr;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace locum::bench
