#include "transport/storage/formats/csv/csv_number.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <system_error>

#include "transport/storage/formats/text/real_text.hpp"

namespace locum::storage {

namespace {

/// Returns the digits, decimal point and exponent, without the sign.
std::string_view csv_unsigned_text(const CsvNumber& number) {
  std::string_view text(number.begin, static_cast<std::size_t>(number.end - number.begin));
  if (text.front() == '-' || text.front() == '+') {
    text.remove_prefix(1);
  }
  return text;
}

/// Returns the number without its sign, with a point. \param storage for the text, if it has to be changed
std::string_view csv_with_point(const CsvNumber& number, char decimal, std::string& storage) {
  const std::string_view text = csv_unsigned_text(number);
  const std::size_t at = decimal == '.' ? std::string_view::npos : text.find(decimal);
  if (at == std::string_view::npos) {
    return text;
  }
  storage = text;
  storage[at] = '.';
  return storage;
}

}  // namespace

double csv_rounded(const CsvNumber& number, char decimal) {
  std::string storage;
  const double value = nearest_double(csv_with_point(number, decimal, storage));
  return number.is_negative ? -value : value;
}

float csv_rounded_single(const CsvNumber& number, char decimal) {
  std::string storage;
  const float value = nearest_float(csv_with_point(number, decimal, storage));
  return number.is_negative ? -value : value;
}

bool csv_is_exact(const CsvNumber& number) noexcept {
  if (number.count <= 15) {
    return true;
  }
  std::string_view digits = csv_unsigned_text(number);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  double value = 0;
  if (digits.empty() ||
      std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) {
    return digits.empty();
  }
  std::array<char, std::numeric_limits<double>::max_exponent10 + 2> exact;
  const auto [end, error] =
      std::to_chars(exact.data(), exact.data() + exact.size(), value, std::chars_format::fixed, 0);
  return error == std::errc() &&
         std::string_view(exact.data(), static_cast<std::size_t>(end - exact.data())) == digits;
}

std::optional<std::uint64_t> csv_magnitude(const CsvNumber& number) noexcept {
  if (number.count <= CsvNumber::most_digits) {
    return number.digits;
  }
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(number.end - static_cast<std::ptrdiff_t>(number.count), number.end, value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<double> csv_not_finite(std::string_view trimmed) noexcept {
  bool is_negative = false;
  if (!trimmed.empty() && (trimmed.front() == '-' || trimmed.front() == '+')) {
    is_negative = trimmed.front() == '-';
    trimmed.remove_prefix(1);
  }
  const auto is_word = [trimmed](std::string_view word) {
    return std::ranges::equal(trimmed, word, [](char a, char b) { return a == b || a == b - 'a' + 'A'; });
  };
  if (is_word("inf") || is_word("infinity")) {
    const double value = std::numeric_limits<double>::infinity();
    return is_negative ? -value : value;
  }
  return is_word("nan") ? std::optional(std::numeric_limits<double>::quiet_NaN()) : std::nullopt;
}

}  // namespace locum::storage
