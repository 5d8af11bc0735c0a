#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/record.hpp"
#include "core/steps/step_files.hpp"
#include "core/steps/step_record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/zarr/zarr_place.hpp"

/// How the group of a stream of steps is laid out, which docs/guide/zarr.md describes: an array for each
/// variable, whose first dimension is the step; in the metadata of the group the number of steps that are
/// whole; in a folder that is neither array nor group, a record of each step.
namespace locum::storage {

inline constexpr std::uint64_t zarr_steps_format = 1;

/// What the attributes of the group say of the stream.
struct ZarrStepsHeader {
  std::uint64_t writers = 0;
  std::uint64_t steps = 0;  ///< that are whole
  bool has_ended = false;
  std::optional<Error> failure = {};  ///< why there are no more steps, although the stream has not ended
};

/// Returns the attributes of a group, and what those of a group say: `corrupt` if they are not of a stream;
/// `unsupported` of a newer version of this library.
[[nodiscard]] Record zarr_steps_attributes(const ZarrStepsHeader& header);
[[nodiscard]] Result<ZarrStepsHeader> zarr_steps_header(const Record& attributes);

/// Returns the path of a stream without a slash at its end.
[[nodiscard]] std::string zarr_steps_path(const std::string& path);
/// Opens the group in a folder of the system. `not_found` if there is no such folder; `corrupt` if it is a
/// file.
[[nodiscard]] Result<ZarrPlace> open_zarr_steps(const std::string& path);
/// Reads what is in the file of the group. The errors of both; `not_found` if there is no group.
[[nodiscard]] Result<ZarrStepsHeader> read_zarr_steps(const ZarrPlace& place);

/// Returns the path of the record of a step in its group.
[[nodiscard]] std::string zarr_step_record_path(std::uint64_t number);
[[nodiscard]] Result<void> write_zarr_step_record(const ZarrPlace& place, std::uint64_t number,
                                                  const detail::StepRecord& step);
/// `corrupt` if it is damaged, missing or that of another step.
[[nodiscard]] Result<detail::StepRecord> read_zarr_step_record(const ZarrPlace& place, std::uint64_t number);

/// Returns an error about a variable, as the text names it.
[[nodiscard]] Error about_step_variable(const std::string& name, const Error& error);

}  // namespace locum::storage
