#pragma once

#include "core/value/result.hpp"
#include "transport/storage/zarr/data_type.hpp"
#include "transport/storage/zarr/metadata.hpp"

namespace locum::storage {

/// Returns the type of elements in a chunk.
[[nodiscard]] inline ZarrType zarr_type_of(const ZarrMetadata& metadata) {
  return {.element = metadata.element,
          .is_half = metadata.is_half,
          .is_big_endian = metadata.coding.is_big_endian && metadata.stored_bytes() > 1};
}
/// Checks extents that were read, and their products. \param chunks path of the member that has those of
/// chunks
[[nodiscard]] Result<void> check_zarr_extents(const ZarrMetadata& metadata, std::string_view chunks);
/// Checks what a program made. `invalid_argument` says what is wrong.
[[nodiscard]] Result<void> check_made_metadata(const ZarrMetadata& metadata);

[[nodiscard]] Result<std::vector<MetadataFile>> write_zarr_v2(const ZarrMetadata& metadata);
[[nodiscard]] Result<std::vector<MetadataFile>> write_zarr_v3(const ZarrMetadata& metadata);
/// Makes a file of metadata.
[[nodiscard]] Result<MetadataFile> metadata_file_of(std::string path, Record content);

}  // namespace locum::storage
