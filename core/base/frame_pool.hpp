#pragma once

#include <cstddef>

namespace locum::detail {

/// Memory for what comes and goes with each operation, such as the frames of its tasks: every thread keeps
/// blocks of up to 4 KiB for its next ones, whoever took them first. Any thread.
class FramePool {
 public:
  [[nodiscard]] static void* take(std::size_t bytes);
  static void give_back(void* block, std::size_t bytes) noexcept;
};

/// The same, for what a shared pointer holds: see std::allocate_shared.
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
