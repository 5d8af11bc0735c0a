#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/zarr_group.hpp"
#include "transport/storage/zarr/zarr_place.hpp"

namespace locum::storage {

/// The consolidated metadata of a group, and where those of a group in it begin.
struct ConsolidatedBelow {
  std::shared_ptr<const Record> entries;  ///< null: they are not used
  std::string prefix;                     ///< "a/b/"

  [[nodiscard]] explicit operator bool() const noexcept { return entries != nullptr; }
  /// Returns what a file of metadata below holds; null if there is none.
  [[nodiscard]] const Record& operator[](std::string_view path) const {
    return (*entries)[prefix + std::string(path)];
  }
};

/// Reads what describes the group at a place, and its consolidated metadata, where there are some, if they
/// are wanted. \param path as the program gave it, for errors
[[nodiscard]] Result<ZarrGroupMetadata> read_zarr_group(const ZarrPlace& place, std::string_view path,
                                                        bool consolidated);
/// Returns what is directly below a group.
[[nodiscard]] Result<std::vector<ZarrMember>> zarr_members(const ZarrPlace& place, int version);
[[nodiscard]] std::vector<ZarrMember> zarr_members(const ConsolidatedBelow& all, int version);
/// Returns the metadata of all below a group, of the version of `group`.
[[nodiscard]] Result<void> consolidate_zarr(const ZarrPlace& place, ZarrGroupMetadata& group);

}  // namespace locum::storage

namespace locum::detail {

/// What copies of a ZarrGroup share. Any thread.
class ZarrGroupState {
 public:
  ZarrGroupState(storage::ZarrPlace place, int version, Record attributes,
                 storage::ConsolidatedBelow consolidated)
      : place_(std::move(place)),
        version_(version),
        consolidated_(std::move(consolidated)),
        attributes_(std::move(attributes)) {}

  [[nodiscard]] const storage::ZarrPlace& place() const noexcept { return place_; }
  [[nodiscard]] int version() const noexcept { return version_; }
  [[nodiscard]] const storage::ConsolidatedBelow& consolidated() const noexcept { return consolidated_; }
  [[nodiscard]] storage::ZarrPlace below(std::string_view name) const {
    return {place_.area, place_.below(name), place_.parts};
  }
  [[nodiscard]] Record attributes() const LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return attributes_;
  }
  void set_attributes(Record attributes) const LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    attributes_ = std::move(attributes);
  }

 private:
  const storage::ZarrPlace place_;
  const int version_;
  const storage::ConsolidatedBelow consolidated_;
  mutable Mutex mutex_;
  mutable Record attributes_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
