#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "transport/storage/formats/csv/csv_number.hpp"
#include "transport/storage/formats/csv/csv_table.hpp"
#include "transport/storage/formats/text/draft_text.hpp"
#include "transport/storage/formats/text/element_number.hpp"
#include "transport/storage/formats/text/real_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

Error csv_unwritable(const std::string& name, const std::string& reason) {
  return Error(Errc::type_mismatch, "the column \"" + name.substr(0, 128) + "\" " + reason);
}

/// Writes fields so that they are read as the same values.
class CsvFieldWriter {
 public:
  explicit CsvFieldWriter(const CsvOptions& options) : options_(options) {
    const auto& missing = options.missing;
    const auto first = std::ranges::find_if(missing, [](const std::string& text) { return !text.empty(); });
    has_empty_missing_ = std::ranges::count(missing, std::string()) != 0;
    missing_ = first == missing.end() ? std::string() : *first;
  }

  void real(std::string& line, double value) const {
    if (std::isnan(value)) {
      line += "nan";
      return;
    }
    if (std::isinf(value)) {
      line += value < 0 ? "-inf" : "inf";
      return;
    }
    const std::size_t begin = line.size();
    append_real(line, value);
    if (const std::size_t point = line.find('.', begin); point != std::string::npos) {
      line[point] = options_.dialect.decimal;
    }
  }
  /// Returns the reason why a text cannot be written; nothing if it was.
  [[nodiscard]] std::string text(std::string& line, std::string_view value, bool is_name) const {
    if (!is_utf8(value)) {
      return "has a text that is no UTF-8; save it in a format that holds bytes";
    }
    const bool is_like_value = !is_name && would_be_other_value(value);
    if (!is_like_value && !needs_quotes(value)) {
      line += value;
      return {};
    }
    if (is_like_value && options_.quoted_values) {
      return "has a text that would be loaded as another value; leave out the option 'quoted_values'";
    }
    const char quote = options_.dialect.quote;
    if (quote == '\0') {
      return "has a text that needs quotes; leave out the option 'quote'";
    }
    line += quote;
    for (const char c : value) {
      line += c;
      if (c == quote) {
        line += c;
      }
    }
    line += quote;
    return {};
  }
  /// The same. \param is_alone whether the table has one column: an empty line would be passed over
  [[nodiscard]] std::string missing(std::string& line, bool is_alone) const {
    if (!has_empty_missing_ || is_alone) {
      line += missing_;
      return missing_.empty() ? "has a missing value, for which the option 'missing' gives no text" : "";
    }
    return {};
  }

 private:
  [[nodiscard]] bool needs_quotes(std::string_view text) const {
    const CsvDialect& dialect = options_.dialect;
    const auto has = [text](char c) { return c != '\0' && text.find(c) != std::string_view::npos; };
    return csv_trimmed(text).size() != text.size() || text.empty() || has(dialect.separator) ||
           has(dialect.quote) || has(dialect.comment) || has('\n') || has('\r') ||
           text.starts_with("\xEF\xBB\xBF");
  }
  /// Whether a text without quotes is a number, a truth value or a missing one.
  [[nodiscard]] bool would_be_other_value(std::string_view text) const {
    const std::string_view trimmed = csv_trimmed(text);
    const char* const end = trimmed.data() + trimmed.size();
    return csv_scan(trimmed.data(), end, options_.dialect.decimal).end == end || csv_not_finite(trimmed) ||
           csv_truth(trimmed) || csv_is_missing(options_, trimmed);
  }

  const CsvOptions& options_;
  std::string missing_;
  bool has_empty_missing_ = false;
};

/// A column that is being saved.
struct CsvSavedColumn {
  std::string name;
  Array array{};            ///< of one dimension; none for a list
  std::int64_t offset = 0;  ///< of the first element, in bytes
  ElementNumberType type{};
  const Record::List* list = nullptr;
  std::uint64_t rows = 0;
};

/// Checks that a list of one column comes back as the same values: they are all of one kind. Texts and truth
/// values may lack.
Result<void> csv_check_list(const std::string& name, const Record::List& list) {
  Record::Kind common = Record::Kind::null;
  bool has_missing = false;
  for (const Record& value : list) {
    const Record::Kind kind = value.kind();
    if (kind == Record::Kind::null) {
      has_missing = true;
      continue;
    }
    const bool is_held = kind == Record::Kind::text || kind == Record::Kind::boolean ||
                         kind == Record::Kind::integer || kind == Record::Kind::real;
    if (!is_held || (common != Record::Kind::null && kind != common)) {
      return csv_unwritable(name,
                            "is a list of several kinds of values, or of such that are no texts, numbers "
                            "or truth values; give each column values of one kind");
    }
    common = kind;
  }
  if (has_missing && common != Record::Kind::text && common != Record::Kind::boolean) {
    return csv_unwritable(name,
                          "is a list of numbers with null, or of null alone; give NaN for a number that is "
                          "missing");
  }
  return {};
}

Result<CsvSavedColumn> csv_saved_array(std::string name, const Array& array, std::int64_t offset) {
  const auto type = element_number_type(array.element().name());
  if (!type) {
    return csv_unwritable(name, "has elements of the type " + array.element().name() +
                                    ", which a table of text does not hold; save it as npy or HDF5");
  }
  CsvSavedColumn column;
  column.name = std::move(name);
  column.array = array;
  column.type = *type;
  column.offset = offset;
  column.rows = array.extents()[0];
  return column;
}

