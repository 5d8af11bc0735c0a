#include "transport/storage/formats/csv/csv_piece.hpp"

#include <algorithm>
#include <utility>

#include "transport/storage/formats/csv/csv_fields.hpp"
#include "transport/storage/formats/csv/csv_number.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

/// What the text of a field is.
struct CsvValue {
  enum class Kind : std::uint8_t { missing, boolean, integer, real, text };
  Kind kind = Kind::text;
  CsvNumber number{};           ///< of an integer, and of a finite real
  std::uint64_t magnitude = 0;  ///< of an integer
  double not_finite = 0;        ///< of a real that has no number
  bool truth = false;
};

std::string csv_shown(std::string_view text) {
  constexpr std::size_t most = 40;
  const std::string_view shown = text.substr(0, valid_utf8_bytes(text.substr(0, most)));
  return "\"" + std::string(shown) + (shown.size() < text.size() ? "…\"" : "\"");
}

/// Reads the rows of one piece.
class CsvPieceReader {
 public:
  CsvPieceReader(std::string_view bytes, const std::vector<CsvColumnPlan>& plans, const CsvOptions& options)
      : fields_(bytes, options.dialect), plans_(plans), options_(options) {
    piece_.bytes = bytes;
    for (const CsvColumnPlan& plan : plans) {
      piece_.columns.emplace_back(plan);
    }
    const auto is_like_number = [](const std::string& text) {
      return !text.empty() && std::string_view("+-.,0123456789").find(text[0]) != std::string_view::npos;
    };
    numbers_may_be_missing_ = std::ranges::any_of(options.missing, is_like_number);
  }

  CsvPiece read() && {
    constexpr std::uint64_t sample_rows = 64;
    for (fields_.skip_blank_lines(); !fields_.is_at_end(); fields_.skip_blank_lines()) {
      if (!read_row()) {
        return std::move(piece_);
      }
      if (++piece_.rows == sample_rows) {
        reserve();
      }
    }
    piece_.lines = fields_.lines();
    return std::move(piece_);
  }

 private:
  bool fail(Errc code, std::string text) {
    piece_.fault = {.code = code, .line = fields_.lines(), .text = std::move(text)};
    return false;
  }
  bool fail_field(std::size_t at, const CsvField& field, Errc code, std::string_view reason) {
    return fail(code, "column " + std::to_string(at + 1) + " (" + csv_shown(plans_[at].name) + ") has " +
                          csv_shown(field.text) + ", " + std::string(reason));
  }

  void reserve();
  bool read_row();
  bool fail_count(std::size_t fields);
  bool read_field(std::size_t at);
  bool read_number(std::size_t at);
  [[nodiscard]] CsvValue value_of(const CsvField& field, bool may_be_number) const;
  bool add_given(std::size_t at, const CsvField& field, const CsvValue& value);
  bool add_given_integer(std::size_t at, const CsvField& field, const CsvValue& value);
  bool add_found(std::size_t at, const CsvField& field, const CsvValue& value);
  [[nodiscard]] double real_of(const CsvValue& value, bool is_single) const;

  CsvFields fields_;
  const std::vector<CsvColumnPlan>& plans_;
  const CsvOptions& options_;
  bool numbers_may_be_missing_ = false;
  CsvPiece piece_;
};

// Rows are about as long as the first ones were: columns grow once at most.
void CsvPieceReader::reserve() {
  const auto read = static_cast<std::uint64_t>(fields_.at() - piece_.bytes.data());
  const std::uint64_t rows = piece_.bytes.size() * piece_.rows / read;
  for (CsvColumn& column : piece_.columns) {
    if (column.is_kept() && column.kind() != CsvKind::none) {
      column.reserve(rows + rows / 32);
    }
  }
}

bool CsvPieceReader::read_row() {
  const std::size_t count = piece_.columns.size();
  for (std::size_t at = 0; at < count; ++at) {
    if (at > 0) {
      if (!fields_.is_at_separator()) {
        return fail_count(at);
      }
      fields_.skip_separator();
    }
    if (!read_field(at)) {
      return false;
    }
  }
  if (fields_.is_at_separator()) {
    return fail_count(count);
  }
  fields_.end_line();
  return true;
}

/// Reports a row with another number of fields than columns, of which `fields` were read.
bool CsvPieceReader::fail_count(std::size_t fields) {
  const std::uint64_t line = fields_.lines();
  for (CsvField field; fields_.is_at_separator(); ++fields) {
    fields_.skip_separator();
    if (!fields_.read(field)) {
      return fail(Errc::corrupt, fields_.fault());
    }
  }
  fail(Errc::corrupt, "the row has " + std::to_string(fields) + (fields == 1 ? " field" : " fields") +
                          ", and the table has " + std::to_string(piece_.columns.size()) +
                          " columns; check the separator, and the quotes around fields");
  piece_.fault->line = line;
  return false;
}

