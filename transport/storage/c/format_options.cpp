#include "transport/storage/c/format_options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "core/value/error.hpp"

namespace locum::c {

namespace {

Error wrong_options(std::string_view option, const std::string& why) {
  return Error(Errc::invalid_argument, "the option '" + std::string(option) + "' of a format " + why +
                                           "; write name=value&name=value");
}

/// What an option has instead of one value: a list, or members.
struct Brackets {
  char close;
  std::string_view noun;
  std::string_view unquoted;  ///< the characters that an item without quotes does not have
  std::string_view rule;      ///< how it is written
};
constexpr Brackets of_lists{']', "a list", "[]'\"",
                            "write name=[64,64] or name=['a','b'], and %5B for a [ that begins no list"};
constexpr Brackets of_members{'}', "members", "[]{}'\"",
                              "write name={x:f64,'y':i32}, and %7B for a { that begins no members"};

Error wrong_in(const Brackets& kind, std::string_view option, const std::string& why) {
  return Error(Errc::invalid_argument,
               "the option '" + std::string(option) + "' of a format " + why + "; " + std::string(kind.rule));
}

Result<std::string> unescaped(std::string_view text, std::string_view option) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      plain += text[at];
      continue;
    }
    std::uint8_t byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const char* const end = digits.data() + digits.size();
    if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end) {
      return wrong_options(option, "has a % without two hexadecimal digits; a % itself is %25");
    }
    plain += static_cast<char>(byte);
    at += 2;
  }
  return plain;
}

template <class T>
bool reads(const std::string& text, Record& into) {
  T number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return false;
  }
  into = number;
  return true;
}

/// Returns the value that a text looks like.
Record option_value(std::string text) {
  if (text == "true" || text == "false") {
    return text == "true";
  }
  Record number;
  const bool is_number = text.find_first_of("0123456789") <= 2 &&  // not inf, nan
                         (reads<std::int64_t>(text, number) || reads<std::uint64_t>(text, number) ||
                          reads<double>(text, number));
  return is_number ? number : Record(std::move(text));
}

constexpr std::string_view blanks = " \t";

/// Removes blanks at both ends.
std::string_view without_blanks(std::string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// Returns the length of the item that a text begins with, up to the `end` behind it, or to the end of the
/// text; npos if it begins with a quote, and the text does not go on as an item in quotes does.
std::size_t length_of_item(std::string_view text, char end) noexcept {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos || (text[first] != '\'' && text[first] != '"')) {
    return std::min(text.find(end), text.size());
  }
  const std::size_t quote = text.find(text[first], first + 1);
  if (quote == std::string_view::npos) {
    return quote;
  }
  const std::size_t next = std::min(text.find_first_not_of(blanks, quote + 1), text.size());
  return next == text.size() || text[next] == end ? next : std::string_view::npos;
}

/// The items between brackets, taken one by one.
class Items {
 public:
  /// \param inside what is between the brackets
  Items(const Brackets& kind, std::string_view inside, std::string_view option) noexcept
      : kind_(kind), rest_(inside), option_(option), has_more_(!without_blanks(inside).empty()) {}

  [[nodiscard]] bool has_more() const noexcept { return has_more_; }
  /// Takes an item that ends before a comma, as the value that it looks like: a text if it is in quotes.
  [[nodiscard]] Result<Record> value() {
    const auto item = next(',');
    auto plain = item ? unescaped(item->text, option_) : Result<std::string>(item.error());
    if (!plain) {
      return plain.error();
    }
    return item->is_quoted ? Record(*std::move(plain)) : option_value(*std::move(plain));
  }
  /// Takes a name, which ends before a colon.
  [[nodiscard]] Result<std::string> name() {
    const auto item = next(':');
    if (item && (!has_more_ || (!item->is_quoted && item->text.find(',') != std::string_view::npos))) {
      return wrong_in(kind_, option_, "has a member without a colon behind its name");
    }
    return item ? unescaped(item->text, option_) : Result<std::string>(item.error());
  }
  [[nodiscard]] Error wrong(const std::string& why) const { return wrong_in(kind_, option_, why); }

 private:
  struct Item {
    std::string_view text;
    bool is_quoted = false;
  };

  Result<Item> next(char end) {
    const std::string with = "has " + std::string(kind_.noun) + " with ";
    const std::size_t length = length_of_item(rest_, end);
    if (length == std::string_view::npos) {
      return wrong(with + "a quote that is not the first or the last of an item");
    }
    const std::string_view item = without_blanks(rest_.substr(0, length));
    has_more_ = length < rest_.size();
    rest_.remove_prefix(std::min(length + 1, rest_.size()));
    if (item.empty()) {
      return wrong(with + "an item of no characters; an empty text is ''");
    }
    if (item.front() == '\'' || item.front() == '"') {
      return Item{item.substr(1, item.size() - 2), true};
    }
    if (item.find_first_of(kind_.unquoted) != std::string_view::npos) {
      return wrong(with +
                   "a bracket or a quote in an item, which belongs in quotes; lists and members do not nest");
    }
    return Item{item, false};
  }

  const Brackets& kind_;
  std::string_view rest_;
  std::string_view option_;
  bool has_more_;
};

/// Reads a list: `[1,2]`, `['a', 'b']`.
Result<Record> list_value(Items items) {
  Record::List values;
  while (items.has_more()) {
    auto value = items.value();
    if (!value) {
      return value.error();
    }
    values.push_back(*std::move(value));
  }
  return Record::list(std::move(values));
}

/// Reads members: `{x:f64, 'y':i32}`.
Result<Record> members_value(Items items) {
  auto members = Record::members({});
  while (items.has_more()) {
    const auto name = items.name();
    auto value = name ? items.value() : Result<Record>(name.error());
    if (!value) {
      return value.error();
    }
    if (members.members().find(*name) != nullptr) {
      return items.wrong("has the member '" + *name + "' twice");
    }
    members.set(*name, *std::move(value));
  }
  return members;
}

/// Reads what follows the `=` of an option.
Result<Record> value_given(std::string_view text, std::string_view option) {
  const std::string_view trimmed = without_blanks(text);
  if (trimmed.starts_with('[') || trimmed.starts_with('{')) {
    const Brackets& kind = trimmed.front() == '[' ? of_lists : of_members;
    if (trimmed.size() < 2 || trimmed.back() != kind.close) {
      return wrong_in(kind, option,
                      "begins " + std::string(kind.noun) + ", but does not end with a " + kind.close);
    }
    const Items items(kind, trimmed.substr(1, trimmed.size() - 2), option);
    return trimmed.front() == '[' ? list_value(items) : members_value(items);
  }
  auto plain = unescaped(text, option);
  return plain ? Result<Record>(option_value(*std::move(plain))) : plain.error();
}

}  // namespace

Result<Record> format_options_in(std::string_view text) {
  Record options;
  while (!text.empty()) {
    const std::string_view option = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(option.size() + 1, text.size()));
    const std::size_t equal = option.find('=');
    auto name = unescaped(option.substr(0, equal), option);
    auto value = equal == std::string_view::npos ? Result<Record>(Record(true))
                                                 : value_given(option.substr(equal + 1), option);
    if (!name || !value) {
      return name ? value.error() : name.error();
    }
    if (name->empty()) {
      return wrong_options(option, "has no name");
    }
    if (options.members().find(*name) != nullptr) {
      return wrong_options(option, "is given twice");
    }
    options.set(*name, *std::move(value));
  }
  return options;
}

}  // namespace locum::c
