#pragma once

#include <cstdint>

namespace locum::shm {

/// Counts a signal of the system that this process receives, by which a scheduler says that the job ends
/// soon. While one of these lives, the signal does nothing else; afterwards it does what it did before,
/// unless the program has set a handler of its own meanwhile. One thread at a time.
class WarningSignal {
 public:
  /// 0: none, which never comes. Throws Error `system` if the system has no such signal, or none that can be
  /// handled.
  explicit WarningSignal(int number);
  WarningSignal(const WarningSignal&) = delete;
  WarningSignal& operator=(const WarningSignal&) = delete;
  ~WarningSignal();

  /// Whether it has come since the last forget().
  [[nodiscard]] bool has_come() const noexcept;
  /// What has come until now has been seen.
  void forget() noexcept;

 private:
  int number_;
  std::uint32_t seen_ = 0;
};

}  // namespace locum::shm
