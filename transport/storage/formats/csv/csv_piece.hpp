#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <locum/error.hpp>

#include "transport/storage/formats/csv/csv_column.hpp"
#include "transport/storage/formats/csv/csv_options.hpp"

namespace locum::storage {

/// What is wrong in a piece.
struct CsvFault {
  Errc code;
  std::uint64_t line;  ///< in the piece, from 0 on
  std::string text;    ///< continues "line 17: "
};

/// Consecutive lines of a table, and their fields by columns.
struct CsvPiece {
  std::string_view bytes;
  std::vector<CsvColumn> columns;
  std::uint64_t rows = 0;
  std::uint64_t lines = 0;
  std::optional<CsvFault> fault;
};

/// Reads whole lines. Depends on its arguments only: threads may read pieces of one table concurrently. Blank
/// lines are passed over. Throws std::bad_alloc.
[[nodiscard]] CsvPiece csv_read_piece(std::string_view bytes, const std::vector<CsvColumnPlan>& plans,
                                      const CsvOptions& options);
/// Gives the columns of a piece these kinds, and reads the columns again whose fields do not follow from what
/// is known. Depends on its arguments only. Throws std::bad_alloc.
void csv_settle_piece(CsvPiece& piece, const std::vector<CsvColumnPlan>& plans,
                      const std::vector<CsvKind>& kinds, const CsvOptions& options);

/// Splits the lines of a table into at most `count` pieces of whole rows, of about equal sizes.
[[nodiscard]] std::vector<std::string_view> csv_split(std::string_view bytes, std::size_t count,
                                                      const CsvDialect& dialect);

}  // namespace locum::storage
