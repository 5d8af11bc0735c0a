#pragma once

#include <algorithm>

namespace locum {

/// Whether to look a little longer for what may come before going to sleep: as long as that lately paid.
/// Where it did not, it is tried again at every 2nd, 4th, … 16th occasion only, so that a thread which
/// something comes for now and then does not burn its core. One thread.
class SpinTrial {
 public:
  /// Whether to spin this time; then say what came of it.
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

  int interval_ = 1;  ///< occasions from one trial to the next
  int left_out_ = 0;  ///< of these, still to come
};

}  // namespace locum
