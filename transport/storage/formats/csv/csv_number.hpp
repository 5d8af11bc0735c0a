#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace locum::storage {

/// The decimal number at the beginning of a text, as Python's float() and int() read it: a sign, digits,
/// fraction, exponent.
struct CsvNumber {
  const char* begin;
  const char* end = nullptr;  ///< behind the number; null if there is none
  std::uint64_t digits = 0;   ///< all digits as an integer; wraps if there are more than `most_digits`
  std::int64_t exponent = 0;  ///< decimal, of `digits`
  std::size_t count = 0;      ///< of the digits
  bool is_negative = false;
  bool is_integer = false;  ///< has neither a decimal point nor an exponent

  static constexpr std::size_t most_digits = 19;
};

/// Returns the real number with the fewest roundings: one. \param decimal the decimal point of the text
[[nodiscard]] double csv_rounded(const CsvNumber& number, char decimal);
/// Returns the same for a number of 32 bits.
[[nodiscard]] float csv_rounded_single(const CsvNumber& number, char decimal);
/// Returns whether an integer is the real number that csv_real() returns for it. REQUIRES: number.is_integer.
[[nodiscard]] bool csv_is_exact(const CsvNumber& number) noexcept;
/// Returns the magnitude of an integer; nothing if it needs more than 64 bits. REQUIRES: number.is_integer.
[[nodiscard]] std::optional<std::uint64_t> csv_magnitude(const CsvNumber& number) noexcept;
/// Returns the value of `inf`, `infinity` or `nan`, in any case and with any sign, which a NaN loses; nothing
/// for other texts.
[[nodiscard]] std::optional<double> csv_not_finite(std::string_view trimmed) noexcept;

namespace csv {

[[nodiscard]] inline bool is_digit(char c) noexcept {
  return static_cast<unsigned char>(c - '0') < 10;
}

/// Appends decimal digits to a number. Returns the address behind them.
inline const char* append_digits(const char* at, const char* end, std::uint64_t& number) noexcept {
  while (at != end && is_digit(*at)) {
    number = number * 10 + static_cast<std::uint64_t>(*at++ - '0');
  }
  return at;
}

/// Does the same, eight digits at a time: for long rows of digits.
inline const char* append_many_digits(const char* at, const char* end, std::uint64_t& number) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof word);
      // Each byte is a digit if its high half is 3, and stays so when 6 is added.
      constexpr std::uint64_t high_halves = 0xF0F0F0F0F0F0F0F0;
      if (((word & high_halves) | (((word + 0x0606060606060606) & high_halves) >> 4U)) !=
          0x3333333333333333) {
        break;
      }
      word = (word & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8U;             // pairs: 10 * first + second
      word = (word & 0x00FF00FF00FF00FF) * 6553601 >> 16U;         // 100 * first + second
      word = (word & 0x0000FFFF0000FFFF) * 42949672960001 >> 32U;  // 10 000 * first + second
      number = number * 100000000 + word;
      at += 8;
    }
  }
  return append_digits(at, end, number);
}

}  // namespace csv

/// Finds the number that a text begins with. Always inlined: the parts of the number stay in registers, and
/// tables of numbers load in a tenth less time.
[[nodiscard, gnu::always_inline]] inline CsvNumber csv_scan(const char* at, const char* end,
                                                            char decimal) noexcept {
  CsvNumber number{.begin = at};
  if (at != end && (*at == '-' || *at == '+')) {
    number.is_negative = *at++ == '-';
  }
  const char* part = at;
  at = csv::append_digits(at, end, number.digits);
  number.count = static_cast<std::size_t>(at - part);
  number.is_integer = true;
  if (at != end && *at == decimal) {
    number.is_integer = false;
    part = ++at;
    at = csv::append_many_digits(at, end, number.digits);
    number.exponent = part - at;
    number.count += static_cast<std::size_t>(at - part);
  }
  if (number.count == 0) {
    return number;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    number.is_integer = false;
    bool is_negative = false;
    if (++at != end && (*at == '-' || *at == '+')) {
      is_negative = *at++ == '-';
    }
    part = at;
    std::int64_t exponent = 0;
    constexpr std::int64_t beyond_all = 1 << 24;
    for (; at != end && csv::is_digit(*at); ++at) {
      exponent = exponent < beyond_all ? exponent * 10 + (*at - '0') : exponent;
    }
    if (at == part) {
      return number;
    }
    number.exponent += is_negative ? -exponent : exponent;
  }
  number.end = at;
  return number;
}

/// Returns the real number that is nearest to a number: for most without looking at its text again, since a
/// quotient or a product of two exact numbers is rounded once (Clinger, How to read floating point numbers
/// accurately, 1990).
[[nodiscard]] inline double csv_real(const CsvNumber& number, char decimal) {
  constexpr std::array<double, 23> powers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  constexpr std::int64_t most = powers.size() - 1;
  if (number.count > CsvNumber::most_digits || number.digits > std::uint64_t{1} << 53U ||
      number.exponent < -most || number.exponent > most) {
    return csv_rounded(number, decimal);
  }
  const auto digits = static_cast<double>(number.digits);
  const double value = number.exponent < 0 ? digits / powers[static_cast<std::size_t>(-number.exponent)]
                                           : digits * powers[static_cast<std::size_t>(number.exponent)];
  return number.is_negative ? -value : value;
}

}  // namespace locum::storage
