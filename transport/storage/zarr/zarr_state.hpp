#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/key_locks.hpp"
#include "transport/storage/zarr/chunk_files.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/read_ahead.hpp"
#include "transport/storage/zarr/zarr_place.hpp"

namespace locum::detail {

/// What copies of a ZarrArray share. Any thread.
class ZarrState {
 public:
  /// An array as its metadata were at some time. It does not change.
  struct Now {
    Now(const storage::ZarrPlace& place, storage::ZarrMetadata described)
        : metadata(std::move(described)), files(place, metadata) {}

    const storage::ZarrMetadata metadata;
    const storage::ChunkFiles files;
  };

  ZarrState(storage::ZarrPlace place, storage::ZarrMetadata metadata)
      : place_(std::move(place)), now_(std::make_shared<const Now>(place_, std::move(metadata))) {}

  [[nodiscard]] std::shared_ptr<const Now> now() const LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return now_;
  }
  [[nodiscard]] const std::string& path() const noexcept { return place_.path; }
  [[nodiscard]] storage::ReadAhead& ahead() noexcept { return ahead_; }
  /// Returns the metadata that are to take the place of those that are there now, which others may have
  /// changed; may write files of the array before. Called at most once.
  using Change = std::function<Result<storage::ZarrMetadata>(const Now& now)>;
  /// Changes the metadata but for the attributes. Threads of this process do so one after the other; so do
  /// programs, where the area has locks; where it only tells of others, `stale`. The errors of `make` and of
  /// ZarrArray::open(); `timeout`.
  [[nodiscard]] Result<void> change(Deadline deadline, const Change& make) LOCUM_EXCLUDES(mutex_);
  /// Changes the attributes; as change(), in version 3.
  [[nodiscard]] Result<void> set_attributes(Deadline deadline, const Record& attributes)
      LOCUM_EXCLUDES(mutex_);
  /// Returns whether the array has by now more elements in a dimension than it is known to have here, and
  /// takes its metadata over then.
  [[nodiscard]] bool has_grown(const Now& known) LOCUM_EXCLUDES(mutex_);
  /// Writes metadata in place of what is there, and takes them over.
  [[nodiscard]] Result<void> replace(storage::ZarrMetadata metadata) LOCUM_EXCLUDES(mutex_);

 private:
  /// Returns what a change makes of the metadata that are there.
  [[nodiscard]] Result<storage::ZarrMetadata> changed_metadata(const Change& make) LOCUM_EXCLUDES(mutex_);
  void take_over(storage::ZarrMetadata metadata) LOCUM_EXCLUDES(mutex_);

  const storage::ZarrPlace place_;
  mutable Mutex mutex_;
  std::shared_ptr<const Now> now_ LOCUM_GUARDED_BY(mutex_);
  storage::KeyLocks changes_;
  storage::ReadAhead ahead_;
};

/// Reads the metadata of an array. \param path for errors
[[nodiscard]] Result<storage::ZarrMetadata> zarr_metadata_in(const storage::ZarrPlace& place,
                                                             std::string_view path);
/// Writes the files of metadata into a folder of an area, one after the other.
[[nodiscard]] Result<void> write_metadata(storage::FileArea& area, const std::string& path,
                                          const std::vector<storage::MetadataFile>& files);

}  // namespace locum::detail