bool CsvPieceReader::read_field(std::size_t at) {
  CsvColumn& column = piece_.columns[at];
  const bool is_number = column.kind() == CsvKind::real || column.kind() == CsvKind::integer;
  if (is_number && column.is_kept() && !numbers_may_be_missing_ && read_number(at)) {
    return true;
  }
  CsvField field;
  if (!fields_.read(field)) {
    return fail(Errc::corrupt, fields_.fault());
  }
  if (!column.is_kept() && (!column.is_stale() || column.kind() == CsvKind::text)) {
    return true;
  }
  if (column.kind() == CsvKind::text) {
    const bool may_be_missing = options_.quoted_values || !field.is_quoted;
    if (may_be_missing && csv_is_missing(options_, csv_trimmed(field.text))) {
      column.add_missing();
    } else {
      column.add_text(field.text);
    }
    return true;
  }
  const CsvValue value = value_of(field, column.is_given() || options_.quoted_values || !field.is_quoted);
  return column.is_given() ? add_given(at, field, value) : add_found(at, field, value);
}

/// Reads a field of a column of numbers that needs no second look. Returns false, and has done nothing, if it
/// does.
bool CsvPieceReader::read_number(std::size_t at) {
  CsvColumn& column = piece_.columns[at];
  const CsvNumber number =
      csv_scan(fields_.after_blanks(fields_.at()), fields_.end(), options_.dialect.decimal);
  if (number.end == nullptr) {
    return false;
  }
  const char* const end = fields_.after_blanks(number.end);
  if (!fields_.is_end_of_field(end)) {
    return false;
  }
  constexpr std::size_t exact_digits = 15;
  if (column.kind() == CsvKind::integer) {
    if (!number.is_integer || number.count > 18 || column.is_given()) {
      return false;
    }
    column.add_integer(number.digits, number.is_negative);
  } else if (column.is_given() || (number.is_integer && number.count > exact_digits)) {
    return false;
  } else {
    column.add_real(csv_real(number, options_.dialect.decimal));
  }
  fields_.skip_to(end);
  return true;
}

CsvValue CsvPieceReader::value_of(const CsvField& field, bool may_be_number) const {
  if (!may_be_number) {
    return {};
  }
  const std::string_view text = csv_trimmed(field.text);
  if (csv_is_missing(options_, text)) {
    return {.kind = CsvValue::Kind::missing};
  }
  const char* const end = text.data() + text.size();
  if (const CsvNumber number = csv_scan(text.data(), end, options_.dialect.decimal); number.end == end) {
    const auto magnitude = number.is_integer ? csv_magnitude(number) : std::nullopt;
    const bool fits = magnitude && (!number.is_negative || *magnitude <= std::uint64_t{1} << 63U);
    return {.kind = fits ? CsvValue::Kind::integer : CsvValue::Kind::real,
            .number = number,
            .magnitude = fits ? *magnitude : 0};
  }
  if (const auto value = csv_not_finite(text)) {
    return {.kind = CsvValue::Kind::real, .not_finite = *value};
  }
  if (const auto truth = csv_truth(text)) {
    return {.kind = CsvValue::Kind::boolean, .truth = *truth};
  }
  return {};
}

double CsvPieceReader::real_of(const CsvValue& value, bool is_single) const {
  if (value.number.end == nullptr) {
    return value.not_finite;
  }
  const char decimal = options_.dialect.decimal;
  return is_single ? static_cast<double>(csv_rounded_single(value.number, decimal))
                   : csv_real(value.number, decimal);
}

bool CsvPieceReader::add_given(std::size_t at, const CsvField& field, const CsvValue& value) {
  CsvColumn& column = piece_.columns[at];
  const bool is_integer = value.kind == CsvValue::Kind::integer;
  if (column.kind() == CsvKind::integer) {
    return add_given_integer(at, field, value);
  }
  if (column.kind() == CsvKind::boolean) {
    if (value.kind != CsvValue::Kind::boolean && !(is_integer && value.magnitude <= 1)) {
      return fail_field(at, field, Errc::type_mismatch,
                        "which is neither true nor false; give the column the type text");
    }
    column.add_truth(is_integer ? value.magnitude == 1 : value.truth);
  } else if (value.kind == CsvValue::Kind::missing) {
    column.add_missing();
  } else if (is_integer || value.kind == CsvValue::Kind::real) {
    column.add_real(real_of(value, plans_[at].given == "f32"));
  } else {
    return fail_field(at, field, Errc::type_mismatch, "which is no number; give the column the type text");
  }
  return true;
}

bool CsvPieceReader::add_given_integer(std::size_t at, const CsvField& field, const CsvValue& value) {
  const CsvColumnPlan& plan = plans_[at];
  const bool is_negative = value.number.is_negative && value.magnitude != 0;
  const bool fits = value.kind == CsvValue::Kind::integer &&
                    (is_negative ? static_cast<std::int64_t>(0 - value.magnitude) >= plan.least
                                 : value.magnitude <= plan.most);
  if (!fits) {
    return fail_field(at, field, Errc::type_mismatch,
                      "which is no " + plan.given + "; give the column the type f64 or text");
  }
  piece_.columns[at].add_integer(value.magnitude, is_negative);
  return true;
}

