#pragma once

#include <chrono>
#include <utility>

namespace locum::bench {

/// Pauses between requests, in which the answering thread falls asleep; this thread and its core stay awake.
class Pause {
 public:
  void operator()() {
    const auto began = std::chrono::steady_clock::now();
    auto now = began;
    while (now < began + std::chrono::microseconds(300)) {
      now = std::chrono::steady_clock::now();
    }
    seconds_ += std::chrono::duration<double>(now - began).count();
  }
  /// 3 ms: until a thread that waits in the library sleeps, too.
  void until_others_sleep() {
    constexpr int pauses = 10;
    for (int pause = 0; pause < pauses; ++pause) {
      (*this)();
    }
  }
  /// Their duration since the last call.
  [[nodiscard]] double seconds() noexcept { return std::exchange(seconds_, 0.0); }

 private:
  double seconds_ = 0;
};

}  // namespace locum::bench
