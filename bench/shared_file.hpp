#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace locum::bench {

/// Shared memory as a twin gets it: an unnamed file in `/dev/shm`, mapped whole. Fresh: no page of it exists
/// until it is written. Move-free, one owner; throws std::system_error.
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
