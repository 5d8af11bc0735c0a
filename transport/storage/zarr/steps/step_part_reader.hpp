#pragma once

#include <cstdint>
#include <string>

#include "core/ports/file_reader.hpp"
#include "core/steps/step_record.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/zarr_place.hpp"

namespace locum::storage {

/// Returns a block of a step in a group, to be read by a ZarrPartReader. `corrupt` if it is not one of the
/// array. \param record metadata of the file that is written once with the step
[[nodiscard]] Result<FilePart> part_of_step(const ZarrPlace& group, std::uint64_t step,
                                            const AreaFacts& record, const std::string& variable,
                                            const ZarrMetadata& array, const detail::BlockRecord& block);

/// Reads such parts, in any thread.
class ZarrPartReader final : public FileReader {
 public:
  [[nodiscard]] Result<void> read(const FilePart& part, std::span<std::byte> into,
                                  const Stopped& stopped) override;
  [[nodiscard]] bool may_read_in_background(const FilePart& /*part*/) const override { return true; }
};

}  // namespace locum::storage
