#include "transport/storage/formats/h5/h5_type.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "core/value/extents.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::storage {

namespace {

H5Type h5_type_of_class(const Identifier& type);

const std::string h5_reading_type = "reading a type";

Identifier h5_super_of(const Identifier& type) {
  return {H5Tget_super(type.get()), H5Tclose, h5_reading_type};
}

bool has_other_order(const Identifier& type) {
  const H5T_order_t order = H5Tget_order(type.get());
  return order == (std::endian::native == std::endian::little ? H5T_ORDER_BE : H5T_ORDER_LE);
}

/// Makes an element of a type whose bytes are, but for their order, those in memory.
H5Type h5_element(const Identifier& type, std::string_view name, std::uint32_t turned_bytes) {
  H5Type found;
  found.kind = H5Type::Kind::element;
  found.element = ElementType::named(name).value();
  found.in_memory = copy_of(type.get());
  found.stored_bytes = H5Tget_size(type.get());
  found.turned_bytes = turned_bytes > 1 ? turned_bytes : 0;
  found.is_as_stored = true;
  found.description = name;
  return found;
}

H5Type h5_other(std::string description) {
  H5Type found;
  found.description = std::move(description);
  return found;
}

bool is_half(const Identifier& type) {
  std::array<std::size_t, 5> fields{};
  return H5Tget_class(type.get()) == H5T_FLOAT && H5Tget_size(type.get()) == 2 &&
         H5Tget_precision(type.get()) == 16 && H5Tget_offset(type.get()) == 0 &&
         H5Tget_fields(type.get(), &fields[0], &fields[1], &fields[2], &fields[3], &fields[4]) >= 0 &&
         fields == std::array<std::size_t, 5>{15, 10, 5, 0, 10} && H5Tget_ebias(type.get()) == 15 &&
         H5Tget_norm(type.get()) == H5T_NORM_IMPLIED;
}

H5Type h5_number(const Identifier& type) {
  if (is_half(type)) {
    H5Type found;
    found.kind = H5Type::Kind::half;
    found.element = ElementType::of<float>();
    found.in_memory = copy_of(type.get());
    found.stored_bytes = 2;
    found.turned_bytes = has_other_order(type) ? 2 : 0;
    found.is_as_stored = true;
    found.description = "f16";
    return found;
  }
  const H5T_order_t order = H5Tget_order(type.get());
  if (order == H5T_ORDER_LE || order == H5T_ORDER_BE) {
    for (const NumberType& number : number_types()) {
      if (equal_but_for_order(type, copy_of(number.in_memory))) {
        const auto bytes = static_cast<std::uint32_t>(H5Tget_size(type.get()));
        return h5_element(type, number.name, has_other_order(type) ? bytes : 0);
      }
    }
  }
  return h5_other(describe(type));
}

bool is_h5_boolean(const Identifier& type) {
  return H5Tget_nmembers(type.get()) == 2 && H5Tequal(type.get(), h5_boolean_type().get()) > 0;
}

H5Type h5_enumeration(const Identifier& type) {
  if (is_h5_boolean(type)) {
    return h5_element(type, "bool", 0);
  }
  // HDF5 compares the names of a type one by one, and sorts them by exchanges.
  constexpr int most_names = 4096;
  if (const int names = H5Tget_nmembers(type.get()); names < 0 || names > most_names) {
    return h5_other("an enumeration of more than 4096 names");
  }
  const Identifier base = h5_super_of(type);
  H5Type found = h5_number(base);
  if (found.kind == H5Type::Kind::element && found.stored_bytes == H5Tget_size(type.get())) {
    found.in_memory = copy_of(type.get());  // HDF5 converts nothing then
    return found;
  }
  return h5_other(describe(type));
}

H5Type h5_bits(const Identifier& type) {
  const std::size_t bytes = H5Tget_size(type.get());
  const bool is_whole = (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) &&
                        H5Tget_precision(type.get()) == 8 * bytes && H5Tget_offset(type.get()) == 0;
  return is_whole ? h5_element(type, "u" + std::to_string(8 * bytes),
                               has_other_order(type) ? static_cast<std::uint32_t>(bytes) : 0)
                  : h5_other(describe(type));
}

H5Type h5_texts(const Identifier& type) {
  H5Type found;
  const htri_t is_variable = H5Tis_variable_str(type.get());
  check(is_variable, h5_reading_type);
  found.kind = is_variable > 0 ? H5Type::Kind::text : H5Type::Kind::fixed_text;
  found.in_memory = copy_of(type.get());
  found.stored_bytes = is_variable > 0 ? sizeof(char*) : H5Tget_size(type.get());
  found.is_space_padded = H5Tget_strpad(type.get()) == H5T_STR_SPACEPAD;
  found.is_zero_terminated = H5Tget_strpad(type.get()) == H5T_STR_NULLTERM;
  found.is_as_stored = is_variable == 0;
  found.description = "text";
  return found;
}

H5Type h5_opaque(const Identifier& type) {
  char* const read = H5Tget_tag(type.get());
  const std::string tag = read == nullptr ? "" : read;
  if (read != nullptr) {
    H5free_memory(read);
  }
  const std::size_t bytes = H5Tget_size(type.get());
  // Arrays of flat classes, in checkpoints and in files that were saved.
  if (const auto named = ElementType::named(tag); named && named->bytes() == bytes && tag.ends_with('}')) {
    return h5_element(type, tag, 0);
  }
  H5Type found;
  found.kind = H5Type::Kind::bytes;
  found.in_memory = copy_of(type.get());
  found.stored_bytes = bytes;
  found.is_as_stored = true;
  found.description = tag.empty() ? "bytes" : "opaque bytes '" + tag + "'";
  return found;
}

Identifier h5_field_type(const Identifier& type, unsigned at) {
  return {H5Tget_member_type(type.get(), at), H5Tclose, h5_reading_type};
}

/// Throws Error `corrupt` unless the fields of a compound are within it, one behind the other: HDF5 believes
/// their places.
void require_h5_fields(const Identifier& type) {
  const int count = H5Tget_nmembers(type.get());
  check(count, h5_reading_type);
  std::vector<std::pair<std::size_t, std::size_t>> fields;  // where they begin and end
  for (unsigned at = 0; at < static_cast<unsigned>(count); ++at) {
    const Identifier field = h5_field_type(type, at);
    const std::size_t first = H5Tget_member_offset(type.get(), at);
    const std::size_t bytes = H5Tget_size(field.get());
    fields.emplace_back(first, first + bytes);
  }
  std::ranges::sort(fields);
  std::size_t end = 0;
  for (const auto& [first, behind] : fields) {
    if (first < end || behind < first) {
      throw Error(Errc::corrupt, "the fields of a compound type overlap; the file is damaged");
    }
    end = behind;
  }
  if (end > H5Tget_size(type.get())) {
    throw Error(Errc::corrupt, "a field of a compound type ends behind it; the file is damaged");
  }
}

/// Returns complex numbers; no element if it is another compound.
H5Type h5_complex(const Identifier& type) {
  require_h5_fields(type);
  const std::string name = describe(type);
  if (name != "c64" && name != "c128") {
    return h5_other(name);
  }
  const std::size_t half = name == "c64" ? 4 : 8;
  const int real = H5Tget_member_index(type.get(), "r");
  const int imaginary = H5Tget_member_index(type.get(), "i");
  const Identifier component = h5_field_type(type, static_cast<unsigned>(real));
  if (H5Tget_size(type.get()) == 2 * half &&
      H5Tget_member_offset(type.get(), static_cast<unsigned>(real)) == 0 &&
      H5Tget_member_offset(type.get(), static_cast<unsigned>(imaginary)) == half) {
    return h5_element(type, name, has_other_order(component) ? static_cast<std::uint32_t>(half) : 0);
  }
  H5Type found = h5_element(number_in_memory(name), name, 0);
  found.is_as_stored = false;
  return found;
}

H5Type h5_array(const Identifier& type) {
  const Identifier base = h5_super_of(type);
  const H5T_class_t kind = H5Tget_class(base.get());
  const int rank = H5Tget_array_ndims(type.get());
  if (rank < 1 || static_cast<std::size_t>(rank) > max_rank || kind == H5T_ARRAY) {
    return h5_other(describe(type));
  }
  std::array<hsize_t, max_rank> extents{};
  check(H5Tget_array_dims2(type.get(), extents.data()), h5_reading_type);
  H5Type found = kind == H5T_COMPOUND ? h5_complex(base) : h5_type_of_class(base);
  if (found.kind != H5Type::Kind::element || !found.is_as_stored) {
    return h5_other("arrays of " + found.description);
  }
  found.in_memory = copy_of(type.get());
  found.stored_bytes = H5Tget_size(type.get());
  found.inner.assign(extents.begin(), extents.begin() + rank);
  return found;
}

H5Type h5_compound(const Identifier& type) {
  if (H5Type number = h5_complex(type); number.kind == H5Type::Kind::element) {
    return number;
  }
  H5Type found;
  found.kind = H5Type::Kind::fields;
  found.in_memory = copy_of(type.get());
  found.stored_bytes = H5Tget_size(type.get());
  found.description = describe(type);
  const int count = H5Tget_nmembers(type.get());
  check(count, h5_reading_type);
  for (unsigned at = 0; at < static_cast<unsigned>(count); ++at) {
    char* const read = H5Tget_member_name(type.get(), at);
    if (read == nullptr) {
      throw Error(Errc::corrupt, "the name of a field cannot be read");
    }
    std::string name = read;
    H5free_memory(read);
    const Identifier of_field = h5_field_type(type, at);
    const H5T_class_t kind = H5Tget_class(of_field.get());
    H5Type field = kind == H5T_COMPOUND ? h5_complex(of_field) : h5_type_of(of_field);
    if (field.kind != H5Type::Kind::other) {
      // HDF5 returns this field of each element, and nothing else.
      Identifier alone(H5Tcreate(H5T_COMPOUND, field.stored_bytes), H5Tclose, h5_reading_type);
      check(H5Tinsert(alone.get(), name.c_str(), 0, field.in_memory.get()), h5_reading_type);
      field.in_memory = std::move(alone);
      field.is_as_stored = false;
    }
    found.fields.push_back({std::move(name), std::move(field)});
  }
  return found;
}

H5Type h5_type_of_class(const Identifier& type) {
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
    case H5T_FLOAT:
      return h5_number(type);
    case H5T_ENUM:
      return h5_enumeration(type);
    case H5T_BITFIELD:
      return h5_bits(type);
    case H5T_STRING:
      return h5_texts(type);
    case H5T_OPAQUE:
      return h5_opaque(type);
    case H5T_ARRAY:
      return h5_array(type);
    case H5T_COMPOUND:
      return h5_compound(type);
    default:
      return h5_other(describe(type));
  }
}

}  // namespace

// A field of fields, and an array of arrays, are others: so the recursion ends.
H5Type h5_type_of(const Identifier& type) {
  H5Type found = h5_type_of_class(type);
  // HDF5 writes elements of this size, wherever it is told to.
  std::uint64_t bytes = found.kind == H5Type::Kind::half ? 2 : found.element.bytes();
  for (const std::uint64_t extent : found.inner) {
    bytes = extent > 0 && bytes <= found.stored_bytes / extent ? bytes * extent : 0;
  }
  const bool is_whole = found.kind == H5Type::Kind::element || found.kind == H5Type::Kind::half
                            ? found.stored_bytes == bytes
                            : found.stored_bytes > 0 || found.kind == H5Type::Kind::other;
  if (!is_whole) {
    throw Error(Errc::corrupt, "its type has another size than its elements; the file is damaged");
  }
  return found;
}

Identifier h5_boolean_type() {
  const std::string what = "making the type of truth values";
  Identifier type(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose, what);
  const signed char no = 0;
  const signed char yes = 1;
  check(H5Tenum_insert(type.get(), "FALSE", &no), what);
  check(H5Tenum_insert(type.get(), "TRUE", &yes), what);
  return type;
}

}  // namespace locum::storage
