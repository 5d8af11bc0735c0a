#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include <locum/archive.hpp>

#include "transport/storage/formats/json/json_text.hpp"
#include "transport/storage/formats/text/draft_text.hpp"
#include "transport/storage/formats/text/element_number.hpp"
#include "transport/storage/formats/text/real_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

void json_append_base64(std::string& text, std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(bytes.size() - at, 3);
    std::uint32_t group = 0;
    for (std::size_t next = 0; next < 3; ++next) {
      group = group << 8U | (next < count ? static_cast<std::uint32_t>(bytes[at + next]) : 0);
    }
    for (std::size_t digit = 0; digit < 4; ++digit) {
      text += digit > count ? '=' : digits[group >> (18 - 6 * digit) & 0x3FU];
    }
  }
}

/// Appends the escape of a number of 16 bits.
void json_append_unit(std::string& text, std::uint32_t unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  text += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    text += digits[unit >> shift & 0xFU];
  }
}

/// Appends the escape of the character beyond ASCII that a text begins with, in UTF-16, and removes it there.
/// REQUIRES: the text is UTF-8.
void json_append_escaped(std::string& out, std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  std::uint32_t point = lead & (0xFFU >> (bytes + 1));
  for (const char c : text.substr(1, bytes - 1)) {
    point = point << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  }
  text.remove_prefix(bytes);
  if (point < 0x10000) {
    json_append_unit(out, point);
  } else {
    json_append_unit(out, 0xD800U | (point - 0x10000) >> 10U);
    json_append_unit(out, 0xDC00U | (point & 0x3FFU));
  }
}

/// Writes a value. Keeps its place in the whole one for errors: `/limits/2`.
class JsonWriter {
 public:
  JsonWriter(FileDraft& file, const JsonOptions& options) : draft_(file), options_(options) {}

  Result<void> write(const Record& value) {
    if (auto written = append(value, 0); !written) {
      return written;
    }
    draft_.text += '\n';
    return draft_.flush();
  }

 private:
  [[nodiscard]] Error unwritable(const std::string& reason) const {
    return Error(Errc::type_mismatch, "the value " + (place_.empty() ? "" : "at " + place_ + " ") + reason);
  }
  void new_line(std::size_t depth) {
    if (options_.indent != 0) {
      draft_.text += '\n';
      draft_.text.append(depth * options_.indent, ' ');
    }
  }
  void comma_between() { draft_.text += options_.indent == 0 ? "," : ", "; }

  Result<void> append(const Record& value, std::size_t depth);
  Result<void> append_text(std::string_view text);
  Result<void> append_real_or_nan(double number);
  Result<void> append_members(const RecordMembers& members, std::size_t depth);
  Result<void> append_list(const Record::List& list, std::size_t depth);
  Result<void> append_array(const Array& array, std::size_t depth);
  Result<void> append_dimension(const Array& array, std::size_t dimension, const std::byte* at,
                                std::size_t depth);
  Result<void> append_element(const Array& array, const std::byte* at);

  DraftText draft_;
  const JsonOptions& options_;
  std::string place_;
};

Result<void> JsonWriter::append(const Record& value, std::size_t depth) {
  const bool nests = value.kind() == Record::Kind::list || value.kind() == Record::Kind::members;
  if (nests && depth == max_nesting) {
    return unwritable("nests deeper than " + std::to_string(max_nesting) + " levels; store it flatter");
  }
  switch (value.kind()) {
    case Record::Kind::null:
      draft_.text += "null";
      break;
    case Record::Kind::boolean:
      draft_.text += *value.as<bool>() ? "true" : "false";
      break;
    case Record::Kind::integer: {
      const auto with_sign = value.as<std::int64_t>();
      draft_.text += with_sign ? std::to_string(*with_sign) : std::to_string(*value.as<std::uint64_t>());
      break;
    }
    case Record::Kind::real:
      return append_real_or_nan(*value.as<double>());
    case Record::Kind::text:
      return append_text(value.text());
    case Record::Kind::bytes:
      if (!options_.base64) {
        return unwritable(options_.has_options
                              ? "is bytes, which JSON does not hold; save it with the option "
                                "{\"bytes\", \"base64\"}"
                              : "is bytes, which JSON does not hold; store them as a text");
      }
      draft_.text += '"';
      json_append_base64(draft_.text, value.bytes());
      draft_.text += '"';
      break;
    case Record::Kind::array:
      return append_array(value.array(), depth);
    case Record::Kind::list:
      return append_list(value.list(), depth + 1);
    case Record::Kind::members:
      return append_members(value.members(), depth + 1);
    case Record::Kind::complex:
      return unwritable("is complex, which JSON does not hold; save its real and imaginary parts");
    case Record::Kind::stand_in:
      return unwritable("stands for an object elsewhere; save the object itself");
  }
  return draft_.flush_if_long();
}

