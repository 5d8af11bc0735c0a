#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/storage/formats/csv/csv_options.hpp"

namespace locum::storage {

/// A field of a table, without its quotes.
struct CsvField {
  std::string_view text;  ///< valid until the next field is read
  bool is_quoted = false;
};

/// Reads the fields of a table one by one: RFC 4180, with LF, CRLF or CR at the ends of lines. It stands at
/// the beginning of a field, or behind one: at a separator, at the end of a line or at that of the text.
class CsvFields {
 public:
  CsvFields(std::string_view bytes, const CsvDialect& dialect);

  [[nodiscard]] bool is_at_end() const noexcept { return at_ == end_; }
  [[nodiscard]] bool is_at_separator() const noexcept { return at_ != end_ && *at_ == dialect_.separator; }
  [[nodiscard]] const char* at() const noexcept { return at_; }
  [[nodiscard]] const char* end() const noexcept { return end_; }
  [[nodiscard]] const CsvDialect& dialect() const noexcept { return dialect_; }
  /// Returns the number of lines that have ended.
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }

  /// Passes over lines that are blank or only a comment.
  void skip_blank_lines() noexcept;
  /// Reads a field. Returns false if its quotes are wrong: fault() tells the reason then.
  [[nodiscard]] bool read(CsvField& field);
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  /// Passes over a separator. REQUIRES: is_at_separator().
  void skip_separator() noexcept { ++at_; }
  /// Passes over the end of a line, and a comment before it. REQUIRES: is behind a field, at no separator.
  void end_line() noexcept;

  /// Returns the address of the first character from `at` on that is no blank.
  [[nodiscard]] const char* after_blanks(const char* at) const noexcept {
    while (at != end_ && (*at == ' ' || *at == '\t') && *at != dialect_.separator) {
      ++at;
    }
    return at;
  }
  /// Whether a field may end before this address.
  [[nodiscard]] bool is_end_of_field(const char* at) const noexcept {
    return at == end_ || (stops_[static_cast<unsigned char>(*at)] && *at != dialect_.quote);
  }
  /// Goes to the end of a field that was read by other means. REQUIRES: is_end_of_field(at).
  void skip_to(const char* at) noexcept { at_ = at; }

 private:
  [[nodiscard]] bool is_at(char c) const noexcept { return at_ != end_ && *at_ == c && c != '\0'; }
  [[nodiscard]] bool read_quoted(CsvField& field);

  const char* at_;
  const char* end_;
  const CsvDialect dialect_;
  std::array<bool, 256> stops_{};  ///< by characters: whether an unquoted field does not contain it
  std::uint64_t lines_ = 0;
  std::string unquoted_;
  std::string fault_;
};

}  // namespace locum::storage
