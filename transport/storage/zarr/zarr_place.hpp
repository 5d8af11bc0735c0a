#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/shared_parts.hpp"
#include "transport/storage/zarr/zarr.hpp"

namespace locum::storage {

/// A folder of an area, that of an array or a group.
struct ZarrPlace {
  std::shared_ptr<FileArea> area;
  std::string path;
  std::shared_ptr<SharedParts> parts{};  ///< of the node, where chunks that were decoded are; null: nowhere

  [[nodiscard]] std::string below(std::string_view name) const {
    return path.empty() ? std::string(name) : path + '/' + std::string(name);
  }
  /// Returns what a file of metadata holds; none: there is no such file.
  /// \param tells_folders false: a folder of that name may count as none, which saves backends a look
  [[nodiscard]] Result<std::optional<std::string>> text(std::string_view name,
                                                        bool tells_folders = true) const;
};
[[nodiscard]] Result<ZarrPlace> zarr_place(const Files& files, std::string_view path,
                                           const PathOptions& options);

/// What describes an array or a group: the first of these that is there.
struct ZarrTexts {
  std::optional<std::string> v3;     ///< zarr.json
  std::optional<std::string> array;  ///< .zarray
  std::optional<std::string> group;  ///< .zgroup

  [[nodiscard]] bool are_there() const noexcept { return v3 || array || group; }
  /// Whether they probably describe a group; a wrong text is an array's.
  [[nodiscard]] bool is_group() const;
};
[[nodiscard]] Result<ZarrTexts> zarr_texts(const ZarrPlace& place);
/// `invalid_argument` if one of the folders above is an array, whose folder is for its chunks alone; names
/// it. \param path as the program gave it, for errors
[[nodiscard]] Result<void> check_above_zarr(const ZarrPlace& place, std::string_view path);

/// Returns the extents of chunks of about 1 MiB, the fastest dimensions whole: what lies together in memory
/// lies in few chunks.
[[nodiscard]] Extents usual_zarr_chunks(const Extents& shape, std::uint64_t element_bytes);

}  // namespace locum::storage

namespace locum::detail {

/// ZarrArray::open() and create(). \param path as the program gave it, for errors
[[nodiscard]] Result<ZarrArray> open_zarr(const storage::ZarrPlace& place, std::string_view path);
[[nodiscard]] Result<ZarrArray> create_zarr(const storage::ZarrPlace& place, std::string_view path,
                                            const ZarrLayout& layout);
/// The first part of create_zarr(): an array that may be written, and that nobody opens before the second
/// part.
[[nodiscard]] Result<ZarrArray> begin_zarr(const storage::ZarrPlace& place, std::string_view path,
                                           const ZarrLayout& layout);
[[nodiscard]] Result<void> finish_zarr(const ZarrArray& array);

}  // namespace locum::detail
