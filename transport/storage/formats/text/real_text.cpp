#include "transport/storage/formats/text/real_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <system_error>

namespace locum::storage {

namespace {

/// Whether a number that is near no floating-point number is too large, not too small. REQUIRES: not all of
/// its digits are 0.
bool real_is_huge(std::string_view number) {
  const std::size_t behind_digits = std::min(number.find_first_of("eE"), number.size());
  const std::string_view digits = number.substr(0, behind_digits);
  std::int64_t exponent = 0;
  if (behind_digits < number.size()) {
    std::string_view text = number.substr(behind_digits + 1);
    text.remove_prefix(text.starts_with('+') ? 1 : 0);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (error != std::errc()) {
      return !text.starts_with('-');  // the exponent needs more than 64 bits, more than any file has digits
    }
  }
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = digits.find_first_of("123456789");
  // The decimal exponent of the first digit that is not 0.
  const std::int64_t leading = first < point ? static_cast<std::int64_t>(point - first) - 1
                                             : -static_cast<std::int64_t>(first - point);
  std::int64_t sum = 0;
  return __builtin_add_overflow(leading, exponent, &sum) ? exponent > 0 : sum > 0;
}

template <class Real>
Real nearest_real(std::string_view number) {
  Real value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc::result_out_of_range) {
    value = real_is_huge(number) ? std::numeric_limits<Real>::infinity() : Real{0};
    return number.starts_with('-') ? -value : value;
  }
  return value;
}

}  // namespace

double nearest_double(std::string_view number) noexcept {
  return nearest_real<double>(number);
}

float nearest_float(std::string_view number) noexcept {
  return nearest_real<float>(number);
}

void append_real(std::string& text, double number) {
  std::array<char, 32> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  const std::string_view shortest(digits.data(), static_cast<std::size_t>(end - digits.data()));
  text += shortest;
  if (shortest.find_first_of(".e") == std::string_view::npos) {
    text += ".0";
  }
}

}  // namespace locum::storage
