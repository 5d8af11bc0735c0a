#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/mutex.hpp"

namespace locum {

/// A process of the node that died while it took part.
struct Loss {
  std::uint32_t rank = 0;                ///< within the node
  std::optional<std::uint32_t> adopter;  ///< who has what it had, as far as known
};

/// Which processes of the node have died, as far as this process knows. Filled by its watch, and outlives it.
/// Any thread may call.
class Losses {
 public:
  /// REQUIRES: no more than `most` ranks are ever noted.
  explicit Losses(std::uint32_t most);

  /// Ascending by rank.
  [[nodiscard]] std::vector<Loss> all() const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool any() const noexcept LOCUM_EXCLUDES(mutex_);
  void note(const Loss& loss) noexcept LOCUM_EXCLUDES(mutex_);

  /// `then` is called, in the thread that adopts, whenever this process has adopted what a dead one had. What
  /// it throws has the adoption tried again. Whatever was to be called before is so no longer.
  void when_adopted(std::function<void()> then) LOCUM_EXCLUDES(mutex_);
  void adopted() LOCUM_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::function<void()> when_adopted_ LOCUM_GUARDED_BY(mutex_);
  std::vector<Loss> losses_ LOCUM_GUARDED_BY(mutex_);  // never beyond the capacity that it is made with
};

}  // namespace locum
