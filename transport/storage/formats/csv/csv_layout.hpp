#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <locum/result.hpp>

#include "transport/storage/formats/csv/csv_options.hpp"

namespace locum::storage {

/// Where the rows of a table begin, and how its columns are called.
struct CsvLayout {
  std::vector<std::string> names;  ///< unique
  std::string_view rows;
  std::uint64_t lines = 0;  ///< before the rows
};

/// Reads the beginning of a table: a byte order mark, the lines to pass over, and the names of the columns
/// or, without a header, the number of fields of the first row. Without a header and rows there are no
/// columns.
[[nodiscard]] Result<CsvLayout> csv_layout(std::string_view bytes, const CsvOptions& options);

/// Returns `corrupt`, in a line that is counted from 0 on.
[[nodiscard]] Error csv_corrupt(std::uint64_t line, const std::string& text);

}  // namespace locum::storage
