#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/mutex.hpp"

namespace locum {

/// A process of the node that died while it took part.
struct DeadRank {
  std::uint32_t rank = 0;                ///< within the node
  std::optional<std::uint32_t> adopter;  ///< the rank that adopted it, as far as known
};

/// The dead processes of the node, as far as this process knows. Filled by its watch, and outlives that. Any
/// thread may call.
class DeadRanks {
 public:
  /// REQUIRES: at most `most` ranks are ever added.
  explicit DeadRanks(std::uint32_t most);

  /// Ascending by rank.
  [[nodiscard]] std::vector<DeadRank> all() const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool any() const noexcept LOCUM_EXCLUDES(mutex_);
  void note(const DeadRank& loss) noexcept LOCUM_EXCLUDES(mutex_);

  /// Calls `then`, on the adopting thread, whenever this process has adopted a dead one. If it throws, the
  /// adoption is retried. Replaces an earlier function.
  void when_adopted(std::function<void()> then) LOCUM_EXCLUDES(mutex_);
  void adopted() LOCUM_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::function<void()> when_adopted_ LOCUM_GUARDED_BY(mutex_);
  std::vector<DeadRank> dead_ LOCUM_GUARDED_BY(mutex_);  // never exceeds its initial capacity
};

}  // namespace locum
