#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include <locum/options.hpp>

namespace locum::detail {

class SessionState;

/// State that the Store values of one `open`, or of one collection, share.
struct OpenStore {
  std::shared_ptr<SessionState> session;
  std::uint32_t number = 0;
  std::string name;
  std::string collection;  ///< with the collections that contain it: `step42/ghosts`; empty: the store itself
  StoreOptions options;
  std::atomic<std::uint32_t> dropped{0};  ///< 1: by Session::drop()
  /// The shortest lifetime passed to expect_expiry().
  std::atomic<std::int64_t> shortest_lifetime_ms{std::numeric_limits<std::int64_t>::max()};

  void drop() noexcept { dropped.exchange(1, std::memory_order_acq_rel); }
  /// Whether the store was dropped; called after an object was published. Both sides read and write the word,
  /// so that one comes first: this learns of the drop, or the drop finds the object.
  [[nodiscard]] bool dropped_meanwhile() noexcept {
    return dropped.fetch_or(0, std::memory_order_acq_rel) != 0;
  }
};

}  // namespace locum::detail
