#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "core/record.hpp"
#include "core/strided_array.hpp"
#include "core/value/extents_text.hpp"

namespace locum {

namespace {

std::string decimal(double number) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

/// Returns whether a binary floating-point number of these digits is exactly this number.
bool fits_digits(std::uint64_t magnitude, int digits) {
  return magnitude == 0 ||
         static_cast<int>(std::bit_width(magnitude)) - std::countr_zero(magnitude) <= digits;
}

/// Returns the magnitude of an integer.
std::uint64_t magnitude_of(std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  return number < 0 ? ~bits + 1 : bits;
}

bool is_float(double number) {
  if (!std::isfinite(number)) {
    return true;
  }
  return std::abs(number) <= double{std::numeric_limits<float>::max()} &&
         static_cast<double>(static_cast<float>(number)) == number;
}

constexpr std::string_view name_of_real(bool as_float) {
  return as_float ? TypeName<float>::value : TypeName<double>::value;
}

Error no_float(const std::string& number, std::string_view asked, std::string_view advice) {
  return Error(Errc::type_mismatch, "the value " + number + " is not exactly an " + std::string(asked) +
                                        "; read it as " + std::string(advice));
}

Result<double> exact_integer(std::uint64_t magnitude, bool is_negative, bool as_float) {
  const int digits = as_float ? std::numeric_limits<float>::digits : std::numeric_limits<double>::digits;
  if (!fits_digits(magnitude, digits)) {
    return no_float((is_negative ? "-" : "") + std::to_string(magnitude), name_of_real(as_float),
                    as_float && fits_digits(magnitude, std::numeric_limits<double>::digits)
                        ? "f64, and round it, or as an integer"
                        : "an integer, and round it");
  }
  return is_negative ? -static_cast<double>(magnitude) : static_cast<double>(magnitude);
}

Error out_of_range(const std::string& number, std::string_view asked) {
  return Error(Errc::type_mismatch, "the value " + number + " is outside of the range of " +
                                        std::string(asked) + "; read it as a type that holds it");
}

}  // namespace

Error Record::mismatch(std::string_view asked) const {
  const auto found = [this]() -> std::string {
    switch (kind()) {
      case Kind::null:
        return "null";
      case Kind::boolean:
        return "a boolean";
      case Kind::integer:
        return "an integer";
      case Kind::real:
        return "a real";
      case Kind::complex:
        return "complex";
      case Kind::text:
        return "a text";
      case Kind::bytes:
        return "bytes";
      case Kind::array:
        return "an array of " + shown_array().element().name();
      case Kind::list:
        return "a list";
      case Kind::members:
        return "members";
      case Kind::stand_in:
        return "a stand-in";
    }
    return "damaged";
  };
  return Error(Errc::type_mismatch,
               "the value is " + found() + ", not " + std::string(asked) +
                   (is_null() ? "; a member that is not there is null, too: check its name"
                              : "; its kind tells what it is"));
}

Result<std::int64_t> Record::signed_within(std::int64_t least, std::int64_t most,
                                           std::string_view asked) const {
  if (const auto* const large = std::get_if<std::uint64_t>(&value_)) {
    return out_of_range(std::to_string(*large), asked);
  }
  const auto* const value = std::get_if<std::int64_t>(&value_);
  if (value == nullptr) {
    return mismatch(asked);
  }
  return *value < least || *value > most ? Result<std::int64_t>(out_of_range(std::to_string(*value), asked))
                                         : Result<std::int64_t>(*value);
}

Result<std::uint64_t> Record::unsigned_within(std::uint64_t most, std::string_view asked) const {
  const auto* const small = std::get_if<std::int64_t>(&value_);
  if (small != nullptr && *small < 0) {
    return out_of_range(std::to_string(*small), asked);
  }
  const auto* const large = std::get_if<std::uint64_t>(&value_);
  if (small == nullptr && large == nullptr) {
    return mismatch(asked);
  }
  const std::uint64_t value = large == nullptr ? static_cast<std::uint64_t>(*small) : *large;
  return value > most ? Result<std::uint64_t>(out_of_range(std::to_string(value), asked))
                      : Result<std::uint64_t>(value);
}

Result<double> Record::real(bool as_float) const {
  if (const auto* const value = std::get_if<double>(&value_)) {
    return as_float && !is_float(*value)
               ? Result<double>(no_float(decimal(*value), name_of_real(true), "f64, and round it"))
               : Result<double>(*value);
  }
  if (const auto* const value = std::get_if<std::int64_t>(&value_)) {
    return exact_integer(magnitude_of(*value), *value < 0, as_float);
  }
  const auto* const large = std::get_if<std::uint64_t>(&value_);
  return large == nullptr ? Result<double>(mismatch(name_of_real(as_float)))
                          : exact_integer(*large, false, as_float);
}

Result<std::complex<double>> Record::complex_number(bool as_float) const {
  const std::string_view asked =
      as_float ? TypeName<std::complex<float>>::value : TypeName<std::complex<double>>::value;
  if (const auto* const value = std::get_if<std::complex<double>>(&value_)) {
    const bool is_held = !as_float || (is_float(value->real()) && is_float(value->imag()));
    return is_held ? Result<std::complex<double>>(*value)
                   : Result<std::complex<double>>(
                         no_float("(" + decimal(value->real()) + ", " + decimal(value->imag()) + ")", asked,
                                  "c128, and round it"));
  }
  if (kind() != Kind::real && kind() != Kind::integer) {
    return mismatch(asked);
  }
  const auto value = real(as_float);
  return value ? Result<std::complex<double>>(*value) : Result<std::complex<double>>(value.error());
}

Result<std::size_t> Record::elements_of(const ElementType& type) const {
  const Array& from = shown_array();
  if (from.element() != type || from.extents().size() != 1) {
    return Error(Errc::type_mismatch,
                 "the value is an array " + from.element().name() + "[" +
                     (from.extents().size() == 0 ? "" : extents_text(from.extents(), "x")) +
                     "], not one of one dimension of " + type.name() + "; read it as an Array");
  }
  return static_cast<std::size_t>(from.size());
}

void Record::copy_elements(void* into) const noexcept {
  const Array& from = shown_array();
  detail::pack(from.raw().memory(), static_cast<std::byte*>(into));
}

Result<std::vector<bool>> Record::array_of_booleans() const {
  const auto count = elements_of(ElementType::of<bool>());
  if (!count) {
    return count.error();
  }
  std::vector<std::uint8_t> bytes(*count);
  copy_elements(bytes.data());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (bytes[at] > 1) {
      return Error(Errc::type_mismatch, "the element " + std::to_string(at) +
                                            " of the array is neither true nor false; read it as an Array");
    }
  }
  return std::vector<bool>(bytes.begin(), bytes.end());
}

Error Record::in_list(std::size_t index, const Error& error) {
  return Error(error.code(), "value " + std::to_string(index) + " of the list: " + error.text(),
               error.detail());
}

Error Record::in_member(std::string_view name, const Error& error) {
  return Error(error.code(), "the member '" + std::string(name) + "': " + error.text(), error.detail());
}

Error Record::no_member(std::string_view name) const {
  constexpr std::size_t most_named = 20;
  std::string known;
  for (std::size_t at = 0; const auto& [other, value] : members()) {
    if (at++ == most_named) {
      known += ", …";
      break;
    }
    known.append(known.empty() ? "there are " : ", ").append(other);
  }
  const bool may_have_members = kind() == Kind::members || is_null();
  return may_have_members ? Error(Errc::not_found, "there is no member '" + std::string(name) + "'; " +
                                                       (known.empty() ? "there are none" : known))
                          : mismatch("members, of which '" + std::string(name) + "' would be one");
}

}  // namespace locum
