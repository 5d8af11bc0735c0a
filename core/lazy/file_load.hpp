#pragma once

#include <optional>

#include "core/detail/session_state.hpp"
#include "core/object/address.hpp"
#include "core/ports/file_reader.hpp"

namespace locum::detail {

/// How a thread reads a part of a file.
struct LoadHow {
  Deadline::Clock::time_point until;     ///< of waits for others, and of messages
  Deadline::Clock::time_point patience;  ///< of one wait for another reader of the same part
  FileReader::Stopped stopped;           ///< of the reading
  bool in_background = false;            ///< in a thread of the library
};

/// The object under a name, which is a promise's or leads to one, after reading it if nobody has (see
/// FileParts). None: another thread or rank is still reading it, and there is time left.
[[nodiscard]] std::optional<Result<ObjectView>> load_file_part(SessionState& session, FileReader& reader,
                                                               const Address& name, const LoadHow& how);
/// Whether that is because a thread of the library may not read it: then the one that uses it has to.
[[nodiscard]] bool is_left_to_caller(const Error& error) noexcept;

}  // namespace locum::detail