bool CsvPieceReader::add_found(std::size_t at, const CsvField& field, const CsvValue& value) {
  CsvColumn& column = piece_.columns[at];
  if (value.kind == CsvValue::Kind::missing) {
    // No integer stands for a missing one.
    if (column.kind() == CsvKind::integer) {
      column.become(CsvKind::real, piece_.rows);
    }
    if (column.is_kept()) {
      column.add_missing();
    }
    return true;
  }
  CsvKind kind = value.kind == CsvValue::Kind::boolean   ? CsvKind::boolean
                 : value.kind == CsvValue::Kind::integer ? CsvKind::integer
                 : value.kind == CsvValue::Kind::real    ? CsvKind::real
                                                         : CsvKind::text;
  if (column.kind() == CsvKind::none && kind == CsvKind::integer && piece_.rows > 0) {
    kind = CsvKind::real;
  }
  if (!column.become(csv_common(column.kind(), kind), piece_.rows)) {
    return true;
  }
  switch (column.kind()) {
    case CsvKind::none:
      break;
    case CsvKind::boolean:
      column.add_truth(value.truth);
      break;
    case CsvKind::integer:
      column.add_integer(value.magnitude, value.number.is_negative);
      break;
    case CsvKind::real:
      if (value.number.is_integer && !csv_is_exact(value.number)) {
        return fail_field(at, field, Errc::unsupported,
                          "an integer that is not exact as a real, which the column is because of other "
                          "fields or of its size; give the column the type text, or f64 to round it");
      }
      column.add_real(real_of(value, false));
      break;
    case CsvKind::text:
      column.add_text(field.text);
      break;
  }
  return true;
}

}  // namespace

CsvPiece csv_read_piece(std::string_view bytes, const std::vector<CsvColumnPlan>& plans,
                        const CsvOptions& options) {
  if (const std::size_t valid = valid_utf8_bytes(bytes); valid != bytes.size()) {
    const auto line = static_cast<std::uint64_t>(std::ranges::count(bytes.substr(0, valid), '\n'));
    CsvPiece piece;
    piece.fault = {.code = Errc::corrupt,
                   .line = line,
                   .text =
                       "a byte is no UTF-8; load the table with the option {\"encoding\", \"latin-1\"}, or "
                       "convert it"};
    return piece;
  }
  return CsvPieceReader(bytes, plans, options).read();
}

void csv_settle_piece(CsvPiece& piece, const std::vector<CsvColumnPlan>& plans,
                      const std::vector<CsvKind>& kinds, const CsvOptions& options) {
  std::vector<CsvColumnPlan> again = plans;
  bool is_complete = true;
  for (std::size_t at = 0; at < plans.size(); ++at) {
    CsvColumn& column = piece.columns[at];
    column.become(kinds[at], piece.rows);
    again[at].is_wanted = column.is_stale();
    again[at].kind = kinds[at];
    is_complete = is_complete && !column.is_stale();
  }
  if (is_complete) {
    return;
  }
  CsvPiece read = CsvPieceReader(piece.bytes, again, options).read();
  if (read.fault) {
    piece.fault = std::move(read.fault);
    return;
  }
  for (std::size_t at = 0; at < plans.size(); ++at) {
    if (again[at].is_wanted) {
      piece.columns[at] = std::move(read.columns[at]);
    }
    const CsvColumn& column = piece.columns[at];
    const bool is_same = column.kind() == kinds[at] && column.words().size() == piece.rows;
    if (plans[at].is_wanted && !is_same) {
      piece.fault = {
          .code = Errc::corrupt, .line = 0, .text = "the file changed while it was loaded; load it again"};
      return;
    }
  }
}

std::vector<std::string_view> csv_split(std::string_view bytes, std::size_t count,
                                        const CsvDialect& dialect) {
  // A quote in a comment would be counted.
  if (dialect.quote != '\0' && dialect.comment != '\0') {
    count = 1;
  }
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  for (std::size_t at = 1; at < count && begin < bytes.size(); ++at) {
    std::size_t end = std::max(begin, bytes.size() / count * at);
    bool is_quoted =
        dialect.quote != '\0' && std::count(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                                            bytes.begin() + static_cast<std::ptrdiff_t>(end), dialect.quote) %
                                         2 !=
                                     0;
    while (end < bytes.size() && (is_quoted || bytes[end] != '\n')) {
      is_quoted = is_quoted != (dialect.quote != '\0' && bytes[end] == dialect.quote);
      ++end;
    }
    if (end == bytes.size()) {
      break;
    }
    pieces.push_back(bytes.substr(begin, end + 1 - begin));
    begin = end + 1;
  }
  if (begin < bytes.size() || pieces.empty()) {
    pieces.push_back(bytes.substr(begin));
  }
  return pieces;
}

}  // namespace locum::storage
