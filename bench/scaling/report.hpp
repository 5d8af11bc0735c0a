#pragma once

#include <string>
#include <vector>

#include "bench/scaling/machine.hpp"
#include "bench/scaling/row.hpp"

namespace scaling {

/// The version of what to_json() writes: it changes when a reader of an older one would go wrong.
inline constexpr int schema_version = 1;

/// Lines for people: the machine, the head of the table, a row of it. Rows are printed one by one, since each
/// takes its time; `before`: the row above, which may have the same name.
[[nodiscard]] std::string describe(const Machine& machine);
[[nodiscard]] std::string table_head(const std::string& mode);
[[nodiscard]] std::string table_row(const Row& row, const Row* before);
[[nodiscard]] std::string table_row(const SkippedRow& row);
/// What a reader of the table wants to know about the columns.
[[nodiscard]] std::string table_foot(const Machine& machine);

/// All of it for programs: see README.md.
[[nodiscard]] std::string to_json(const Machine& machine, const std::vector<Row>& rows,
                                  const std::vector<SkippedRow>& skipped);

}  // namespace scaling
