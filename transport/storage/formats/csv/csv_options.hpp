#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/format.hpp>

namespace locum::storage {

/// The characters of a table; 0 for one that it does not have.
struct CsvDialect {
  char separator = ',';
  char quote = '"';
  char comment = '\0';
  char decimal = '.';
};

struct CsvOptions {
  CsvDialect dialect;
  bool header = true;          ///< whether the first row has the names of the columns
  bool quoted_values = false;  ///< whether fields in quotes may be numbers, truth values or missing ones
  bool is_latin1 = false;
  std::uint64_t skip_rows = 0;
  std::optional<std::vector<std::string>> columns;         ///< only these; all if there is no list
  std::vector<std::pair<std::string, std::string>> types;  ///< of columns, by their names
  std::string type_of_all;                                 ///< of all columns; empty if there is none
  std::vector<std::string> missing{"", "NA", "N/A", "NaN", "nan", "null", "NULL"};
};

[[nodiscard]] std::span<const FormatOption> csv_option_list() noexcept;
/// Reads the options of a table whose fields are separated by `separator` unless these say otherwise.
[[nodiscard]] Result<CsvOptions> csv_options(const Record& options, char separator);

/// Returns the text without the blanks and tabulators around it.
[[nodiscard]] std::string_view csv_trimmed(std::string_view text) noexcept;
/// Returns whether a text, without the blanks around it, stands for a missing value.
[[nodiscard]] bool csv_is_missing(const CsvOptions& options, std::string_view trimmed) noexcept;
/// Returns the truth value of `true`, `True`, `TRUE`, `false`, `False` or `FALSE`.
[[nodiscard]] std::optional<bool> csv_truth(std::string_view trimmed) noexcept;

}  // namespace locum::storage
