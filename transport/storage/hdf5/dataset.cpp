#include "transport/storage/hdf5/dataset.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "core/value/extents.hpp"
#include "transport/storage/fork_guard.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/file_access.hpp"

namespace locum::storage {

namespace {

/// A member of a compound type; no type if it has no such member.
Identifier member(const Identifier& type, const char* name) {
  const int index = H5Tget_member_index(type.get(), name);
  return index < 0 ? Identifier()
                   : Identifier(H5Tget_member_type(type.get(), static_cast<unsigned>(index)), H5Tclose,
                                "reading a type");
}

/// `c64` or `c128` for a compound type of two such numbers, in any order and with any gaps; else nothing.
std::string_view complex_name(const Identifier& type) {
  const Identifier real = member(type, "r");
  const Identifier imaginary = member(type, "i");
  if (H5Tget_nmembers(type.get()) != 2 || real.get() < 0 || imaginary.get() < 0 ||
      H5Tequal(real.get(), imaginary.get()) <= 0) {
    return {};
  }
  return equal_but_for_order(real, copy_of(H5T_NATIVE_FLOAT))    ? "c64"
         : equal_but_for_order(real, copy_of(H5T_NATIVE_DOUBLE)) ? "c128"
                                                                 : "";
}

}  // namespace

namespace {

// At exit(), HDF5 writes and closes all files that are open: in a forked process those of the parent.
bool begin_hdf5() {
  check(H5open(), "beginning to use HDF5");
  guard_forks().value();
  end_children_early().value();
  return true;
}

}  // namespace

Mutex& hdf5_mutex() {
  static Mutex mutex;
  [[maybe_unused]] static const bool has_begun = begin_hdf5();
  return mutex;
}

Identifier open_file(const std::string& path) {
  const std::string what = "opening the file '" + path + "'";
  struct stat on_disk {};
  if (::stat(path.c_str(), &on_disk) != 0) {
    throw errno == ENOENT || errno == ENOTDIR
        ? Error(Errc::not_found,
                "there is no file '" + path + "'; all ranks that use its data have to see it")
        : file_error("opening", path, errno);
  }
  // Who opens a pipe waits for its writer.
  if (!S_ISREG(on_disk.st_mode) || H5Fis_hdf5(path.c_str()) <= 0) {
    throw Error(Errc::corrupt, "'" + path + "' is no HDF5 file that can be read; name another file");
  }
  return open_to_read(path, what);
}

Dataset open_dataset(const std::string& path, const std::string& name) {
  const std::string what = "opening the dataset '" + name + "' of '" + path + "'";
  Dataset opened;
  opened.file = open_file(path);
  const Identifier access = dataset_access(opened.file, path, name);
  if (name.empty() || name.find('\0') != std::string::npos ||
      H5Oexists_by_name(opened.file.get(), name.c_str(), access.get()) <= 0) {
    // Where a group on the way is missing, or a link leads nowhere, HDF5 fails.
    throw Error(Errc::not_found,
                "the file '" + path + "' has no dataset '" + name + "'; h5ls -r lists those that it has");
  }
  const Identifier object(H5Oopen(opened.file.get(), name.c_str(), access.get()), H5Oclose, what);
  if (H5Iget_type(object.get()) != H5I_DATASET) {
    throw Error(Errc::not_found,
                "'" + name + "' of the file '" + path + "' is no dataset; h5ls -r lists those that it has");
  }
  opened.dataset = {H5Dopen2(opened.file.get(), name.c_str(), access.get()), H5Dclose, what};
  opened.type = {H5Dget_type(opened.dataset.get()), H5Tclose, what};
  const Identifier space(H5Dget_space(opened.dataset.get()), H5Sclose, what);
  const H5S_class_t kind = H5Sget_simple_extent_type(space.get());
  const int rank = H5Sget_simple_extent_ndims(space.get());
  check(rank, what);
  if (kind == H5S_NULL) {  // as an array of no elements
    opened.extents = {0};
    return opened;
  }
  if (static_cast<std::size_t>(rank) > max_rank) {
    throw Error(Errc::unsupported, "the dataset '" + name + "' of '" + path + "' has " +
                                       std::to_string(rank) + " dimensions; an object has at most " +
                                       std::to_string(max_rank));
  }
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr), what);
  opened.extents.assign(extents.begin(), extents.end());
  return opened;
}

