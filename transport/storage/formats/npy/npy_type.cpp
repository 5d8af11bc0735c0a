#include "transport/storage/formats/npy/npy_type.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <limits>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"

namespace locum::storage {

namespace {

using NpyKind = NpyType::Kind;

constexpr char npy_own_order = std::endian::native == std::endian::little ? '<' : '>';
constexpr std::uint64_t npy_most_bytes = std::numeric_limits<std::int64_t>::max();

/// A type of numbers: how NumPy and this library call it.
struct NpyNumber {
  std::string_view code;
  std::string_view name;
  std::uint32_t part_bytes;
};
constexpr std::array<NpyNumber, 13> npy_numbers{{{"b1", "bool", 1},
                                                 {"i1", "i8", 1},
                                                 {"u1", "u8", 1},
                                                 {"i2", "i16", 2},
                                                 {"u2", "u16", 2},
                                                 {"i4", "i32", 4},
                                                 {"u4", "u32", 4},
                                                 {"i8", "i64", 8},
                                                 {"u8", "u64", 8},
                                                 {"f4", "f32", 4},
                                                 {"f8", "f64", 8},
                                                 {"c8", "c64", 4},
                                                 {"c16", "c128", 8}}};

Error wrong_npy_type(const NpyLiteral& description, std::string_view reason) {
  return Error(Errc::corrupt, "at byte " + std::to_string(description.at) +
                                  ": the type of the array's elements " + std::string(reason) +
                                  "; save the array again with NumPy");
}

/// Returns the number behind the letter of a code (of `S12` 12). False if it is none, or too large.
bool npy_size_of(std::string_view digits, std::uint64_t& size) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  return error == std::errc() && end == digits.data() + digits.size() && size <= npy_most_bytes;
}

/// Returns the type of a code that is not of numbers: `f2`, `S12`, `M8[ns]`.
Result<NpyType> npy_type_of_code(const NpyLiteral& description, std::string_view code) {
  const auto unknown = [&] {
    return wrong_npy_type(description, "is " + quoted_name(description.text) + ", which NumPy does not have");
  };
  NpyType type;
  if (code == "f2") {
    return type.kind = NpyKind::half, type.bytes = type.part_bytes = 2, type.name = "f16", type;
  }
  if (code == "f16" || code == "c32" || code == "f12" || code == "c24") {  // long double, as C has it
    (void)npy_size_of(code.substr(1), type.bytes);
    type.name = code.front() == 'f' ? "longdouble" : "clongdouble";
    return type;
  }
  if (code == "O" || code == "O8" || code == "O4") {
    return type.bytes = 8, type.name = "object", type;
  }
  if (code.starts_with("M8") || code.starts_with("m8")) {
    const std::string_view unit = code.substr(2);
    if (!unit.empty() && (unit.front() != '[' || unit.back() != ']' || unit.size() > 32)) {
      return unknown();
    }
    type.kind = NpyKind::time;
    type.bytes = type.part_bytes = 8;
    type.name = std::string(code.front() == 'M' ? "datetime64" : "timedelta64").append(unit);
    return type;
  }
  std::uint64_t size = 0;
  if (code.empty() || !npy_size_of(code.substr(1), size)) {
    return unknown();
  }
  switch (code.front()) {
    case 'S':
      return type.kind = NpyKind::bytes, type.bytes = size, type.name = "text", type;
    case 'U':
      type.kind = NpyKind::text;
      type.part_bytes = 4;
      type.name = "text";
      return __builtin_mul_overflow(size, 4U, &type.bytes) || type.bytes > npy_most_bytes
                 ? Result<NpyType>(unknown())
                 : std::move(type);
    case 'V':
      return type.bytes = size, type.name = "void[" + std::to_string(size) + "]", type;
    default:
      return unknown();
  }
}

Result<NpyType> npy_simple_type(const NpyLiteral& description) {
  std::string_view code = description.text;
  char order = '=';
  if (!code.empty() && std::string_view("<>|=").find(code.front()) != std::string_view::npos) {
    order = code.front();
    code.remove_prefix(1);
  }
  const bool is_swapped = (order == '<' || order == '>') && order != npy_own_order;
  const auto* const number = std::ranges::find(npy_numbers, code, &NpyNumber::code);
  if (number == npy_numbers.end()) {
    auto type = npy_type_of_code(description, code);
    if (type) {
      type->is_swapped = is_swapped && type->part_bytes > 1;
    }
    return type;
  }
  NpyType type;
  type.kind = NpyKind::number;
  type.part_bytes = number->part_bytes;
  type.is_swapped = is_swapped && type.part_bytes > 1;
  type.name = number->name;
  type.element = ElementType::named(number->name).value();
  type.bytes = type.element.bytes();
  return type;
}

bool is_npy_padding(const NpyField& field) {
  return field.name.empty() && field.type.kind == NpyKind::other && field.type.name.starts_with("void[");
}

/// Sets type and extents of a field: a type, or a tuple of a type and of extents.
Result<void> set_npy_type(NpyField& field, const NpyLiteral& description, const NpyLiteral* extents) {
  auto type = npy_type_of(description);
  if (!type) {
    return type.error();
  }
  field.type = std::move(*type);
  if (extents == nullptr) {
    return {};
  }
  if (extents->kind == NpyLiteral::Kind::integer) {
    field.extents = {extents->integer};
  } else if (auto several = npy_extents_of(*extents)) {
    field.extents = std::move(*several);
  } else {
    return several.error();
  }
  const auto count = npy_product(field.extents, 1);
  if (!count) {
    return count.error();
  }
  field.count = *count;
  return {};
}

Result<NpyField> npy_field_of(const NpyLiteral& description) {
  const auto is_text = [](const NpyLiteral& literal) { return literal.kind == NpyLiteral::Kind::text; };
  const auto& items = description.items;
  if (description.kind != NpyLiteral::Kind::tuple || items.size() < 2 || items.size() > 3) {
    return wrong_npy_type(description, "has a field that is no tuple of a name, a type and extents");
  }
  NpyField field;
  if (is_text(items[0])) {
    field.name = items[0].text;
  } else if (items[0].kind == NpyLiteral::Kind::tuple && items[0].items.size() == 2 &&
             is_text(items[0].items[1])) {
    field.name = items[0].items[1].text;  // behind its title
  } else {
    return wrong_npy_type(items[0], "has a field without a name");
  }
  if (auto set = set_npy_type(field, items[1], items.size() == 3 ? &items[2] : nullptr); !set) {
    return set.error();
  }
  if (field.name.empty() && !is_npy_padding(field)) {
    return wrong_npy_type(items[0], "has a field without a name");
  }
  return field;
}

Result<NpyType> npy_structured_type(const NpyLiteral& description) {
  NpyType type;
  type.kind = NpyKind::fields;
  type.name = "fields";
  std::unordered_set<std::string> names;
  for (const NpyLiteral& item : description.items) {
    auto field = npy_field_of(item);
    if (!field) {
      return field.error();
    }
    field->offset = type.bytes;
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(field->type.bytes, field->count, &bytes) ||
        __builtin_add_overflow(type.bytes, bytes, &type.bytes) || type.bytes > npy_most_bytes) {
      return wrong_npy_type(item, "needs more than 2^63 bytes");
    }
    if (is_npy_padding(*field)) {
      continue;
    }
    if (!names.insert(field->name).second) {
      return wrong_npy_type(item, "has two fields of the name " + quoted_name(field->name));
    }
    type.fields.push_back(std::move(*field));
  }
  return type;
}

}  // namespace

