#pragma once

#include <cstdint>

namespace locum {

/// The process in which it was made, for objects that a forked process inherits: there the threads of the
/// parent do not exist, and locks that they held at the fork are held for ever. Any thread.
class ForkMark {
 public:
  /// Throws std::bad_alloc if the system has no memory to report forks.
  ForkMark();
  /// Whether this process was forked from that one.
  [[nodiscard]] bool in_child() const noexcept;

 private:
  std::uint32_t forks_;
};

}  // namespace locum
