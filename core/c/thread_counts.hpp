#pragma once

#include <cstdint>

namespace locum::c {

/// A number to which each thread adds in memory of its own: a view is counted in a nanosecond, whatever other
/// threads do. One for the process. Never destroyed.
class ThreadCounts {
 public:
  void add_one() noexcept { add(1); }
  void subtract_one() noexcept { add(-1); }
  /// Returns the sum, about: other threads add meanwhile.
  [[nodiscard]] std::int64_t sum() const noexcept;

 private:
  static void add(std::int64_t difference) noexcept;
};

/// Returns the number of views that hold an object.
[[nodiscard]] ThreadCounts& open_views() noexcept;

}  // namespace locum::c
