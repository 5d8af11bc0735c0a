#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

// An entry is a record of a backend as JSON shows it:
//
//   {"value": 1.5, "type": "f64", "object": {"key": "1/2/3", "generation": 7}}
//
// `value` is what the object holds: a number; nested lists of the elements of a short array; a text, of type
// char[]; the values of a Record (locum.record), or of the codec `json`. `base64` in its place are the bytes
// of any other object, as they are in memory. `extents` are there for those, for an array without elements,
// and where an array was stored with its one extent. `layout` is there where the type does not tell it.
// `object` has what else is stored of it: its key and generation, `name` if the record's is another one,
// `expires_ns` since 1970, `checksum` if it has one.
//
//   {"bytes": "AAEC"}
//
// is a record that another part of the library wrote, in base64: that of a wrapper, say. Anything else was
// written by hand: the value of a new object.

/// Returns the entry of a record.
/// \param name of the record in its space
[[nodiscard]] Result<Record> json_entry_of(std::span<const std::byte> record, std::string_view name);
/// Returns the record for which an entry stands, after it was edited, too. `corrupt` if its value is not of
/// its type.
[[nodiscard]] Result<std::vector<std::byte>> record_of_json_entry(const Record& entry, std::string_view name);

}  // namespace locum::storage
