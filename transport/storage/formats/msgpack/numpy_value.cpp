#include "transport/storage/formats/msgpack/numpy_value.hpp"

#include <algorithm>
#include <array>
#include <complex>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "transport/storage/formats/msgpack/msgpack_bytes.hpp"
#include "transport/storage/formats/text/element_number.hpp"
#include "transport/storage/formats/text/real_text.hpp"

namespace locum::storage {

namespace {

std::string numpy_text_of(const Record& part) {
  if (part.kind() == Record::Kind::text) {
    return std::string(part.text());
  }
  const auto bytes = part.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reverses the bytes of each number. \param size of one number, in bytes
void numpy_swap(std::span<std::byte> bytes, std::size_t size) {
  for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
    std::ranges::reverse(bytes.subspan(at, size));
  }
}

/// Copies elements, in the byte order of this machine. `corrupt` for truth values that are neither 0 nor 1.
Result<void> numpy_copy(std::span<const std::byte> from, std::span<std::byte> into,
                        const MsgpackElement& element) {
  std::ranges::copy(from, into.begin());
  if (element.is_swapped) {
    const bool is_complex = element.type.name().starts_with('c');
    numpy_swap(into, element.type.bytes() / (is_complex ? 2 : 1));
  }
  const auto is_no_truth = [](std::byte byte) { return byte > std::byte{1}; };
  if (element.type.name() == "bool" && std::ranges::any_of(into, is_no_truth)) {
    return Error(Errc::corrupt, "an array of truth values has a byte that is neither 0 nor 1");
  }
  return {};
}

/// Reads a real number as Python prints it at the beginning of a text, and removes it from there.
std::optional<double> numpy_take_real(std::string_view& text) {
  std::size_t end = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  const bool is_negative = text.starts_with('-');
  const std::string_view word = text.substr(end, 3);
  if (word == "inf" || word == "nan") {
    text.remove_prefix(end + 3);
    const double value =
        word == "inf" ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
    return is_negative ? -value : value;
  }
  const auto skip_digits = [&] {
    const std::size_t first = end;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') {
      ++end;
    }
    return end != first;
  };
  const std::size_t first = end;
  bool is_number = skip_digits();
  if (end < text.size() && text[end] == '.') {
    ++end;
    is_number = skip_digits() && is_number;
  }
  if (is_number && end < text.size() && text[end] == 'e') {
    ++end;
    end += end < text.size() && (text[end] == '+' || text[end] == '-') ? 1 : 0;
    is_number = skip_digits();
  }
  if (!is_number) {
    return {};
  }
  const double value = nearest_double(text.substr(first, end - first));
  text.remove_prefix(end);
  return is_negative ? -value : value;
}

}  // namespace

bool NumpyValue::take(std::string_view key, Record part) {
  for (const auto& [name, into] : {std::pair<std::string_view, Record*>{"nd", &nd_},
                                   {"type", &type_},
                                   {"kind", &kind_},
                                   {"shape", &shape_},
                                   {"complex", &complex_}}) {
    if (name == key && into->is_null()) {
      *into = std::move(part);
      return true;
    }
  }
  return false;
}

Result<Record> NumpyValue::value(const MakeArray& make) const {
  if (complex_.kind() == Record::Kind::boolean) {
    return complex_of_python();
  }
  if (nd_.kind() != Record::Kind::boolean) {
    return Error(Errc::unsupported,
                 "a map has keys of bytes, and is none that msgpack-numpy writes; members have "
                 "texts as names");
  }
  return *nd_.as<bool>() ? array(make) : number();
}

Result<Record> NumpyValue::array(const MakeArray& make) const {
  if (!numpy_text_of(kind_).empty()) {
    return Error(Errc::unsupported, "an array of NumPy has objects or structures as elements; store numbers");
  }
  const auto element = msgpack_element(numpy_text_of(type_));
  if (!element) {
    return element.error();
  }
  const Error wrong_shape(Errc::corrupt,
                          "the shape of an array does not fit its " + std::to_string(data.size()) + " bytes");
  if (shape_.kind() != Record::Kind::list) {
    return wrong_shape;
  }
  if (shape_.size() > max_rank) {
    return Error(Errc::unsupported, "an array has " + std::to_string(shape_.size()) +
                                        " dimensions; at most " + std::to_string(max_rank) +
                                        " are supported");
  }
  Extents extents;
  std::uint64_t bytes = element->type.bytes();
  for (const Record& extent : shape_.list()) {
    const auto number = extent.as<std::uint64_t>();
    if (!number || *number >> 63U != 0 || __builtin_mul_overflow(bytes, *number, &bytes)) {
      return wrong_shape;
    }
    extents.values[extents.rank++] = *number;
  }
  if (bytes != data.size()) {
    return wrong_shape;
  }
  auto draft = make(element->type, extents);
  if (!draft) {
    return draft.error();
  }
  if (auto copied = numpy_copy(data, draft->bytes(), *element); !copied) {
    return copied.error();
  }
  return Record(std::move(*draft).finish());
}

Result<Record> NumpyValue::number() const {
  const auto element = msgpack_element(numpy_text_of(type_));
  if (!element) {
    return element.error();
  }
  std::array<std::byte, 16> bytes{};
  if (data.size() != element->type.bytes()) {
    return Error(Errc::corrupt, "a number of NumPy has " + std::to_string(data.size()) +
                                    " bytes, and its type " + std::to_string(element->type.bytes()));
  }
  if (auto copied = numpy_copy(data, std::span(bytes).first(data.size()), *element); !copied) {
    return copied.error();
  }
  const std::string& name = element->type.name();
  if (name == "c128" || name == "c64") {
    std::array<double, 2> parts{};
    std::array<float, 2> single{};
    std::memcpy(parts.data(), bytes.data(), sizeof parts);
    std::memcpy(single.data(), bytes.data(), sizeof single);
    return name == "c128" ? Record(std::complex<double>(parts[0], parts[1]))
                          : Record(std::complex<double>(single[0], single[1]));
  }
  const ElementNumber number = element_number_at(bytes.data(), *element_number_type(name));
  switch (number.kind) {
    case ElementNumber::Kind::truth:
      return Record(number.truth);
    case ElementNumber::Kind::with_sign:
      return Record(number.with_sign);
    case ElementNumber::Kind::without_sign:
      return Record(number.without_sign);
    case ElementNumber::Kind::real:
      break;
  }
  return Record(number.real);
}

// Python prints it as (1+2j), or as 2j if the real part is 0.
Result<Record> NumpyValue::complex_of_python() const {
  std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  const Error wrong(Errc::corrupt, "a complex number of Python is not written as (1+2j)");
  if (text.starts_with('(') && text.ends_with(')')) {
    text = text.substr(1, text.size() - 2);
  }
  const auto first = numpy_take_real(text);
  if (!first) {
    return wrong;
  }
  if (text == "j") {
    return Record(std::complex<double>(0.0, *first));
  }
  const auto second = numpy_take_real(text);
  return second && text == "j" ? Result<Record>(Record(std::complex<double>(*first, *second))) : wrong;
}

}  // namespace locum::storage
