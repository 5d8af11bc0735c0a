#pragma once

#include <string_view>

#include <locum/format.hpp>

#include "transport/storage/formats/json/json_options.hpp"

namespace locum::storage {

/// Reads one value. Throws std::bad_alloc.
[[nodiscard]] Result<Record> json_read(std::string_view text, const JsonOptions& options);
/// Returns the value with arrays instead of nested lists of numbers: of `i64`, of `u64` if that holds all, or
/// of `f64` if that holds all exactly. Lists of other values, without values or of different lengths, and
/// those of more than max_rank dimensions, stay lists (of arrays, maybe). Throws std::bad_alloc.
[[nodiscard]] Result<Record> json_with_arrays(const Record& value, const MakeArray& make);
/// Writes a value, and a newline behind it. Throws std::bad_alloc.
[[nodiscard]] Result<void> json_write(const Record& value, FileDraft& file, const JsonOptions& options);

}  // namespace locum::storage
