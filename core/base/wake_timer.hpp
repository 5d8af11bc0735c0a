#pragma once

#include <chrono>

#include "core/base/descriptor.hpp"

namespace locum {

/// Wakes one thread at a moment that any thread may set or change while that one sleeps: to have somebody
/// woken later costs whoever asks for it no more than a system call, and none of its core.
class WakeTimer {
 public:
  using Clock = std::chrono::steady_clock;

  /// Throws Error `system` if the process may open no more descriptors.
  WakeTimer();

  /// Any thread; the last one that calls it decides. A moment that has passed: now.
  void set(Clock::time_point moment) const noexcept;
  /// Sleeps until the moment has come that is set. May return early.
  void sleep() const noexcept;

 private:
  Descriptor timer_;
};

}  // namespace locum
