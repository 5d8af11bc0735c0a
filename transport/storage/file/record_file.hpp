#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "core/ports/backend.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/file/root.hpp"

namespace locum::storage {

/// Of files that hold what was stored: nobody may write them, so they can be shown in place. Others are
/// copied when they are loaded: who writes them may cut them, which would end a process that has them in
/// place. The sticky bit, which means nothing else for a file, marks what ends as records of this library do:
/// where that end is missing, and nobody has made the file writable to change it, it was cut.
inline constexpr mode_t record_mode = 0444 | S_ISVTX;
/// Of those of wrappers, which end otherwise.
inline constexpr mode_t wrapped_mode = 0444;
/// Of files that hold a payload alone, which other programs may change.
inline constexpr mode_t plain_mode = 0666;

/// Loads the record at a path below the root: see Backend::load(). Its revision is the moment of its change.
[[nodiscard]] Result<LoadedRecord> load_file(const FileRoot& root, const std::string& path,
                                             std::uint64_t last_bytes, Deadline deadline);
/// The revision of the record at a path; `not_found`.
[[nodiscard]] Result<std::uint64_t> revision_at(const FileRoot& root, const std::string& path);

}  // namespace locum::storage
