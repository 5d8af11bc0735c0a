#pragma once

#include <algorithm>

namespace locum {

/// Decides whether to spin before going to sleep: yes as long as that paid off lately. After a failure it is
/// tried again only at every 2nd, 4th, … 16th occasion, so that a thread with rare events does not burn its
/// core. One thread.
class SpinTrial {
 public:
  /// Whether to spin this time; the caller then reports the outcome.
  [[nodiscard]] bool next() noexcept {
    if (left_out_ > 0) {
      --left_out_;
      return false;
    }
    return true;
  }
  void paid() noexcept { interval_ = 1; }
  void was_in_vain() noexcept {
    interval_ = std::min(2 * interval_, most);
    left_out_ = interval_ - 1;
  }

 private:
  static constexpr int most = 16;

  int interval_ = 1;  ///< occasions between two trials
  int left_out_ = 0;  ///< occasions left until the next trial
};

}  // namespace locum
