#include "transport/storage/formats/csv/csv_options.hpp"

#include <algorithm>
#include <array>

#include "transport/storage/formats/text/format_options.hpp"

namespace locum::storage {

namespace {

constexpr std::array<FormatOption, 11> csv_known_options{{
    {"separator", "the character between fields"},
    {"header", "whether the first row has the names of the columns (true); else these are c0, c1 …"},
    {"columns", "a list of the names of the columns to load or to save; all if it is left out"},
    {"types",
     "for loading: the type of all columns, or of some by their names: i8 … u64, f32, f64, bool or "
     "text; without one it follows from all fields of the column"},
    {"missing", "a list of the texts that stand for a missing value ('', NA, N/A, NaN, nan, null, NULL)"},
    {"comment", "a character: the rest of its line is no part of the table"},
    {"skip_rows", "for loading: the number of lines to pass over at the beginning"},
    {"decimal", "the character between the integer and the fraction of a number ('.')"},
    {"quote", "the character around a field that contains separators or newlines ('\"'); '' for none"},
    {"quoted_values", "for loading: whether fields in quotes may be numbers, too (false: they are texts)"},
    {"encoding", "utf-8, or latin-1"},
}};

/// Reads an option of one character into `into`; no text for none.
Result<void> csv_read_character(const FormatOptions& options, std::string_view name, char& into) {
  const auto text = options.text(name, std::string_view(&into, into == '\0' ? 0 : 1));
  if (!text) {
    return text.error();
  }
  const bool may_lack = name == "quote" || name == "comment";
  if (text->size() > 1 || (text->empty() && !may_lack)) {
    return wrong_option(name, "a text of one character (of ASCII)");
  }
  into = text->empty() ? '\0' : text->front();
  const bool is_part_of_numbers = (into >= '0' && into <= '9') || (into >= 'a' && into <= 'z') ||
                                  (into >= 'A' && into <= 'Z') || into == '+' || into == '-' || into == '_' ||
                                  static_cast<unsigned char>(into) >= 0x80;
  const bool is_newline = into == '\n' || into == '\r';
  const bool is_blank = into == ' ' || into == '\t';
  if (is_part_of_numbers || is_newline || (is_blank && name != "separator") ||
      (into == '\0' && !text->empty())) {
    return wrong_option(
        name, "a character that is no letter, digit, sign or newline, and only as separator a blank");
  }
  return {};
}

Result<void> csv_read_dialect(const FormatOptions& options, CsvDialect& dialect) {
  for (const auto& [name, into] : {std::pair<std::string_view, char*>{"separator", &dialect.separator},
                                   {"quote", &dialect.quote},
                                   {"comment", &dialect.comment},
                                   {"decimal", &dialect.decimal}}) {
    if (auto read = csv_read_character(options, name, *into); !read) {
      return read;
    }
  }
  const std::array<char, 4> characters{dialect.separator, dialect.quote, dialect.comment, dialect.decimal};
  for (const char character : characters) {
    if (character != '\0' && std::ranges::count(characters, character) > 1) {
      return Error(Errc::invalid_argument,
                   "the options 'separator', 'quote', 'comment' and 'decimal' name the character '" +
                       std::string(1, character) + "' twice; give different ones");
    }
  }
  return {};
}

bool csv_is_type(std::string_view type) {
  constexpr std::array<std::string_view, 12> types{"i8",  "i16", "i32", "i64", "u8",   "u16",
                                                   "u32", "u64", "f32", "f64", "bool", "text"};
  return std::ranges::find(types, type) != types.end();
}

Result<void> csv_read_types(const Record& types, CsvOptions& into) {
  const Error wrong = wrong_option("types",
                                   "one of 'i8' … 'u64', 'f32', 'f64', 'bool' and 'text', or such "
                                   "texts by the names of columns");
  if (types.kind() == Record::Kind::text && csv_is_type(types.text())) {
    into.type_of_all = types.text();
    return {};
  }
  if (types.kind() != Record::Kind::members && !types.is_null()) {
    return wrong;
  }
  for (const auto& [name, type] : types.members()) {
    if (!csv_is_type(type.text())) {
      return wrong;
    }
    into.types.emplace_back(name, type.text());
  }
  return {};
}

}  // namespace

std::string_view csv_trimmed(std::string_view text) noexcept {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

bool csv_is_missing(const CsvOptions& options, std::string_view trimmed) noexcept {
  return std::ranges::find(options.missing, trimmed) != options.missing.end();
}

std::optional<bool> csv_truth(std::string_view trimmed) noexcept {
  if (trimmed == "true" || trimmed == "True" || trimmed == "TRUE") {
    return true;
  }
  if (trimmed == "false" || trimmed == "False" || trimmed == "FALSE") {
    return false;
  }
  return {};
}

std::span<const FormatOption> csv_option_list() noexcept {
  return csv_known_options;
}

Result<CsvOptions> csv_options(const Record& options, char separator) {
  const FormatOptions given(options);
  CsvOptions read;
  read.dialect.separator = separator;
  if (auto dialect = csv_read_dialect(given, read.dialect); !dialect) {
    return dialect.error();
  }
  if (auto types = csv_read_types(given["types"], read); !types) {
    return types.error();
  }
  std::optional<Error> error;
  const auto take = [&error](auto result, auto& into) {
    if (result) {
      into = std::move(*result);
    } else if (!error) {
      error = result.error();
    }
  };
  take(given.flag("header", read.header), read.header);
  take(given.flag("quoted_values", read.quoted_values), read.quoted_values);
  take(given.is_latin1(), read.is_latin1);
  take(given.count("skip_rows", read.skip_rows), read.skip_rows);
  take(given.texts("missing", read.missing), read.missing);
  if (given.has("columns")) {
    take(given.texts("columns", {}), read.columns.emplace());
  }
  if (error) {
    return *error;
  }
  return read;
}

}  // namespace locum::storage
