#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/array.hpp"
#include "core/c/locum.h"
#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::c {

/// Reads a stored Record in the caller's memory, to which its arrays refer. `invalid_argument` if it is
/// something else.
[[nodiscard]] Result<Record> stored_record(const locum_array& array);
/// Returns a value in the caller's memory, to which it refers: see locum_files_save().
[[nodiscard]] Result<Record> record_in(const locum_array& array);

/// A value as the C interface describes it, and what keeps its memory.
struct DescribedValue {
  std::shared_ptr<const void> owner;
  locum_array array{};
  std::uint64_t size_bytes = 0;
};
/// Describes an array in place, one number, a text or bytes; anything else as the bytes of a stored Record.
/// `out_of_memory`.
[[nodiscard]] Result<DescribedValue> described(const Record& value);
/// Describes any value as the bytes of a stored Record. `out_of_memory`.
[[nodiscard]] Result<DescribedValue> described_as_record(const Record& value);

/// Gives a value that is no object of a store; or returns the error.
[[nodiscard]] locum_status give_value(const Result<Record>& value, locum_view& view);

/// Returns the member under a path of names, as `solver/steps`; a member whose name has the `/` comes first.
/// `not_found` names those that there are; `type_mismatch` if what should have members has none.
[[nodiscard]] Result<Record> member_at(const Record& value, std::string_view path);

}  // namespace locum::c
