#include "core/fortran/numbers.hpp"

#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>

namespace locum::fortran {

namespace {

template <class T>
T read_as(const void* data) noexcept {
  T value;
  std::memcpy(&value, data, sizeof value);
  return value;
}

// Returns true, as all of this file that writes what it has converted.
template <class T>
bool write_as(const locum_array& into, T value) noexcept {
  std::memcpy(into.data, &value, sizeof value);
  return true;
}

template <class T>
bool write_integer(const locum_array& into, std::int64_t value) noexcept {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max() &&
         write_as(into, static_cast<T>(value));
}

bool write_real(const locum_array& into, double value) noexcept {
  const auto single = static_cast<float>(value);
  const bool is_single = std::isnan(value) || static_cast<double>(single) == value;
  switch (into.type) {
    case LOCUM_F32:
      return is_single && write_as(into, single);
    case LOCUM_F64:
      return write_as(into, value);
    case LOCUM_C64:
      return is_single && write_as(into, std::complex<float>(single));
    case LOCUM_C128:
      return write_as(into, std::complex<double>(value));
    default:
      return false;
  }
}

bool write_signed(const locum_array& into, std::int64_t value) noexcept {
  switch (into.type) {
    case LOCUM_I8:
      return write_integer<std::int8_t>(into, value);
    case LOCUM_I16:
      return write_integer<std::int16_t>(into, value);
    case LOCUM_I32:
      return write_integer<std::int32_t>(into, value);
    case LOCUM_I64:
      return write_as(into, value);
    default: {
      const auto real = static_cast<double>(value);
      // 2^63 is the only double that an integer is rounded to and that is none.
      return real < 0x1p63 && static_cast<std::int64_t>(real) == value && write_real(into, real);
    }
  }
}

bool write_unsigned(const locum_array& into, std::uint64_t value) noexcept {
  if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return write_signed(into, static_cast<std::int64_t>(value));
  }
  const auto real = static_cast<double>(value);
  return real < 0x1p64 && static_cast<std::uint64_t>(real) == value && write_real(into, real);
}

}  // namespace

bool convert_number(const locum_array& from, const locum_array& into) noexcept {
  if (from.rank != 0 || into.rank != 0 || from.data == nullptr) {
    return false;
  }
  switch (from.type) {
    case LOCUM_I64:
      return write_signed(into, read_as<std::int64_t>(from.data));
    case LOCUM_U64:
      return write_unsigned(into, read_as<std::uint64_t>(from.data));
    case LOCUM_F64:
      return write_real(into, read_as<double>(from.data));
    case LOCUM_C128: {
      const auto value = read_as<std::complex<double>>(from.data);
      const std::complex<float> single(value);
      return into.type == LOCUM_C64 && std::complex<double>(single) == value && write_as(into, single);
    }
    default:
      return false;
  }
}

locum_array as_record_number(const locum_array& value, NumberMemory& memory) noexcept {
  locum_array number = value;
  if (value.rank != 0 || value.data == nullptr) {
    return number;
  }
  number.data = memory.bytes;
  switch (value.type) {
    case LOCUM_I8:
      number.type = LOCUM_I64;
      write_as(number, std::int64_t{read_as<std::int8_t>(value.data)});
      return number;
    case LOCUM_I16:
      number.type = LOCUM_I64;
      write_as(number, std::int64_t{read_as<std::int16_t>(value.data)});
      return number;
    case LOCUM_I32:
      number.type = LOCUM_I64;
      write_as(number, std::int64_t{read_as<std::int32_t>(value.data)});
      return number;
    case LOCUM_F32:
      number.type = LOCUM_F64;
      write_as(number, static_cast<double>(read_as<float>(value.data)));
      return number;
    case LOCUM_C64:
      number.type = LOCUM_C128;
      write_as(number, std::complex<double>(read_as<std::complex<float>>(value.data)));
      return number;
    default:
      return value;
  }
}

}  // namespace locum::fortran