Result<CsvSavedColumn> csv_saved_column(const std::string& name, const Record& value) {
  if (value.kind() == Record::Kind::list) {
    if (auto checked = csv_check_list(name, value.list()); !checked) {
      return checked.error();
    }
    CsvSavedColumn column;
    column.name = name;
    column.list = &value.list();
    column.rows = value.size();
    return column;
  }
  const Array array = value.array();
  if (!array || array.extents().size() != 1) {
    return csv_unwritable(name,
                          "is neither an array of one dimension nor a list; a table has columns of "
                          "equal lengths");
  }
  return csv_saved_array(name, array, 0);
}

Result<std::vector<CsvSavedColumn>> csv_columns_of_array(const Array& array) {
  const Extents& extents = array.extents();
  if (extents.size() != 1 && extents.size() != 2) {
    return Error(Errc::type_mismatch,
                 "an array has to have one or two dimensions to be a table; this one has " +
                     std::to_string(extents.size()));
  }
  const std::uint64_t count = extents.size() == 1 ? 1 : extents[1];
  if (extents[0] == 0 && count > 1U << 16U) {
    return Error(Errc::type_mismatch, "an array without elements has too many columns for a table");
  }
  std::vector<CsvSavedColumn> columns;
  for (std::uint64_t at = 0; at < count; ++at) {
    const auto offset = at == 0 ? 0 : static_cast<std::int64_t>(at) * array.stride(1);
    auto column = csv_saved_array("c" + std::to_string(at), array, offset);
    if (!column) {
      return column.error();
    }
    columns.push_back(std::move(*column));
  }
  return columns;
}

Result<std::vector<CsvSavedColumn>> csv_saved_columns(const Record& value, const CsvOptions& options) {
  if (value.kind() == Record::Kind::array) {
    return csv_columns_of_array(value.array());
  }
  if (value.kind() != Record::Kind::members) {
    return Error(Errc::type_mismatch, "a table has to be an array, or members that are its columns");
  }
  for (const std::string& name : options.columns.value_or(std::vector<std::string>())) {
    if (value.members().find(name) == nullptr) {
      return Error(Errc::invalid_argument,
                   "the option 'columns' names \"" + name + "\", which is no member of the table");
    }
  }
  std::vector<CsvSavedColumn> columns;
  for (const auto& [name, member] : value.members()) {
    if (options.columns && std::ranges::find(*options.columns, name) == options.columns->end()) {
      continue;
    }
    auto column = csv_saved_column(name, member);
    if (!column) {
      return column.error();
    }
    if (column->rows != (columns.empty() ? column->rows : columns[0].rows)) {
      return csv_unwritable(name, "has " + std::to_string(column->rows) + " rows, and \"" + columns[0].name +
                                      "\" has " + std::to_string(columns[0].rows) +
                                      "; they have to be equal");
    }
    columns.push_back(std::move(*column));
  }
  return columns;
}

/// Appends a field. Returns the reason why it cannot be written; nothing if it was.
std::string csv_append_field(std::string& line, const CsvFieldWriter& writer, const CsvSavedColumn& column,
                             std::uint64_t row, bool is_alone) {
  if (column.list == nullptr) {
    const std::byte* const at =
        column.array.data() + column.offset + static_cast<std::int64_t>(row) * column.array.stride(0);
    const ElementNumber number = element_number_at(at, column.type);
    if (number.kind == ElementNumber::Kind::real) {
      writer.real(line, number.real);
    } else {
      append_element_number(line, number);
    }
    return {};
  }
  const Record& value = (*column.list)[row];
  switch (value.kind()) {
    case Record::Kind::text:
      return writer.text(line, value.text(), false);
    case Record::Kind::boolean:
      line += *value.as<bool>() ? "true" : "false";
      return {};
    case Record::Kind::real:
      writer.real(line, *value.as<double>());
      return {};
    case Record::Kind::integer:
      if (const auto with_sign = value.as<std::int64_t>()) {
        line += std::to_string(*with_sign);
      } else {
        line += std::to_string(*value.as<std::uint64_t>());
      }
      return {};
    default:
      return writer.missing(line, is_alone);
  }
}

}  // namespace

Result<void> csv_save_table(const Record& value, FileDraft& file, const CsvOptions& options) {
  if (options.skip_rows != 0 || !options.types.empty() || !options.type_of_all.empty()) {
    return Error(Errc::invalid_argument, "the options 'skip_rows' and 'types' are for loading a table");
  }
  const auto columns = csv_saved_columns(value, options);
  if (!columns) {
    return columns.error();
  }
  if (columns->empty()) {
    return Error(Errc::type_mismatch, "a table needs at least one column");
  }
  const CsvFieldWriter writer(options);
  DraftText draft(file);
  const auto end_field = [&](const CsvSavedColumn& column, const std::string& failure) -> Result<void> {
    if (!failure.empty()) {
      return csv_unwritable(column.name, failure);
    }
    draft.text += &column == &columns->back() ? '\n' : options.dialect.separator;
    return draft.flush_if_long();
  };
  for (const CsvSavedColumn& column : *columns) {
    if (!options.header) {
      break;
    }
    const std::string failure = writer.text(draft.text, column.name, true);
    if (auto ended = end_field(column, failure); !ended) {
      return ended;
    }
  }
  for (std::uint64_t row = 0; row < columns->front().rows; ++row) {
    for (const CsvSavedColumn& column : *columns) {
      const std::string failure = csv_append_field(draft.text, writer, column, row, columns->size() == 1);
      if (auto ended = end_field(column, failure); !ended) {
        return ended;
      }
    }
  }
  return draft.flush();
}

}  // namespace locum::storage
