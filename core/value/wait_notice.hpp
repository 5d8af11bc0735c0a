#pragma once

#include <chrono>
#include <optional>

#include "core/value/deadline.hpp"
#include "core/value/error.hpp"
#include "core/value/options.hpp"

namespace locum {

/// Tells people of a long wait for another program while it lasts, since it may end only after minutes: once,
/// by a line on stderr (see RuntimeOptions::log). One thread at a time.
class WaitNotice {
 public:
  using Moment = Deadline::Clock::time_point;

  /// After so much time a wait is long.
  static constexpr std::chrono::seconds patience{10};

  /// Called again and again during the wait of this rank. `why` makes the error by which it would end now.
  template <class Why>
  void waits(Log log, int rank, Moment now, Why why) {
    began_ = began_.value_or(now);
    if (!told_ && now - *began_ >= patience) {
      told_ = true;
      tell(log, rank, why());
    }
  }

 private:
  static void tell(Log log, int rank, const Error& why) noexcept;

  std::optional<Moment> began_;
  bool told_ = false;
};

}  // namespace locum