// Of other types HDF5 would write addresses.
bool read_bytes(const Identifier& dataset, std::span<std::byte> into) {
  const Identifier type(H5Dget_type(dataset.get()), H5Tclose, "reading the type of a dataset");
  const Identifier space(H5Dget_space(dataset.get()), H5Sclose, "reading the size of a dataset");
  const H5T_class_t kind = H5Tget_class(type.get());
  const hssize_t elements = H5Sget_simple_extent_npoints(space.get());
  const std::uint64_t element_bytes = H5Tget_size(type.get());
  const bool are_bytes = kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_OPAQUE ||
                         (kind == H5T_COMPOUND && !complex_name(type).empty());
  return are_bytes && elements >= 0 && element_bytes > 0 && into.size() % element_bytes == 0 &&
         into.size() / element_bytes == static_cast<std::uint64_t>(elements) &&
         H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, into.data()) >= 0;
}

void read_exactly(const Descriptor& file, std::uint64_t offset, std::span<std::byte> into,
                  const std::string& path) {
  const std::int64_t read = read_at(file, offset, into);
  if (read < 0) {
    throw file_error("reading", path, static_cast<int>(-read));
  }
  if (static_cast<std::uint64_t>(read) < into.size()) {
    throw file_damaged(path, "it ends too early");
  }
}

std::array<NumberType, 10> number_types() {
  return {{{"i8", H5T_NATIVE_INT8, H5T_STD_I8LE},
           {"u8", H5T_NATIVE_UINT8, H5T_STD_U8LE},
           {"i16", H5T_NATIVE_INT16, H5T_STD_I16LE},
           {"u16", H5T_NATIVE_UINT16, H5T_STD_U16LE},
           {"i32", H5T_NATIVE_INT32, H5T_STD_I32LE},
           {"u32", H5T_NATIVE_UINT32, H5T_STD_U32LE},
           {"i64", H5T_NATIVE_INT64, H5T_STD_I64LE},
           {"u64", H5T_NATIVE_UINT64, H5T_STD_U64LE},
           {"f32", H5T_NATIVE_FLOAT, H5T_IEEE_F32LE},
           {"f64", H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE}}};
}

Identifier copy_of(hid_t type) {
  return {H5Tcopy(type), H5Tclose, "copying a type"};
}

Identifier complex_type(hid_t component) {
  const std::size_t bytes = H5Tget_size(component);
  Identifier type(H5Tcreate(H5T_COMPOUND, 2 * bytes), H5Tclose, "making the type of complex numbers");
  check(H5Tinsert(type.get(), "r", 0, component), "making the type of complex numbers");
  check(H5Tinsert(type.get(), "i", bytes, component), "making the type of complex numbers");
  return type;
}

bool equal_but_for_order(const Identifier& stored, const Identifier& native) {
  const Identifier turned = copy_of(stored.get());
  check(H5Tset_order(turned.get(), H5Tget_order(native.get())), "copying a type");
  return H5Tequal(turned.get(), native.get()) > 0;
}

Identifier number_in_memory(std::string_view name) {
  if (name == "c64" || name == "c128") {
    return complex_type(name == "c64" ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE);
  }
  for (const NumberType& number : number_types()) {
    if (number.name == name) {
      return copy_of(number.in_memory);
    }
  }
  throw Error(Errc::unsupported, "elements of type " + std::string(name) +
                                     " cannot be read from HDF5; ask for integers of 8 to 64 bits, float, "
                                     "double, or complex numbers of these two");
}

std::string describe(const Identifier& type) {
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind == H5T_INTEGER || kind == H5T_FLOAT) {
    for (const NumberType& number : number_types()) {
      if (equal_but_for_order(type, copy_of(number.in_memory))) {
        return std::string(number.name);
      }
    }
    return (kind == H5T_INTEGER ? "integers" : "floating-point numbers") + std::string(" of ") +
           std::to_string(H5Tget_precision(type.get())) + " bits in " +
           std::to_string(H5Tget_size(type.get())) + " bytes";
  }
  switch (kind) {
    case H5T_COMPOUND:
      if (const std::string_view name = complex_name(type); !name.empty()) {
        return std::string(name);
      }
      return "a compound type of " + std::to_string(H5Tget_nmembers(type.get())) + " members";
    case H5T_STRING:
      return "strings";
    case H5T_ENUM:
      return "an enumeration";
    case H5T_ARRAY:
      return "arrays as elements";
    case H5T_VLEN:
      return "sequences of different lengths";
    case H5T_OPAQUE:
      return "opaque bytes";
    case H5T_BITFIELD:
      return "bit fields";
    case H5T_REFERENCE:
      return "references";
    default:
      return "elements of another class";
  }
}

}  // namespace locum::storage
