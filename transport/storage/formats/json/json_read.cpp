#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <locum/archive.hpp>

#include "transport/storage/formats/json/json_text.hpp"
#include "transport/storage/formats/text/real_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

bool json_is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads a text of UTF-8 from its beginning to its end. A function that returns false has set the error.
class JsonReader {
 public:
  JsonReader(std::string_view text, const JsonOptions& options) : text_(text), options_(options) {}

  Result<Record> read() {
    Record value;
    skip_blanks();
    if (read_value(value, 0)) {
      skip_blanks();
      if (at_ == text_.size()) {
        return value;
      }
      fail("more text follows the value; a file of JSON has one value");
    }
    return *error_;
  }

 private:
  bool fail(std::string_view reason, Errc code = Errc::corrupt) { return fail_at(at_, reason, code); }
  bool fail_at(std::size_t at, std::string_view reason, Errc code = Errc::corrupt);
  /// The same for what an option would permit.
  bool fail_but_for(std::size_t at, std::string_view reason, std::string_view option, Errc code);

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] bool skip(char c) {
    const bool is_next = at_ < text_.size() && text_[at_] == c;
    at_ += is_next ? 1 : 0;
    return is_next;
  }
  [[nodiscard]] bool skip_word(std::string_view word) {
    const bool is_next = text_.substr(at_).starts_with(word);
    at_ += is_next ? word.size() : 0;
    return is_next;
  }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  [[nodiscard]] bool skip_digits() {
    const std::size_t first = at_;
    while (json_is_digit(peek())) {
      ++at_;
    }
    return at_ != first;
  }

  bool read_value(Record& value, std::size_t depth);
  bool read_members(Record& value, std::size_t depth);
  bool read_list(Record& value, std::size_t depth);
  bool read_text(std::string& text);
  bool read_escape(std::string& text);
  bool read_code_unit(char32_t& unit);
  bool read_number(Record& value);
  bool read_integer(Record& value, std::string_view number);
  bool read_real(Record& value, std::string_view number);
  bool read_literal(Record& value, double number);

  const std::string_view text_;
  const JsonOptions& options_;
  std::size_t at_ = 0;
  std::optional<Error> error_;
};

bool JsonReader::fail_at(std::size_t at, std::string_view reason, Errc code) {
  const std::string_view before = text_.substr(0, at);
  const std::size_t newline = before.rfind('\n');
  const std::string_view line = before.substr(newline == std::string_view::npos ? 0 : newline + 1);
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  error_ = Error(code, "line " + std::to_string(std::ranges::count(before, '\n') + 1) + ", column " +
                           std::to_string(std::ranges::count_if(line, begins_character) + 1) + ": " +
                           std::string(reason));
  return false;
}

bool JsonReader::fail_but_for(std::size_t at, std::string_view reason, std::string_view option, Errc code) {
  return fail_at(
      at, options_.has_options ? std::string(reason).append("; ").append(option) : std::string(reason), code);
}

bool JsonReader::read_value(Record& value, std::size_t depth) {
  switch (peek()) {
    case '{':
    case '[':
      if (depth == max_nesting) {
        return fail("the values nest deeper than " + std::to_string(max_nesting) + " levels",
                    Errc::unsupported);
      }
      return peek() == '{' ? read_members(value, depth + 1) : read_list(value, depth + 1);
    case '"': {
      std::string text;
      if (!read_text(text)) {
        return false;
      }
      value = Record(std::move(text));
      return true;
    }
    case 't':
      value = Record(true);
      return skip_word("true") || fail("a value is expected; is it 'true'?");
    case 'f':
      value = Record(false);
      return skip_word("false") || fail("a value is expected; is it 'false'?");
    case 'n':
      value = Record();
      return skip_word("null") || fail("a value is expected; is it 'null'?");
    case 'N':
      return skip_word("NaN") ? read_literal(value, std::numeric_limits<double>::quiet_NaN())
                              : fail("a value is expected");
    case 'I':
      return skip_word("Infinity") ? read_literal(value, std::numeric_limits<double>::infinity())
                                   : fail("a value is expected");
    default:
      return read_number(value);
  }
}

bool JsonReader::read_literal(Record& value, double number) {
  value = Record(number);
  return options_.nan == JsonOptions::Nan::literal ||
         fail_but_for(at_, "JSON has neither NaN nor infinity",
                      "load the file with the option {\"nan\", \"literal\"}", Errc::corrupt);
}

bool JsonReader::read_members(Record& value, std::size_t depth) {
  RecordMembers members;
  ++at_;
  skip_blanks();
  if (skip('}')) {
    value = Record(std::move(members));
    return true;
  }
  for (;;) {
    const std::size_t begin = at_;
    std::string name;
    if (peek() != '"') {
      return fail("the name of a member is expected, in quotes");
    }
    if (!read_text(name)) {
      return false;
    }
    if (members.find(name) != nullptr) {
      return fail_at(begin, "the name \"" +
                                name.substr(0, valid_utf8_bytes(std::string_view(name).substr(0, 128))) +
                                "\" occurs twice in this object; remove one of the members");
    }
    skip_blanks();
    if (!skip(':')) {
      return fail("a colon is expected behind the name of a member");
    }
    skip_blanks();
    Record member;
    if (!read_value(member, depth)) {
      return false;
    }
    members.set(name, std::move(member));
    skip_blanks();
    if (skip('}')) {
      value = Record(std::move(members));
      return true;
    }
    if (!skip(',')) {
      return fail("a comma or '}' is expected behind a member");
    }
    skip_blanks();
  }
}

