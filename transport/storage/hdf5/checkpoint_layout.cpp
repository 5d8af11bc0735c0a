#include "transport/storage/hdf5/checkpoint_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>

#include "core/base/checksum.hpp"
#include "core/value/error.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::storage {

namespace {

class Compound {
 public:
  explicit Compound(std::size_t bytes)
      : type_(H5Tcreate(H5T_COMPOUND, bytes), H5Tclose, "making the type of a table") {}
  Compound& add(const char* name, std::size_t offset, hid_t type) {
    check(H5Tinsert(type_.get(), name, offset, type), "making the type of a table");
    return *this;
  }
  Identifier take() { return std::move(type_); }

 private:
  Identifier type_;
};

}  // namespace

Identifier row_type(const ObjectRow* /*rows*/) {
  const hsize_t extents = max_rank;
  const Identifier array(H5Tarray_create2(H5T_STD_U64LE, 1, &extents), H5Tclose,
                         "making the type of a table");
  Compound type(sizeof(ObjectRow));
  const auto text = [&](const char* at, const char* bytes, std::size_t offset) {
    type.add(at, offset + offsetof(TextPlace, at), H5T_STD_U64LE)
        .add(bytes, offset + offsetof(TextPlace, bytes), H5T_STD_U64LE);
  };
  text("name_at", "name_bytes", offsetof(ObjectRow, name));
  text("type_at", "type_bytes", offsetof(ObjectRow, type));
  text("path_at", "path_bytes", offsetof(ObjectRow, path));
  type.add("place", offsetof(ObjectRow, place), H5T_STD_U64LE)
      .add("size_bytes", offsetof(ObjectRow, size_bytes), H5T_STD_U64LE)
      .add("extents", offsetof(ObjectRow, extents), array.get())
      .add("serial", offsetof(ObjectRow, serial), H5T_STD_U64LE)
      .add("generation", offsetof(ObjectRow, generation), H5T_STD_U64LE)
      .add("creator", offsetof(ObjectRow, creator), H5T_STD_U32LE)
      .add("element_bytes", offsetof(ObjectRow, element_bytes), H5T_STD_U32LE)
      .add("layout", offsetof(ObjectRow, layout), H5T_STD_U32LE)
      .add("rank", offsetof(ObjectRow, rank), H5T_STD_U32LE)
      .add("checksum", offsetof(ObjectRow, checksum), H5T_STD_U32LE)
      .add("row_checksum", offsetof(ObjectRow, row_checksum), H5T_STD_U32LE);
  return type.take();
}

Identifier row_type(const HandleRow* /*rows*/) {
  return Compound(sizeof(HandleRow))
      .add("identity", offsetof(HandleRow, identity), H5T_STD_U64LE)
      .add("object", offsetof(HandleRow, object), H5T_STD_U64LE)
      .take();
}

Identifier row_type(const PartRow* /*rows*/) {
  return Compound(sizeof(PartRow))
      .add("objects", offsetof(PartRow, objects), H5T_STD_U64LE)
      .add("file_bytes", offsetof(PartRow, file_bytes), H5T_STD_U64LE)
      .take();
}

Identifier row_type(const OriginRow* /*rows*/) {
  return Compound(sizeof(OriginRow))
      .add("incarnation", offsetof(OriginRow, incarnation), H5T_STD_U64LE)
      .add("store", offsetof(OriginRow, store), H5T_STD_U64LE)
      .take();
}

Identifier row_type(const FileRow* /*rows*/) {
  return Compound(sizeof(FileRow))
      .add("id", offsetof(FileRow, id), H5T_STD_U64LE)
      .add("node", offsetof(FileRow, node), H5T_STD_U64LE)
      .add("file_bytes", offsetof(FileRow, file_bytes), H5T_STD_U64LE)
      .take();
}

bool is_number(std::string_view name) {
  constexpr std::array<std::string_view, 12> numbers{"i8",  "u8",  "i16", "u16", "i32", "u32",
                                                     "f32", "i64", "u64", "f64", "c64", "c128"};
  return std::ranges::find(numbers, name) != numbers.end();
}