Result<void> JsonWriter::append_text(std::string_view text) {
  if (!is_utf8(text)) {
    return unwritable("has a text that is no UTF-8, as those of JSON are; save it as bytes");
  }
  constexpr std::string_view characters = "\"\\\b\f\n\r\t";
  constexpr std::string_view letters = "\"\\bfnrt";
  std::string& out = draft_.text;
  out += '"';
  const unsigned last_plain = options_.ascii ? 0x7F : 0xFF;
  const auto is_plain = [last_plain](char c) {
    const auto code = static_cast<unsigned char>(c);
    return code >= 0x20 && code <= last_plain && c != '"' && c != '\\';
  };
  while (!text.empty()) {
    const auto end = std::ranges::find_if_not(text, is_plain);
    const auto plain = static_cast<std::size_t>(end - text.begin());
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    if (text.empty()) {
      break;
    }
    const char c = text.front();
    if (static_cast<unsigned char>(c) > 0x7F) {
      json_append_escaped(out, text);
      continue;
    }
    text.remove_prefix(1);
    if (const std::size_t known = characters.find(c); known != std::string_view::npos) {
      out += '\\';
      out += letters[known];
    } else {
      json_append_unit(out, static_cast<unsigned char>(c));
    }
  }
  out += '"';
  return draft_.flush_if_long();
}

Result<void> JsonWriter::append_real_or_nan(double number) {
  if (std::isfinite(number)) {
    append_real(draft_.text, number);
    return draft_.flush_if_long();
  }
  switch (options_.nan) {
    case JsonOptions::Nan::refuse:
      return unwritable(
          "is NaN or infinite, which JSON does not hold; save it with the option {\"nan\", "
          "\"literal\"} or \"null\"");
    case JsonOptions::Nan::literal:
      draft_.text += std::isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity";
      break;
    case JsonOptions::Nan::null:
      draft_.text += "null";
      break;
  }
  return {};
}

Result<void> JsonWriter::append_members(const RecordMembers& members, std::size_t depth) {
  draft_.text += '{';
  const std::size_t length = place_.size();
  bool is_first = true;
  for (const auto& [name, member] : members) {
    draft_.text += std::exchange(is_first, false) ? "" : ",";
    new_line(depth);
    place_.append("/").append(name, 0, 64);
    if (auto written = append_text(name); !written) {
      return written;
    }
    draft_.text += options_.indent == 0 ? ":" : ": ";
    if (auto written = append(member, depth); !written) {
      return written;
    }
    place_.resize(length);
  }
  if (!members.empty()) {
    new_line(depth - 1);
  }
  draft_.text += '}';
  return {};
}

// Numbers stand side by side, other values below each other.
Result<void> JsonWriter::append_list(const Record::List& list, std::size_t depth) {
  const bool is_short = std::ranges::all_of(list, [](const Record& value) {
    return value.kind() == Record::Kind::integer || value.kind() == Record::Kind::real ||
           value.kind() == Record::Kind::boolean || value.is_null();
  });
  draft_.text += '[';
  const std::size_t length = place_.size();
  for (std::size_t at = 0; at < list.size(); ++at) {
    if (at > 0 && is_short) {
      comma_between();
    } else if (!is_short) {
      draft_.text += at == 0 ? "" : ",";
      new_line(depth);
    }
    place_.append("/").append(std::to_string(at));
    if (auto written = append(list[at], depth); !written) {
      return written;
    }
    place_.resize(length);
  }
  if (!is_short) {
    new_line(depth - 1);
  }
  draft_.text += ']';
  return {};
}

Result<void> JsonWriter::append_array(const Array& array, std::size_t depth) {
  if (!element_number_type(array.element().name())) {
    return unwritable("is an array of " + array.element().name() +
                      ", which JSON does not hold; save it in a format of arrays");
  }
  // Without elements there may be any number of empty lists.
  constexpr std::uint64_t most_empty_lists = 1U << 16U;
  std::uint64_t lists = 1;
  for (const std::uint64_t extent : array.extents().span()) {
    if (array.size() == 0 && (__builtin_mul_overflow(lists, extent, &lists) || lists > most_empty_lists)) {
      return unwritable("is an array without elements that would become more than 65536 empty lists");
    }
    if (lists == 0) {
      break;
    }
  }
  return append_dimension(array, 0, array.data(), depth + 1);
}

Result<void> JsonWriter::append_dimension(const Array& array, std::size_t dimension, const std::byte* at,
                                          std::size_t depth) {
  if (dimension == array.extents().size()) {
    return append_element(array, at);
  }
  const bool is_last = dimension + 1 == array.extents().size();
  const std::uint64_t extent = array.extents()[dimension];
  draft_.text += '[';
  for (std::uint64_t index = 0; index < extent; ++index) {
    if (index > 0 && is_last) {
      comma_between();
    } else if (!is_last) {
      draft_.text += index == 0 ? "" : ",";
      new_line(depth);
    }
    const std::byte* const next = at + static_cast<std::int64_t>(index) * array.stride(dimension);
    if (auto written = append_dimension(array, dimension + 1, next, depth + 1); !written) {
      return written;
    }
  }
  if (!is_last && extent > 0) {
    new_line(depth - 1);
  }
  draft_.text += ']';
  return draft_.flush_if_long();
}

Result<void> JsonWriter::append_element(const Array& array, const std::byte* at) {
  const ElementNumber number = element_number_at(at, *element_number_type(array.element().name()));
  if (number.kind == ElementNumber::Kind::real) {
    return append_real_or_nan(number.real);
  }
  append_element_number(draft_.text, number);
  return draft_.flush_if_long();
}

}  // namespace

Result<void> json_write(const Record& value, FileDraft& file, const JsonOptions& options) {
  return JsonWriter(file, options).write(value);
}

}  // namespace locum::storage
