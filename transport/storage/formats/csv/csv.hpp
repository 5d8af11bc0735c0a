#pragma once

#include <memory>

#include <locum/format.hpp>

namespace locum::storage {

/// Returns the format of tables of text, with commas between fields. Values are members by the names of the
/// columns: arrays of `i64`, `u64`, `f64` or `bool`, and lists of texts.
///
/// The type of a column follows from all of its fields that are not in quotes: integers of 64 bits; else real
/// numbers, which are those that Python's float() reads; else `true` and `false` (also `True`, `TRUE` …);
/// else texts. A missing value makes a column of integers real, and is NaN among numbers, null in lists. An
/// integer that a column of reals cannot hold exactly is an error, unless the caller gives the type of the
/// column. Fields in quotes are texts, and what is saved is quoted accordingly: it comes back as equal
/// values, as `f64`, `i64` or `u64`, except that a NaN has neither sign nor payload, and a table without rows
/// no types. Blank lines are passed over. Two columns with one name, and rows with too few or too many fields
/// are errors.
[[nodiscard]] std::shared_ptr<const Format> csv_format();
/// Returns the same with tabulators between fields.
[[nodiscard]] std::shared_ptr<const Format> tsv_format();

}  // namespace locum::storage
