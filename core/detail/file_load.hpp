#pragma once

#include <cstdint>
#include <optional>

#include "core/detail/session_state.hpp"
#include "core/ports/file_reader.hpp"

namespace locum::detail {

/// How a thread reads a part of a file.
struct LoadHow {
  Deadline::Clock::time_point until;     ///< of waits for others, and of messages
  Deadline::Clock::time_point patience;  ///< of one wait for another reader of the same part
  FileReader::Stopped stopped;           ///< of the reading
  bool in_background = false;            ///< in a thread of the library
};

/// What a record of a part of a file says; `corrupt` if it is no such record, or damaged.
[[nodiscard]] Result<FilePart> file_part_in(const ObjectView& record);
/// Puts a record of a part that nobody reads, unless something is under the name of `promised`.
[[nodiscard]] Result<void> put_file_part(SessionState& session, const Key& promised, const FilePart& part,
                                         Deadline deadline);
/// The object of a part of a file, after reading it if nobody has (see FileParts). None: another thread or
/// rank is still reading it, and there is time left.
[[nodiscard]] std::optional<Result<ObjectView>> load_file_part(SessionState& session, FileReader& reader,
                                                               const Key& promised, const LoadHow& how);

}  // namespace locum::detail