Identifier element_type(std::string_view name, std::uint32_t bytes) {
  for (const NumberType& number : number_types()) {
    if (number.name == name && H5Tget_size(number.in_file) == bytes) {
      return copy_of(number.in_file);
    }
  }
  if (bytes == 1) {
    return copy_of(H5T_STD_U8LE);  // bool, char, byte
  }
  if (name == "c64" || name == "c128") {
    return complex_type(name == "c64" ? H5T_IEEE_F32LE : H5T_IEEE_F64LE);
  }
  Identifier opaque(H5Tcreate(H5T_OPAQUE, bytes), H5Tclose, "making an opaque type");
  const std::string tag(name.substr(0, H5T_OPAQUE_TAG_MAX - 1));
  check(H5Tset_tag(opaque.get(), tag.c_str()), "naming an opaque type");
  return opaque;
}

void set_attribute(const Identifier& object, const char* name, std::uint64_t value) {
  const std::string what = std::string("writing the attribute '") + name + "'";
  const Identifier space(H5Screate(H5S_SCALAR), H5Sclose, what);
  const Identifier attribute(
      H5Acreate2(object.get(), name, H5T_STD_U64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, what);
  check(H5Awrite(attribute.get(), H5T_STD_U64LE, &value), what);
}

void set_attribute(const Identifier& object, const char* name, const std::string& value) {
  const std::string what = std::string("writing the attribute '") + name + "'";
  const Identifier type(H5Tcopy(H5T_C_S1), H5Tclose, what);
  check(H5Tset_size(type.get(), value.size() + 1), what);
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), what);
  const Identifier space(H5Screate(H5S_SCALAR), H5Sclose, what);
  const Identifier attribute(
      H5Acreate2(object.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, what);
  check(H5Awrite(attribute.get(), type.get(), value.c_str()), what);
}

std::uint64_t attribute(const Identifier& object, const char* name) {
  std::uint64_t value = 0;
  const htri_t exists = H5Aexists(object.get(), name);
  if (exists > 0) {
    const Identifier attribute(H5Aopen(object.get(), name, H5P_DEFAULT), H5Aclose, "reading an attribute");
    const Identifier space(H5Aget_space(attribute.get()), H5Sclose, "reading an attribute");
    if (H5Sget_simple_extent_npoints(space.get()) == 1 &&
        H5Aread(attribute.get(), H5T_NATIVE_UINT64, &value) >= 0) {
      return value;
    }
  }
  throw Error(Errc::corrupt, std::string("the attribute '") + name +
                                 "' that every file of a checkpoint has is missing, or is no number");
}

std::uint64_t attribute_or(const Identifier& object, const char* name, std::uint64_t otherwise) {
  return H5Aexists(object.get(), name) > 0 ? attribute(object, name) : otherwise;
}

std::string optional_text(const Identifier& object, const char* name) {
  constexpr std::size_t longest = 256 * 1024;
  if (H5Aexists(object.get(), name) <= 0) {
    return {};
  }
  const Identifier attribute(H5Aopen(object.get(), name, H5P_DEFAULT), H5Aclose, "reading an attribute");
  const Identifier space(H5Aget_space(attribute.get()), H5Sclose, "reading an attribute");
  const Identifier type(H5Aget_type(attribute.get()), H5Tclose, "reading an attribute");
  const std::size_t bytes = H5Tget_size(type.get());
  if (H5Sget_simple_extent_npoints(space.get()) != 1 || H5Tget_class(type.get()) != H5T_STRING ||
      H5Tis_variable_str(type.get()) != 0 || bytes > longest) {
    return {};
  }
  std::string text(bytes, '\0');
  check(H5Aread(attribute.get(), type.get(), text.data()), "reading an attribute");
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

std::string file_name_attribute(const Identifier& object, const char* name) {
  std::string text = optional_text(object, name);
  if (text.empty() || text == "." || text == ".." || text.find('/') != std::string::npos) {
    throw Error(Errc::corrupt, std::string("the attribute '") + name +
                                   "' that the file of a checkpoint has is missing, or is no file name");
  }
  return text;
}

std::uint32_t checksum_of(ObjectRow row, const std::array<std::string_view, 3>& texts) noexcept {
  row.row_checksum = 0;
  std::uint32_t sum = checksum(std::as_bytes(std::span(&row, 1)));
  for (const std::string_view text : texts) {
    sum = checksum(std::as_bytes(std::span(text)), sum);
  }
  return sum;
}

std::string parts_folder(const std::string& path) {
  return path + ".parts";
}

std::string part_file(std::uint64_t id, std::uint64_t node) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%016llx.%llu.h5", static_cast<unsigned long long>(id),
                static_cast<unsigned long long>(node));
  return text.data();
}

}  // namespace locum::storage
