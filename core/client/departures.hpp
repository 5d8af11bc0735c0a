#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/client/links.hpp"

namespace locum {

/// Which ranks of other nodes are gone, for who has closed its links and waits until all others have: a rank
/// that has closed owes nobody anything, so that nobody would miss it. One rank of each other node is asked
/// now and then whether it lives. That is enough: those of a dead one's node notice its end by the system and
/// wait no longer, and who waits no longer and takes its links away is missed like a dead one.
///
/// Used by one thread.
class Departures {
 public:
  using Clock = Progress::Clock;

  /// \param links    kept by the caller; where they are none any more, nobody is missed
  /// \param patience of these links: the others are asked five times as often
  Departures(std::weak_ptr<Links> links, Clock::duration patience)
      : links_(std::move(links)), interval_(patience / 5) {}

  /// Those that do not answer, or whose connection has broken, once the first of them was missed at least
  /// `grace` before: until then what it had sent may be under way. Does not block; to be called again and
  /// again, which is what has the others asked, for the first time an interval after the first call. So a
  /// death is known within the patience and `grace`.
  [[nodiscard]] std::vector<int> gone_for(Clock::duration grace);

 private:
  const std::weak_ptr<Links> links_;
  const Clock::duration interval_;
  std::optional<Clock::time_point> asked_;
  std::optional<Clock::time_point> first_missed_;
};

}  // namespace locum
