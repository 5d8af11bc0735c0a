#pragma once

#include <span>
#include <string>

#include "core/object/object.hpp"
#include "core/ports/file_reader.hpp"
#include "core/steps/step_record.hpp"

namespace locum::storage {

/// Writes the file of one writer of the step of that number, and waits until it is on the disk. Enters into
/// the blocks their places and element sizes. Throws Error `system`.
void write_step_part(const std::string& path, std::uint64_t number, detail::StepRecord& part,
                     std::span<const ObjectView> objects);
/// A block of such a file, to be read. Throws Error: `not_found`, `corrupt` (also of another step), `system`.
[[nodiscard]] FilePart find_block_in(const std::string& path, std::uint64_t number,
                                     const detail::BlockRecord& block);

}  // namespace locum::storage
