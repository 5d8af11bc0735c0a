#include "transport/storage/formats/csv/csv_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "transport/storage/formats/csv/csv_fields.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view csv_byte_order_mark = "\xEF\xBB\xBF";

/// Passes over lines, whatever they contain.
std::string_view csv_after_lines(std::string_view bytes, std::uint64_t count) {
  for (; count > 0 && !bytes.empty(); --count) {
    const std::size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      return {};
    }
    const bool is_pair = bytes.substr(end, 2) == "\r\n";
    bytes.remove_prefix(end + (is_pair ? 2 : 1));
  }
  return bytes;
}

Result<void> csv_check_names(const std::vector<std::string>& names, std::uint64_t line) {
  std::set<std::string_view> known;
  for (const std::string& name : names) {
    if (!is_utf8(name)) {
      return csv_corrupt(line,
                         "the name of a column is no UTF-8; load the table with the option "
                         "{\"encoding\", \"latin-1\"}, or convert it");
    }
    if (!known.insert(name).second) {
      return csv_corrupt(line,
                         "two columns have the name \"" + name.substr(0, 128) +
                             "\"; rename one, or load the table with the options {\"header\", false} and "
                             "{\"skip_rows\", " +
                             std::to_string(line + 1) + "}");
    }
  }
  return {};
}

}  // namespace

Error csv_corrupt(std::uint64_t line, const std::string& text) {
  return Error(Errc::corrupt, "line " + std::to_string(line + 1) + ": " + text);
}

Result<CsvLayout> csv_layout(std::string_view bytes, const CsvOptions& options) {
  if (bytes.starts_with(csv_byte_order_mark)) {
    bytes.remove_prefix(csv_byte_order_mark.size());
  }
  bytes = csv_after_lines(bytes, options.skip_rows);
  CsvFields fields(bytes, options.dialect);
  fields.skip_blank_lines();
  CsvLayout layout;
  layout.lines = options.skip_rows + fields.lines();
  const std::uint64_t header_line = layout.lines;
  layout.rows = std::string_view(fields.at(), static_cast<std::size_t>(fields.end() - fields.at()));
  if (fields.is_at_end()) {
    return options.header ? Result<CsvLayout>(csv_corrupt(header_line,
                                                          "the table ends before the names of its columns; "
                                                          "without such a line, load it with the option "
                                                          "{\"header\", false}"))
                          : layout;
  }
  for (;;) {
    CsvField field;
    if (!fields.read(field)) {
      return csv_corrupt(options.skip_rows + fields.lines(), fields.fault());
    }
    layout.names.push_back(options.header ? std::string(field.text)
                                          : "c" + std::to_string(layout.names.size()));
    if (!fields.is_at_separator()) {
      break;
    }
    fields.skip_separator();
  }
  if (auto unique = csv_check_names(layout.names, header_line); !unique) {
    return unique.error();
  }
  if (options.header) {
    fields.end_line();
    layout.lines = options.skip_rows + fields.lines();
    layout.rows = std::string_view(fields.at(), static_cast<std::size_t>(fields.end() - fields.at()));
  }
  return layout;
}

}  // namespace locum::storage
