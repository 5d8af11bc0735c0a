#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ostream>
#include <string>

#include "core/record.hpp"
#include "core/value/extents_text.hpp"
#include "core/value/key.hpp"

namespace locum {

namespace {

/// Arrays of one dimension are printed with their elements up to this number.
constexpr std::uint64_t longest_shown_array = 8;

template <class T>
void append_decimal(std::string& text, T number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  text.append(digits.data(), end);
}

void append_real(std::string& text, double number) {
  const std::size_t from = text.size();
  append_decimal(text, number);
  // 1.0 is no integer. NaN and infinity have no point, and letters.
  if (text.find_first_not_of("-0123456789", from) == std::string::npos) {
    text += ".0";
  }
}

void append_complex(std::string& text, const std::complex<double>& number) {
  text += "complex(";
  append_real(text, number.real());
  text += ", ";
  append_real(text, number.imag());
  text += ")";
}

void append_quoted(std::string& text, std::string_view shown) {
  constexpr std::string_view hex = "0123456789abcdef";
  text += '"';
  for (const char letter : shown) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      text.append({'\\', letter});
    } else if (letter == '\n') {
      text += "\\n";
    } else if (letter == '\t') {
      text += "\\t";
    } else if (letter == '\r') {
      text += "\\r";
    } else if (code < 0x20 || code == 0x7F) {
      text.append("\\u00").append({hex[code >> 4U], hex[code & 15U]});
    } else {
      text += letter;
    }
  }
  text += '"';
}

template <class T>
T element_at(const std::byte* at) {
  T element;
  std::memcpy(&element, at, sizeof element);
  return element;
}

template <class T>
void append_element_as(std::string& text, const std::byte* at) {
  append_decimal(text, element_at<T>(at));
}

template <class T>
void append_complex_as(std::string& text, const std::byte* at) {
  append_complex(text, {element_at<T>(at), element_at<T>(at + sizeof(T))});
}

void append_boolean(std::string& text, const std::byte* at) {
  text += *at == std::byte{0} ? "false" : "true";
}

using AppendElement = void (*)(std::string& text, const std::byte* at);

/// Returns how an element is printed; null for a class.
AppendElement printed_as(std::string_view element) {
  constexpr std::array<std::pair<std::string_view, AppendElement>, 15> all{{
      {"bool", append_boolean},
      {"char", append_element_as<std::uint8_t>},
      {"byte", append_element_as<std::uint8_t>},
      {"i8", append_element_as<std::int8_t>},
      {"u8", append_element_as<std::uint8_t>},
      {"i16", append_element_as<std::int16_t>},
      {"u16", append_element_as<std::uint16_t>},
      {"i32", append_element_as<std::int32_t>},
      {"u32", append_element_as<std::uint32_t>},
      {"f32", append_element_as<float>},
      {"i64", append_element_as<std::int64_t>},
      {"u64", append_element_as<std::uint64_t>},
      {"f64", append_element_as<double>},
      {"c64", append_complex_as<float>},
      {"c128", append_complex_as<double>},
  }};
  const auto* const found =
      std::ranges::find(all, element, &std::pair<std::string_view, AppendElement>::first);
  return found == all.end() ? nullptr : found->second;
}

void append_array(std::string& text, const Array& array) {
  const Extents& extents = array.extents();
  text.append(array.element().name()).append("[");
  text.append(extents.size() == 0 ? "" : extents_text(extents, "x")).append("]");
  const AppendElement append_element = printed_as(array.element().name());
  if (append_element == nullptr || extents.size() > 1 || array.size() > longest_shown_array) {
    return;
  }
  if (extents.size() == 0) {
    text += ' ';
    return append_element(text, array.data());
  }
  text += " [";
  const std::byte* at = array.data();
  for (std::uint64_t index = 0; index < array.size(); ++index) {
    text += index == 0 ? "" : ", ";
    append_element(text, at);
    at += array.stride(0);
  }
  text += ']';
}

void append_value(std::string& text, const Record& record) {
  switch (record.kind()) {
    case Record::Kind::null:
      text += "null";
      return;
    case Record::Kind::boolean:
      text += record == Record(true) ? "true" : "false";
      return;
    case Record::Kind::integer:
      if (const auto small = record.as<std::int64_t>()) {
        append_decimal(text, *small);
      } else {
        append_decimal(text, record.as<std::uint64_t>().value_or(0));
      }
      return;
    case Record::Kind::real:
      return append_real(text, record.as<double>().value_or(0));
    case Record::Kind::complex:
      return append_complex(text, record.as<std::complex<double>>().value_or(0));
    case Record::Kind::text:
      return append_quoted(text, record.text());
    case Record::Kind::bytes:
      text.append("bytes(").append(std::to_string(record.bytes().size())).append(")");
      return;
    case Record::Kind::array:
      return append_array(text, record.array());
    case Record::Kind::list: {
      std::string_view between = "[";
      for (const Record& value : record.list()) {
        append_value(text.append(between), value);
        between = ", ";
      }
      text += record.size() == 0 ? "[]" : "]";
      return;
    }
    case Record::Kind::members: {
      std::string_view between = "{";
      for (const auto& [name, value] : record.members()) {
        append_quoted(text.append(between), name);
        append_value(text.append(": "), value);
        between = ", ";
      }
      text += record.size() == 0 ? "{}" : "}";
      return;
    }
    case Record::Kind::stand_in:
      text.append("stand_in(")
          .append(to_string(record.as<RawProxy>().value_or(RawProxy()).key()))
          .append(")");
      return;
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Record& record) {
  std::string text;
  append_value(text, record);
  return out << text;
}

}  // namespace locum