Result<NpyType> npy_type_of(const NpyLiteral& description) {
  switch (description.kind) {
    case NpyLiteral::Kind::text:
      return npy_simple_type(description);
    case NpyLiteral::Kind::list:
      return npy_structured_type(description);
    case NpyLiteral::Kind::integer:
    case NpyLiteral::Kind::boolean:
    case NpyLiteral::Kind::tuple:
    case NpyLiteral::Kind::dict:
      break;
  }
  return wrong_npy_type(description, "is neither a text nor a list of fields");
}

Result<std::vector<std::uint64_t>> npy_extents_of(const NpyLiteral& tuple) {
  std::vector<std::uint64_t> extents;
  bool is_right = tuple.kind == NpyLiteral::Kind::tuple;
  for (const NpyLiteral& item : tuple.items) {
    is_right = is_right && item.kind == NpyLiteral::Kind::integer;
    extents.push_back(item.integer);
  }
  if (!is_right) {
    return Error(Errc::corrupt,
                 "at byte " + std::to_string(tuple.at) +
                     ": the shape of the array is no tuple of integers; save it again with NumPy");
  }
  return extents;
}

std::string npy_description_of(const ElementType& element) {
  if (element.name() == "char") {
    return "|S1";
  }
  const std::string_view name = element.name() == "byte" ? std::string_view("u8") : element.name();
  const auto* const number = std::ranges::find(npy_numbers, name, &NpyNumber::name);
  if (number == npy_numbers.end()) {
    return {};
  }
  return std::string(1, number->part_bytes == 1 ? '|' : npy_own_order).append(number->code);
}

Result<std::uint64_t> npy_product(const std::vector<std::uint64_t>& extents, std::uint64_t element_bytes) {
  std::uint64_t positive = element_bytes == 0 ? 1 : element_bytes;
  bool has_zero = element_bytes == 0;
  for (const std::uint64_t extent : extents) {
    has_zero = has_zero || extent == 0;
    if (extent != 0 && (__builtin_mul_overflow(positive, extent, &positive) || positive > npy_most_bytes)) {
      return Error(Errc::unsupported,
                   "the shape of the array needs more than 2^63 bytes; the file is damaged, "
                   "or made to do harm");
    }
  }
  return has_zero ? 0 : positive;
}

}  // namespace locum::storage
