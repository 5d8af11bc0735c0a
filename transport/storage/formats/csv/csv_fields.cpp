#include "transport/storage/formats/csv/csv_fields.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace locum::storage {

CsvFields::CsvFields(std::string_view bytes, const CsvDialect& dialect)
    : at_(bytes.data()), end_(bytes.data() + bytes.size()), dialect_(dialect) {
  for (const char stop : {dialect.separator, dialect.quote, dialect.comment, '\n', '\r'}) {
    stops_[static_cast<unsigned char>(stop)] = stop != '\0';
  }
}

void CsvFields::skip_blank_lines() noexcept {
  while (at_ != end_) {
    const char* const first = after_blanks(at_);
    const bool is_blank = first == end_ || *first == '\n' || *first == '\r' ||
                          (*first == dialect_.comment && dialect_.comment != '\0');
    if (!is_blank) {
      return;
    }
    at_ = first;
    end_line();
  }
}

void CsvFields::end_line() noexcept {
  if (is_at(dialect_.comment)) {
    at_ = std::find_if(at_, end_, [](char c) { return c == '\n' || c == '\r'; });
  }
  if (at_ == end_) {
    return;
  }
  at_ += *at_ == '\r' && end_ - at_ > 1 && at_[1] == '\n' ? 2 : 1;
  ++lines_;
}

bool CsvFields::read(CsvField& field) {
  if (is_at(dialect_.quote)) {
    return read_quoted(field);
  }
  const char* const first = at_;
  while (at_ != end_ && !stops_[static_cast<unsigned char>(*at_)]) {
    ++at_;
  }
  if (is_at(dialect_.quote)) {
    fault_ =
        "a quote is inside of a field that does not begin with one; put the field in quotes and double "
        "those in it, or load the table with the option {\"quote\", \"\"}";
    return false;
  }
  field = {.text = {first, static_cast<std::size_t>(at_ - first)}, .is_quoted = false};
  return true;
}

bool CsvFields::read_quoted(CsvField& field) {
  const char quote = dialect_.quote;
  unquoted_.clear();
  const char* part = ++at_;
  const std::uint64_t first_line = lines_;
  for (;;) {
    const auto* const found =
        static_cast<const char*>(std::memchr(at_, quote, static_cast<std::size_t>(end_ - at_)));
    if (found == nullptr) {
      fault_ = "a field in quotes does not end before the end of the table; close its quotes";
      return false;
    }
    lines_ += static_cast<std::uint64_t>(std::count(at_, found, '\n'));
    at_ = found + 1;
    if (!is_at(quote)) {
      break;
    }
    unquoted_.append(part, at_);  // with one of the two quotes
    part = ++at_;
  }
  const char* const last = at_ - 1;
  if (unquoted_.empty()) {
    field = {.text = {part, static_cast<std::size_t>(last - part)}, .is_quoted = true};
  } else {
    field = {.text = unquoted_.append(part, last), .is_quoted = true};
  }
  at_ = after_blanks(at_);
  if (!is_end_of_field(at_)) {
    lines_ = first_line;
    fault_ = "a field in quotes goes on behind its closing quote; double the quotes inside of it";
    return false;
  }
  return true;
}

}  // namespace locum::storage
