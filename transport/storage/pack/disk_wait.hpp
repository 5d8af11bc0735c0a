#pragma once

#include <cstdint>

#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/pack/state.hpp"

namespace locum::storage {

/// Brings what was appended to a pack to the disk: one of the threads that wait does it for all of them. Any
/// thread.
class PackDiskWait {
 public:
  explicit PackDiskWait(PackState& pack) noexcept : pack_(pack) {}

  /// Waits until the disk has that change, if the pack is one that waits. `timeout`: it may still.
  [[nodiscard]] Result<void> until_on_disk(std::uint64_t change, Deadline deadline);

 private:
  PackState& pack_;
  bool is_syncing_ LOCUM_GUARDED_BY(pack_.mutex) = false;
};

}  // namespace locum::storage
