#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ports/backend.hpp"
#include "transport/storage/hdf5/identifier.hpp"

/// A record of the backend `hdf5:` as a dataset: the payload is its elements, as they are in memory. An
/// attribute of opaque bytes holds the record's revision (8 bytes) and all that follows the payload. Nothing
/// of this is trusted. The functions throw Error, and REQUIRE that hdf5_mutex() is held.
namespace locum::storage {

inline constexpr const char* record_attribute = "locum_record";

/// A record in a file.
struct StoredRecord {
  std::uint64_t revision = 0;
  std::vector<std::byte> end;               ///< its last bytes
  std::uint64_t payload_bytes = 0;          ///< the others, which the dataset has
  std::optional<std::uint64_t> payload_at;  ///< in the file; none: HDF5 has to read them

  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return payload_bytes + end.size(); }
};

/// Whether the dataset is a record.
[[nodiscard]] bool is_record(const Identifier& dataset);
/// `type_mismatch` if it is none, but another program's; `corrupt`.
[[nodiscard]] std::uint64_t revision_of(const Identifier& dataset);
/// All of it; errors as of revision_of(). `file_bytes`: the size of the file, which
/// bounds what the dataset may say of its own.
[[nodiscard]] StoredRecord read_stored(const Identifier& dataset, std::uint64_t file_bytes);
/// Where so many bytes of a dataset are in the file; none if they are not there as they are, one after the
/// other.
[[nodiscard]] std::optional<std::uint64_t> place_in_file(const Identifier& dataset, std::uint64_t bytes,
                                                         std::uint64_t file_bytes);

/// A dataset for a record, without its payload.
struct NewDataset {
  std::uint64_t payload_at = 0;  ///< where the caller writes it
  std::span<const std::byte> payload;
};
/// Makes it at that path: an array of numbers with type and extents of its own, if the record is one.
[[nodiscard]] NewDataset make_record(const Identifier& file, const std::string& file_path,
                                     const std::string& path, const NewRecord& record);

}  // namespace locum::storage
