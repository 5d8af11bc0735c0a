#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/key_locks.hpp"
#include "transport/storage/zarr/chunk_files.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/read_ahead.hpp"

namespace locum::detail {

/// What copies of a ZarrArray share. Any thread.
class ZarrState {
 public:
  /// An array as its metadata were at some time. It does not change.
  struct Now {
    Now(std::shared_ptr<storage::FileArea> area, std::string path, storage::ZarrMetadata described)
        : metadata(std::move(described)), files(std::move(area), std::move(path), metadata) {}

    const storage::ZarrMetadata metadata;
    const storage::ChunkFiles files;
  };

  ZarrState(std::shared_ptr<storage::FileArea> area, std::string path, storage::ZarrMetadata metadata)
      : area_(std::move(area)),
        path_(std::move(path)),
        now_(std::make_shared<const Now>(area_, path_, std::move(metadata))) {}

  [[nodiscard]] std::shared_ptr<const Now> now() const LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return now_;
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Lets the caller alone change the metadata, until what is returned is destroyed, and reads them again.
  /// `timeout`; the errors of ZarrArray::open().
  [[nodiscard]] Result<storage::KeyLocks::Held> begin_change(Deadline deadline) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] storage::ReadAhead& ahead() noexcept { return ahead_; }
  /// Writes metadata in place of what is there, and takes them over.
  [[nodiscard]] Result<void> replace(storage::ZarrMetadata metadata) LOCUM_EXCLUDES(mutex_);

 private:
  void take_over(storage::ZarrMetadata metadata) LOCUM_EXCLUDES(mutex_);

  const std::shared_ptr<storage::FileArea> area_;
  const std::string path_;
  mutable Mutex mutex_;
  std::shared_ptr<const Now> now_ LOCUM_GUARDED_BY(mutex_);
  storage::KeyLocks changes_;
  storage::ReadAhead ahead_;
};

/// Writes the files of metadata into a folder of an area, one after the other.
[[nodiscard]] Result<void> write_metadata(storage::FileArea& area, const std::string& path,
                                          const std::vector<storage::MetadataFile>& files);

}  // namespace locum::detail
