#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/ports/connector.hpp"
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
/// Puts a record of an object of a checkpoint, in place of any under the name of `promised`. If the object
/// has a name of its own, a record that leads to the promise comes under that: `key_exists` if the name is
/// live. `made` gets the keys of both, also if the second one fails.
[[nodiscard]] Result<void> put_restored_part(SessionState& session, const Key& promised, const FilePart& part,
                                             Deadline deadline, std::vector<Key>& made);
/// Puts a record under a name.
[[nodiscard]] Result<Sealed> put_promise_record(SessionState& session, std::uint32_t store,
                                                std::string_view name, const PromiseRecord& record,
                                                const SealOptions& options, Deadline deadline);
/// The object under a name, which is a promise's or leads to one, after reading it if nobody has (see
/// FileParts). None: another thread or rank is still reading it, and there is time left.
[[nodiscard]] std::optional<Result<ObjectView>> load_file_part(SessionState& session, FileReader& reader,
                                                               const Address& name, const LoadHow& how);
/// Whether that is because a thread of the library may not read it: then the one that uses it has to.
[[nodiscard]] bool is_left_to_caller(const Error& error) noexcept;

}  // namespace locum::detail
