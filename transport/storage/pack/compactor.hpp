#pragma once

#include "core/base/background_thread.hpp"
#include "core/value/result.hpp"
#include "transport/storage/pack/state.hpp"

namespace locum::storage {

/// Compacts a pack that is written, now or in a thread of its own. Any thread may call.
class PackCompactor {
 public:
  explicit PackCompactor(PackState& pack) noexcept : pack_(pack) {}
  PackCompactor(const PackCompactor&) = delete;
  PackCompactor& operator=(const PackCompactor&) = delete;

  /// Compacts it now, in this thread.
  [[nodiscard]] Result<void> compact();
  /// Compacts it in the thread, if it is still worth it then.
  void compact_later() LOCUM_EXCLUDES(pack_.mutex);
  /// Waits until the thread has ended. REQUIRES: `is_closing`.
  void join() noexcept { thread_.join(); }

 private:
  void compact_again_and_again();

  PackState& pack_;
  BackgroundThread thread_;
};

}  // namespace locum::storage