bool JsonReader::read_list(Record& value, std::size_t depth) {
  Record::List list;
  ++at_;
  skip_blanks();
  if (skip(']')) {
    value = Record::list(std::move(list));
    return true;
  }
  for (;;) {
    if (!read_value(list.emplace_back(), depth)) {
      return false;
    }
    skip_blanks();
    if (skip(']')) {
      value = Record::list(std::move(list));
      return true;
    }
    if (!skip(',')) {
      return fail("a comma or ']' is expected behind a value of a list");
    }
    skip_blanks();
  }
}

bool JsonReader::read_text(std::string& text) {
  const std::size_t begin = at_++;
  for (;;) {
    const std::size_t part = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20) {
      ++at_;
    }
    text.append(text_.substr(part, at_ - part));
    if (at_ == text_.size()) {
      return fail_at(begin, "the quotes of this text are not closed");
    }
    if (skip('"')) {
      return true;
    }
    if (!skip('\\')) {
      return fail("a text contains a newline or another control character; write it as \\n, \\t or \\u00XX");
    }
    if (!read_escape(text)) {
      return false;
    }
  }
}

bool JsonReader::read_escape(std::string& text) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view characters = "\"\\/\b\f\n\r\t";
  const char letter = peek();
  if (const std::size_t known = letters.find(letter); letter != '\0' && known != std::string_view::npos) {
    ++at_;
    text += characters[known];
    return true;
  }
  const std::size_t begin = at_;
  if (!skip('u')) {
    return fail("the backslash of a text has to be followed by one of \" \\ / b f n r t u");
  }
  char32_t point = 0;
  if (!read_code_unit(point)) {
    return false;
  }
  if (point >= 0xD800 && point <= 0xDFFF) {
    char32_t low = 0;
    if (point >= 0xDC00 || !skip_word("\\u")) {
      return fail_at(begin, "half of a surrogate pair stands alone; it is no character");
    }
    if (!read_code_unit(low)) {
      return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
      return fail_at(begin, "half of a surrogate pair stands alone; it is no character");
    }
    point = 0x10000 + ((point - 0xD800) << 10U) + (low - 0xDC00);
  }
  append_utf8(text, point);
  return true;
}

bool JsonReader::read_code_unit(char32_t& unit) {
  const std::string_view digits = text_.substr(at_, 4);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + 4) {
    return fail("\\u has to be followed by four hexadecimal digits");
  }
  at_ += digits.size();
  unit = value;
  return true;
}

bool JsonReader::read_number(Record& value) {
  const std::size_t begin = at_;
  if (skip('-') && skip_word("Infinity")) {
    return read_literal(value, -std::numeric_limits<double>::infinity());
  }
  const bool begins_with_zero = peek() == '0';
  const std::size_t first = at_;
  if (!skip_digits()) {
    return fail(at_ == text_.size() ? "the text ends where a value is expected" : "a value is expected");
  }
  if (begins_with_zero && at_ - first > 1) {
    return fail_at(begin, "a number begins with the digit 0; leave it out");
  }
  bool is_integer = true;
  if (skip('.')) {
    is_integer = false;
    if (!skip_digits()) {
      return fail("a digit is expected behind the point of a number");
    }
  }
  if (skip('e') || skip('E')) {
    is_integer = false;
    if (peek() == '+' || peek() == '-') {
      ++at_;
    }
    if (!skip_digits()) {
      return fail("a digit is expected in the exponent of a number");
    }
  }
  const std::string_view number = text_.substr(begin, at_ - begin);
  return is_integer ? read_integer(value, number) : read_real(value, number);
}

bool JsonReader::read_integer(Record& value, std::string_view number) {
  const char* const end = number.data() + number.size();
  std::int64_t with_sign = 0;
  std::uint64_t without_sign = 0;
  if (std::from_chars(number.data(), end, with_sign).ec == std::errc()) {
    value = Record(with_sign);
    return true;
  }
  if (std::from_chars(number.data(), end, without_sign).ec == std::errc()) {
    value = Record(without_sign);
    return true;
  }
  switch (options_.big_integers) {
    case JsonOptions::BigIntegers::text:
      value = Record(number);
      return true;
    case JsonOptions::BigIntegers::real:
      return read_real(value, number);
    case JsonOptions::BigIntegers::refuse:
      break;
  }
  return fail_but_for(at_ - number.size(), "the integer needs more than 64 bits",
                      "load the file with the option {\"big_integers\", \"text\"} or \"real\"",
                      Errc::unsupported);
}

bool JsonReader::read_real(Record& value, std::string_view number) {
  const double real = nearest_double(number);
  if (std::isinf(real) && (options_.nan != JsonOptions::Nan::literal || !options_.has_options)) {
    return fail_but_for(at_ - number.size(), "the number is beyond the range of a real of 64 bits",
                        "load the file with the option {\"nan\", \"literal\"} to make it infinite",
                        Errc::unsupported);
  }
  value = Record(real);
  return true;
}

}  // namespace

Result<Record> json_read(std::string_view text, const JsonOptions& options) {
  if (const std::size_t valid = valid_utf8_bytes(text); valid != text.size()) {
    return Error(Errc::corrupt, "line " +
                                    std::to_string(std::ranges::count(text.substr(0, valid), '\n') + 1) +
                                    ", byte " + std::to_string(valid) +
                                    " of the file: it is no UTF-8, as texts of JSON are; convert it");
  }
  return JsonReader(text, options).read();
}

}  // namespace locum::storage
