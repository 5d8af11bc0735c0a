#pragma once

#include <string>
#include <string_view>

#include "core/ports/file_reader.hpp"
#include "core/value/hyperslab.hpp"

namespace locum::storage {

/// Finds a box of a dataset (none given: all of it), and how to read it. `element`: the canonical name of the
/// elements, which has to be that of the file's; empty: whatever these are. Throws Error: as open_dataset()
/// does; `type_mismatch`, which names both types; `invalid_argument` if the dataset does not have that box;
/// `corrupt` if the file is too short for it.
[[nodiscard]] FilePart find_part(const std::string& path, const std::string& dataset, const Hyperslab& slab,
                                 std::string_view element);

struct Dataset;
/// Fills in where the elements of a box are. REQUIRES: type, element size and extents of the part are there;
/// hdf5_mutex() is held. Throws Error as find_part() does.
void complete_part(FilePart& part, const Dataset& opened, const Hyperslab& slab);

/// Reads such parts. Plain elements by the system's own calls, in any thread; all others by HDF5, one thread
/// at a time.
class DatasetReader final : public FileReader {
 public:
  [[nodiscard]] Result<void> read(const FilePart& part, std::span<std::byte> into,
                                  const Stopped& stopped) override;
  [[nodiscard]] bool may_read_in_background(const FilePart& part) const override;
};

}  // namespace locum::storage
