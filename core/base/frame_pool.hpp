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

}  // namespace locum::detail
