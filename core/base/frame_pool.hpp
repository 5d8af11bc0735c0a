#pragma once

#include <cstddef>

namespace locum::detail {

/// Memory for short-lived data of operations, such as the frames of their tasks: every thread keeps freed
/// blocks of up to 4 KiB for reuse, whichever thread allocated them. Any thread.
class FramePool {
 public:
  [[nodiscard]] static void* take(std::size_t bytes);
  static void give_back(void* block, std::size_t bytes) noexcept;
};

/// An allocator for std::allocate_shared that uses the same memory.
template <class T>
class FrameAllocator {
 public:
  using value_type = T;

  FrameAllocator() = default;
  template <class U>
  FrameAllocator(const FrameAllocator<U>& /*other*/) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) { return static_cast<T*>(FramePool::take(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) noexcept { FramePool::give_back(block, count * sizeof(T)); }
  friend bool operator==(const FrameAllocator& /*one*/, const FrameAllocator& /*other*/) noexcept {
    return true;
  }
};

}  // namespace locum::detail
