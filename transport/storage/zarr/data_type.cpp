#include "transport/storage/zarr/data_type.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/npy/npy_type.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

/// A type of numbers: how version 3 and this library call it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> zarr_numbers{
    {{"bool", "bool"},
     {"int8", "i8"},
     {"uint8", "u8"},
     {"int16", "i16"},
     {"uint16", "u16"},
     {"int32", "i32"},
     {"uint32", "u32"},
     {"int64", "i64"},
     {"uint64", "u64"},
     {"float32", "f32"},
     {"float64", "f64"},
     {"complex64", "c64"},
     {"complex128", "c128"}}};

Error zarr_type_is_no_array(std::string_view member, const std::string& words) {
  return unsupported_zarr_member(
      member, words + ", which arrays here do not have; store them as numbers, or as texts in another file");
}

ZarrType zarr_half_type(bool is_big_endian) {
  return {.element = ElementType::of<float>(), .is_half = true, .is_big_endian = is_big_endian};
}

/// Returns what elements of a type that is no number are, for people.
std::string words_of_npy_type(const NpyType& type, const std::string& name) {
  switch (type.kind) {
    case NpyType::Kind::time:
      return name + ": moments or spans of time";
    case NpyType::Kind::bytes:
    case NpyType::Kind::text:
      return name + ": texts of fixed length";
    case NpyType::Kind::other:
      return name + ": " +
             (type.name == "object" ? "objects of Python" : "elements of NumPy's type " + type.name);
    case NpyType::Kind::number:
    case NpyType::Kind::half:
    case NpyType::Kind::fields:
      break;
  }
  return name;
}

Error zarr_type_is_unnamed(const ElementType& element, std::string_view version) {
  if (!element) {
    return no_element_type();
  }
  const std::string instead = element.name() == "char" ? "u8" : "numbers";
  return Error(Errc::unsupported, "Zarr, version " + std::string(version) + ", has no elements of type " +
                                      quoted_name(element.name()) + "; store the array as " + instead);
}

}  // namespace

Result<ZarrType> zarr_type_of_v2(const Record& dtype) {
  constexpr std::string_view member = "dtype";
  if (dtype.kind() == Record::Kind::list) {
    return zarr_type_is_no_array(member, "says that elements are structured");
  }
  if (dtype.kind() != Record::Kind::text) {
    return wrong_zarr_member(member, "is no text as \"<f8\"");
  }
  const std::string name = quoted_name(dtype.text());
  const char order = dtype.text().empty() ? '\0' : dtype.text().front();
  NpyLiteral description;
  description.text = dtype.text();
  const auto type = npy_type_of(description);
  if (!type || (order != '<' && order != '>' && order != '|')) {
    return wrong_zarr_member(member, "is " + name + ", which is no type as \"<f8\" or \"|u1\"");
  }
  const bool is_number = type->kind == NpyType::Kind::number || type->kind == NpyType::Kind::half;
  if (!is_number) {
    return zarr_type_is_no_array(member, "is " + words_of_npy_type(*type, name));
  }
  if (order == '|' && type->part_bytes > 1) {
    return wrong_zarr_member(member, "is " + name + ", which does not say the order of bytes: write < or >");
  }
  const bool is_big_endian = order == '>' && type->part_bytes > 1;
  return type->kind == NpyType::Kind::half
             ? zarr_half_type(is_big_endian)
             : ZarrType{.element = type->element, .is_big_endian = is_big_endian};
}

Result<ZarrType> zarr_type_of_v3(const Record& data_type) {
  constexpr std::string_view member = "data_type";
  const auto named = zarr_extension_of(data_type, member);
  if (!named) {
    return named.error();
  }
  const auto* const number =
      std::ranges::find(zarr_numbers, named->name, &std::pair<std::string_view, std::string_view>::first);
  const bool is_half = named->name == "float16";
  if (number == zarr_numbers.end() && !is_half) {
    return zarr_type_is_no_array(member, "is " + quoted_name(named->name));
  }
  if (named->configuration.size() != 0) {
    return unsupported_zarr_member(
        member, "is " + quoted_name(named->name) + " with a configuration, which this version does not know");
  }
  return is_half ? zarr_half_type(false) : ZarrType{.element = ElementType::named(number->second).value()};
}

Result<std::string> zarr_v2_name_of(const ZarrType& type) {
  if (type.is_half) {
    return std::string(type.is_big_endian ? ">f2" : "<f2");
  }
  std::string name = npy_description_of(type.element);
  if (name.empty() || type.element.name() == "char") {
    return zarr_type_is_unnamed(type.element, "2");
  }
  if (type.has_order() && name.front() != '|') {
    name.front() = type.is_big_endian ? '>' : '<';
  }
  return name;
}

Result<std::string> zarr_v3_name_of(const ZarrType& type) {
  if (type.is_half) {
    return std::string("float16");
  }
  const std::string_view name = type.element.name() == "byte" ? std::string_view("u8") : type.element.name();
  const auto* const number =
      std::ranges::find(zarr_numbers, name, &std::pair<std::string_view, std::string_view>::second);
  return number == zarr_numbers.end() ? Result<std::string>(zarr_type_is_unnamed(type.element, "3"))
                                      : Result<std::string>(number->first);
}

}  // namespace locum::storage
