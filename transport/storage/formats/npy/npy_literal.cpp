#include "transport/storage/formats/npy/npy_literal.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t npy_most_nesting = 32;

class NpyLiteralParser {
 public:
  NpyLiteralParser(std::string_view text, std::uint64_t begin, bool is_utf8)
      : text_(text), begin_(begin), is_utf8_(is_utf8) {}

  Result<NpyLiteral> parse_all() {
    auto literal = parse_value(0);
    if (!literal) {
      return literal;
    }
    skip_space();
    return at_ == text_.size() ? std::move(literal) : unexpected("the end of the header");
  }

 private:
  using Kind = NpyLiteral::Kind;

  [[nodiscard]] bool is_at(char letter) const { return at_ < text_.size() && text_[at_] == letter; }
  bool take(char letter) {
    const bool is_there = is_at(letter);
    at_ += is_there ? 1 : 0;
    return is_there;
  }
  bool take_word(std::string_view word) {
    const bool is_there = text_.substr(at_).starts_with(word);
    at_ += is_there ? word.size() : 0;
    return is_there;
  }
  void skip_space() {
    while (is_at(' ') || is_at('\n') || is_at('\t') || is_at('\r')) {
      ++at_;
    }
  }
  [[nodiscard]] Error wrong(std::string_view reason) const {
    return Error(Errc::corrupt, "at byte " + std::to_string(begin_ + at_) + ": the header of the array has " +
                                    std::string(reason) + "; the file is damaged, or no .npy file");
  }
  [[nodiscard]] Error unexpected(std::string_view expected) const {
    return wrong(at_ < text_.size()
                     ? quoted_name(text_.substr(at_, 1)) + " where " + std::string(expected) + " should be"
                     : "its end where " + std::string(expected) + " should be");
  }

  Result<NpyLiteral> parse_value(std::size_t depth) {
    if (depth > npy_most_nesting) {
      return wrong("more than " + std::to_string(npy_most_nesting) + " levels of brackets");
    }
    skip_space();
    NpyLiteral value;
    value.at = begin_ + at_;
    if (take('(')) {
      return parse_items(std::move(value), Kind::tuple, ')', depth);
    }
    if (take('[')) {
      return parse_items(std::move(value), Kind::list, ']', depth);
    }
    if (take('{')) {
      return parse_items(std::move(value), Kind::dict, '}', depth);
    }
    if (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      return parse_integer(std::move(value));
    }
    if (take_word("True") || take_word("False")) {
      value.kind = Kind::boolean;
      value.boolean = text_[at_ - 2] == 'u';
      return value;
    }
    if (text_.substr(at_).starts_with("u'") || text_.substr(at_).starts_with("u\"")) {
      ++at_;
    }
    const bool is_text = is_at('\'') || is_at('"');
    return is_text ? parse_text(std::move(value)) : unexpected("a value");
  }

  Result<NpyLiteral> parse_items(NpyLiteral value, Kind kind, char close, std::size_t depth) {
    value.kind = kind;
    bool has_comma = true;
    for (skip_space(); !take(close); skip_space()) {
      if (!has_comma) {
        return unexpected("a comma");
      }
      auto item = parse_value(depth + 1);
      if (!item) {
        return item;
      }
      value.items.push_back(std::move(*item));
      skip_space();
      if (kind == Kind::dict) {
        if (!take(':')) {
          return unexpected("a colon");
        }
        auto under = parse_value(depth + 1);
        if (!under) {
          return under;
        }
        value.items.push_back(std::move(*under));
        skip_space();
      }
      has_comma = take(',');
    }
    // A value in parentheses without a comma is that value.
    if (kind == Kind::tuple && value.items.size() == 1 && !has_comma) {
      NpyLiteral inner = std::move(value.items.front());
      return inner;
    }
    return value;
  }

  Result<NpyLiteral> parse_integer(NpyLiteral value) {
    value.kind = Kind::integer;
    const bool has_zero = text_[at_] == '0';
    std::size_t digits = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_, ++digits) {
      const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
      if (__builtin_mul_overflow(value.integer, 10U, &value.integer) ||
          __builtin_add_overflow(value.integer, digit, &value.integer)) {
        return wrong("a number of more than 64 bits");
      }
    }
    if (has_zero && digits > 1) {
      return wrong("a number that begins with 0");
    }
    (void)take('L');
    return value;
  }

  Result<NpyLiteral> parse_text(NpyLiteral value) {
    value.kind = Kind::text;
    const char quote = text_[at_++];
    while (!take(quote)) {
      if (at_ == text_.size() || is_at('\n')) {
        return unexpected("the end of a text");
      }
      const auto character = is_at('\\') ? take_escape() : take_character();
      if (!character) {
        return wrong("a text with a wrong character");
      }
      append_utf8(value.text, *character);
    }
    return value;
  }
  std::optional<char32_t> take_character() {
    if (!is_utf8_) {
      return static_cast<unsigned char>(text_[at_++]);
    }
    std::string_view rest = text_.substr(at_);
    const auto character = take_code_point(rest);
    at_ = text_.size() - rest.size();
    return character;
  }
  std::optional<char32_t> take_escape() {
    constexpr std::string_view letters = "\\'\"ntrabfv";
    constexpr std::string_view meant = "\\'\"\n\t\r\a\b\f\v";
    if (++at_ == text_.size()) {
      return std::nullopt;
    }
    const char letter = text_[at_++];
    if (const std::size_t found = letters.find(letter); found != std::string_view::npos) {
      return static_cast<unsigned char>(meant[found]);
    }
    const std::size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    std::uint32_t number = 0;
    for (std::size_t count = 0; count < digits; ++count, ++at_) {
      const char digit = at_ < text_.size() ? text_[at_] : ' ';
      const bool is_decimal = digit >= '0' && digit <= '9';
      const char small = static_cast<char>(digit | 0x20);
      if (!is_decimal && (small < 'a' || small > 'f')) {
        return std::nullopt;
      }
      number = number << 4U | static_cast<std::uint32_t>(is_decimal ? digit - '0' : small - 'a' + 10);
    }
    return digits > 0 && is_code_point(number) ? std::optional<char32_t>(number) : std::nullopt;
  }

  std::string_view text_;
  std::uint64_t begin_;
  bool is_utf8_;
  std::size_t at_ = 0;
};

}  // namespace

Result<NpyLiteral> parse_npy_literal(std::string_view literal, std::uint64_t begin, bool is_utf8) {
  return NpyLiteralParser(literal, begin, is_utf8).parse_all();
}

void append_npy_literal(std::string& literal, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  literal.push_back('\'');
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '\'' || letter == '\\') {
      literal.append({'\\', letter});
    } else if (byte < 0x20 || byte == 0x7F) {
      literal.append("\\x").append({hex[byte >> 4U], hex[byte & 0xFU]});
    } else {
      literal.push_back(letter);
    }
  }
  literal.push_back('\'');
}

}  // namespace locum::storage
