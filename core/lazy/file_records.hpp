#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/node/promised.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/file_reader.hpp"

namespace locum::detail {

class SessionState;

// Records that stand in place of objects that are in files (see FileParts).

/// Returns whether the object found under a name, or part of it, is a record that leads to part of a file, or
/// may be one.
[[nodiscard]] bool may_be_in_file(const Result<ObjectView>& found) noexcept;
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
/// Puts a record of a part under the name of `promised`.
[[nodiscard]] Result<Sealed> put_file_record(SessionState& session, const Key& promised,
                                             const PromiseRecord& record, const FilePart& part,
                                             const SealOptions& options, Deadline deadline);
/// Numbers of a part, one for each dimension.
[[nodiscard]] Extents file_extents(const std::vector<std::uint64_t>& values);

}  // namespace locum::detail
