#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

extern "C" {  // NOLINTBEGIN: of the linker, as are those below
void* __real_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void* memory, std::size_t bytes);
}  // NOLINTEND

namespace locum::tests {

/// Memory for the objects of scenes. A run that begins like another one gets the same addresses, so that
/// words are recognised by their addresses.
class Room {
 public:
  Room(std::size_t bytes, int protection)
      : begin_(static_cast<std::byte*>(
            __real_mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))),
        bytes_(bytes) {
    if (begin_ == MAP_FAILED) {
      std::perror("mmap");
      std::abort();
    }
  }
  void* take(std::size_t bytes, std::size_t alignment) {
    const std::size_t at = (used_ + alignment - 1) / alignment * alignment;
    if (at + bytes > bytes_) {
      std::fputs("a scene takes too much memory\n", stderr);
      std::abort();
    }
    used_ = at + bytes;
    return begin_ + at;
  }
  [[nodiscard]] bool has(const void* memory) const { return memory >= begin_ && memory < begin_ + bytes_; }
  void clear() { used_ = 0; }
  void clear_bytes() { ::madvise(begin_, used_, MADV_DONTNEED); }

 private:
  std::byte* begin_;
  std::size_t bytes_;
  std::size_t used_ = 0;
};
/// For allocations of scenes.
inline Room& heap() {
  static Room room(std::size_t{64} << 20U, PROT_READ | PROT_WRITE);
  return room;
}
/// For mappings of scenes.
inline Room& mappings() {
  static Room room(std::size_t{4} << 40U, PROT_READ | PROT_WRITE);
  return room;
}

}  // namespace locum::tests
