#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/backend.hpp"
#include "transport/storage/hdf5/identifier.hpp"

/// Where the records of the backend `hdf5:` are in its file: those of a space are below a group of its name,
/// under the paths that dataset_path() gives to their names. Where `T` and `T/1` are records, `T` is
/// `T%value`, beside the group `T`. Other programs may have put anything else into the file; links to other
/// files, and soft ones, are not followed. All functions throw Error, and REQUIRE that hdf5_mutex() is held.
namespace locum::storage {

/// What a link of a group leads to.
struct LinkedObject {
  enum class Kind : std::uint8_t { nothing, group, dataset, other };
  Kind kind = Kind::nothing;
  Identifier object;  ///< open, if it is a group or a dataset
};
/// REQUIRES: the name has no `/`. `corrupt` if HDF5 cannot read what is there.
[[nodiscard]] LinkedObject look_at_link(const Identifier& group, const std::string& name);

/// Where a record is.
struct RecordPlace {
  std::vector<Identifier> groups;  ///< on the way: that of the file first
  std::vector<std::string> links;  ///< in these, the record's own at the end
  Identifier dataset;              ///< not open: there is no such record
  [[nodiscard]] bool is_there() const noexcept { return dataset.get() >= 0; }
};
[[nodiscard]] RecordPlace find_record(const Identifier& file, const RecordKey& key);
/// Gives the dataset at the path `from` the place of that record, in place of one that has it.
/// `type_mismatch` if something of another program is in its way.
void link_record(const Identifier& file, const RecordKey& key, const std::string& from);
/// Removes the record, and the groups that have nothing in them then. REQUIRES: it is there.
void unlink_record(RecordPlace place);
/// The names of records in a space that begin with a prefix. `timeout`.
[[nodiscard]] std::vector<std::string> names_of_records(const Identifier& file, std::string_view space,
                                                        std::string_view prefix, Deadline deadline);

}  // namespace locum::storage
