#include "bench/scaling/json.hpp"

#include <cmath>
#include <cstdio>

namespace scaling {

void Json::name(std::string_view name) {
  separate();
  append_quoted(name);
  text_ += ": ";
  named_ = true;
}

void Json::value(double number) {
  separate();
  append_number(number);
}

void Json::value(std::int64_t number) {
  separate();
  text_ += std::to_string(number);
}

void Json::value(std::uint64_t number) {
  separate();
  text_ += std::to_string(number);
}

void Json::value(std::string_view text) {
  separate();
  append_quoted(text);
}

void Json::value(const std::vector<double>& numbers) {
  separate();
  text_ += '[';
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    text_ += i == 0 ? "" : ", ";
    append_number(numbers[i]);
  }
  text_ += ']';
}

void Json::null() {
  separate();
  text_ += "null";
}

void Json::open(char bracket) {
  separate();
  text_ += bracket;
  filled_.push_back(false);
}

void Json::close(char bracket) {
  const bool filled = filled_.back();
  filled_.pop_back();
  if (filled) {
    text_ += '\n' + std::string(2 * filled_.size(), ' ');
  }
  text_ += bracket;
  if (filled_.empty()) {
    text_ += '\n';
  }
}

void Json::separate() {
  if (named_) {
    named_ = false;
    return;
  }
  if (filled_.empty()) {
    return;
  }
  text_ += filled_.back() ? ",\n" : "\n";
  text_.append(2 * filled_.size(), ' ');
  filled_.back() = true;
}

void Json::append_number(double number) {
  if (!std::isfinite(number)) {
    text_ += "null";
    return;
  }
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.6g", number);
  text_ += digits;
}

void Json::append_quoted(std::string_view text) {
  text_ += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      text_ += code;
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

}  // namespace scaling
