#include "tests/fuzz/odd_checkpoint.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"

namespace locum::tests {

namespace {

using namespace storage;

void must(bool right, const char* what) {
  if (!right) {
    std::fprintf(stderr, "the file for the test cannot be made: %s\n", what);
    std::abort();
  }
}

/// Closes the identifiers that must() has returned and that are open, when a file is made.
class MadeIdentifiers {
 public:
  MadeIdentifiers() = default;
  MadeIdentifiers(const MadeIdentifiers&) = delete;
  MadeIdentifiers& operator=(const MadeIdentifiers&) = delete;
  ~MadeIdentifiers() {
    for (const hid_t id : all()) {
      if (H5Iis_valid(id) > 0) {
        H5Idec_ref(id);
      }
    }
    all().clear();
  }

  static std::vector<hid_t>& all() {
    static std::vector<hid_t> made;
    return made;
  }
};

hid_t must(hid_t id) {
  must(id >= 0, "HDF5 failed");
  MadeIdentifiers::all().push_back(id);
  return id;
}

/// How a table may be stored.
enum class Shape : std::uint8_t {
  right,
  chunks,
  deflated,
  compact,
  fewer_members,
  larger_rows,
  doubles,
  strings,
  two_dimensions,
  null_space,
  scalar,
  without_bytes,
  huge_chunks,
  huge_in_zeros,  ///< in another file that never ends
  huge_virtual,
  group,
  loop,
  missing,
  last = missing,
};
constexpr std::size_t shapes = static_cast<std::size_t>(Shape::last) + 1;

/// How an attribute may be stored.
enum class Kind : std::uint8_t {
  right,
  fraction,
  words,
  variable_words,
  several,
  null_space,
  compound,
  huge_text,
  empty_text,
  folders,
  missing,
  last = missing,
};
constexpr std::size_t kinds = static_cast<std::size_t>(Kind::last) + 1;

constexpr hsize_t huge = hsize_t{1} << 50U;

hid_t simple(std::initializer_list<hsize_t> extents) {
  return must(H5Screate_simple(static_cast<int>(extents.size()), extents.begin(), nullptr));
}

/// Makes a dataset, and writes it if there is something to write.
void make(hid_t file, const char* path, hid_t type, hid_t space, hid_t creation, const void* elements) {
  const hid_t links = must(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links, 1);
  const hid_t dataset = must(H5Dcreate2(file, path, type, space, links, creation, H5P_DEFAULT));
  if (elements != nullptr) {
    must(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) >= 0, path);
  }
  H5Dclose(dataset);
  H5Pclose(links);
}

hid_t with_chunks(std::initializer_list<hsize_t> chunk, bool deflated) {
  const hid_t creation = must(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.begin());
  if (deflated) {
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, 4);
  }
  return creation;
}

/// Makes a table of `count` elements in that shape; where it is, if it is as it should be.
Piece make_table(const Identifier& file, const char* path, hid_t type, std::uint64_t count,
                 const void* elements, Shape shape) {
  const std::size_t size = H5Tget_size(type);
  hid_t space = simple({count});
  hid_t creation = H5P_DEFAULT;
  switch (shape) {
    case Shape::right: {
      const std::array<std::uint64_t, 1> extents{count};
      const Identifier copy(H5Tcopy(type), H5Tclose, path);
      const std::uint64_t at = make_early_dataset(file, "memory", path, copy, extents);
      const hid_t dataset = must(H5Dopen2(file.get(), path, H5P_DEFAULT));
      H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements);
      H5Dclose(dataset);
      return {at, count * size};
    }
    case Shape::chunks:
    case Shape::deflated:
      creation = with_chunks({std::max<hsize_t>(count, 1)}, shape == Shape::deflated);
      break;
    case Shape::compact:
      creation = must(H5Pcreate(H5P_DATASET_CREATE));
      H5Pset_layout(creation, H5D_COMPACT);
      break;
    case Shape::fewer_members:
      type = must(H5Tcreate(H5T_COMPOUND, size));
      H5Tinsert(type, "name_at", 0, H5T_STD_U8LE);
      break;
    case Shape::larger_rows:
      type = must(H5Tcreate(H5T_OPAQUE, size * 3));
      elements = nullptr;
      break;
    case Shape::doubles:
      type = H5T_IEEE_F64LE;
      elements = nullptr;
      break;
    case Shape::strings:
      type = must(H5Tcopy(H5T_C_S1));
      H5Tset_size(type, H5T_VARIABLE);
      elements = nullptr;
      break;
    case Shape::two_dimensions:
      space = simple({1, count});
      break;
    case Shape::null_space:
      space = must(H5Screate(H5S_NULL));
      elements = nullptr;
      break;
    case Shape::scalar:
      space = must(H5Screate(H5S_SCALAR));
      break;
    case Shape::without_bytes:
      elements = nullptr;
      break;
    case Shape::huge_chunks:
      space = simple({huge});
      creation = with_chunks({count + 1}, true);
      elements = nullptr;
      break;
    case Shape::huge_in_zeros:
      space = simple({huge});
      creation = must(H5Pcreate(H5P_DATASET_CREATE));
      H5Pset_external(creation, "/dev/zero", 0, H5F_UNLIMITED);
      elements = nullptr;
      break;
    case Shape::huge_virtual:
      space = simple({huge});
      creation = must(H5Pcreate(H5P_DATASET_CREATE));
      H5Pset_virtual(creation, space, ".", "/T", space);
      elements = nullptr;
      break;
    case Shape::group:
      H5Gclose(must(H5Gcreate2(file.get(), path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
      return {};
    case Shape::loop:
      H5Lcreate_soft(path, file.get(), path, H5P_DEFAULT, H5P_DEFAULT);
      return {};
    case Shape::missing:
      return {};
  }
  make(file.get(), path, type, space, creation, elements);
  return {};
}

void make_attribute(const Identifier& group, const char* name, std::uint64_t value, Kind kind) {
  hid_t type = H5T_STD_U64LE;
  hid_t space = must(H5Screate(H5S_SCALAR));
  switch (kind) {
    case Kind::right:
      return set_attribute(group, name, value);
    case Kind::huge_text:
      return set_attribute(group, name, std::string(60'000, 'x'));
    case Kind::empty_text:
      return set_attribute(group, name, std::string());
    case Kind::folders:
      return set_attribute(group, name, std::string("../.."));
    case Kind::fraction:
      type = H5T_IEEE_F64LE;
      break;
    case Kind::words:
      type = must(H5Tcopy(H5T_C_S1));
      H5Tset_size(type, 8);
      break;
    case Kind::variable_words:
      type = must(H5Tcopy(H5T_C_S1));
      H5Tset_size(type, H5T_VARIABLE);
      break;
    case Kind::several:
      space = simple({7});
      break;
    case Kind::null_space:
      space = must(H5Screate(H5S_NULL));
      break;
    case Kind::compound:
      type = must(H5Tcreate(H5T_COMPOUND, 400));
      H5Tinsert(type, "a", 392, H5T_STD_U64LE);
      break;
    case Kind::missing:
      return;
  }
  H5Aclose(must(H5Acreate2(group.get(), name, type, space, H5P_DEFAULT, H5P_DEFAULT)));
}

void make_attribute(const Identifier& group, const char* name, const std::string& value, Kind kind) {
  if (kind == Kind::right) {
    set_attribute(group, name, value);
  } else {
    make_attribute(group, name, 5, kind);
  }
}

/// What is odd about a file: the shape of one of its tables, or the kind of one of its attributes.
struct Oddity {
  std::size_t table = ~std::size_t{0};
  Shape shape = Shape::right;
  std::size_t attribute = ~std::size_t{0};
  Kind kind = Kind::right;

  Oddity(std::size_t number, std::size_t tables) {
    if (number == 0) {
      return;
    }
    --number;
    if (number < tables * (shapes - 1)) {
      table = number / (shapes - 1);
      shape = static_cast<Shape>(1 + number % (shapes - 1));
    } else {
      number -= tables * (shapes - 1);
      attribute = number / (kinds - 1);
      kind = static_cast<Kind>(1 + number % (kinds - 1));
    }
  }
  [[nodiscard]] Shape of_table(std::size_t which) const { return which == table ? shape : Shape::right; }
  [[nodiscard]] Kind of_attribute(std::size_t which) const { return which == attribute ? kind : Kind::right; }
};

constexpr std::size_t part_tables = 5;
constexpr std::size_t part_attributes = 3;
constexpr std::size_t master_tables = 2;
constexpr std::size_t master_attributes = 7;

constexpr std::array paths{"/T",        "/opaque",    "/deflated",  "/numbers", "/strings", "/words",
                           "/compound", "/sequences", "/compact",   "/null",    "/scalar",  "/without",
                           "/huge",     "/virtual",   "/elsewhere", "/group",   "/type",    "/nowhere",
                           "/loop",     "/arrays",    "/bits",      "/missing", "/.locum",  ""};
constexpr std::size_t honest_paths = 4;
constexpr std::uint64_t packed_bytes = 1024;
constexpr std::array<std::uint64_t, 2> extents_of_t{8, 12};

template <class T>
std::vector<T> ramp(std::size_t count) {
  std::vector<T> values(count);
  std::iota(values.begin(), values.end(), T{1});
  return values;
}

void make_datasets(const Identifier& file) {
  const hid_t id = file.get();
  (void)make_table(file, "/opaque", must(H5Tcreate(H5T_OPAQUE, 12)), 5, ramp<std::uint8_t>(60).data(),
                   Shape::right);
  const Identifier doubles(H5Tcopy(H5T_IEEE_F64LE), H5Tclose, "");
  (void)make_early_dataset(file, "memory", "/T", doubles, extents_of_t);
  const hid_t dataset = must(H5Dopen2(id, "/T", H5P_DEFAULT));
  H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, ramp<double>(96).data());
  H5Dclose(dataset);
  make(id, "/deflated", H5T_STD_U8LE, simple({100}), with_chunks({64}, true), ramp<std::uint8_t>(100).data());
  make(id, "/numbers", H5T_IEEE_F32LE, simple({10, 10}), with_chunks({4, 7}, true), ramp<float>(100).data());
  hid_t strings = must(H5Tcopy(H5T_C_S1));
  H5Tset_size(strings, H5T_VARIABLE);
  const std::array<const char*, 4> words{"a", "bc", "", "d"};
  make(id, "/strings", strings, simple({4}), with_chunks({4}, false), words.data());
  strings = must(H5Tcopy(H5T_C_S1));
  H5Tset_size(strings, 8);
  make(id, "/words", strings, simple({4}), with_chunks({4}, false), nullptr);
  const hid_t compound = must(H5Tcreate(H5T_COMPOUND, 24));
  H5Tinsert(compound, "a", 0, H5T_STD_U64LE);
  H5Tinsert(compound, "b", 8, must(H5Tvlen_create(H5T_STD_U64LE)));
  make(id, "/compound", compound, simple({4}), with_chunks({4}, false), nullptr);
  make(id, "/sequences", must(H5Tvlen_create(H5T_STD_I32LE)), simple({4}), with_chunks({2}, false), nullptr);
  const hid_t compact = must(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_layout(compact, H5D_COMPACT);
  make(id, "/compact", H5T_STD_U8LE, simple({16}), compact, nullptr);
  make(id, "/null", H5T_STD_U8LE, must(H5Screate(H5S_NULL)), H5P_DEFAULT, nullptr);
  make(id, "/scalar", H5T_STD_U64LE, must(H5Screate(H5S_SCALAR)), H5P_DEFAULT, nullptr);
  make(id, "/without", H5T_STD_U8LE, simple({huge}), H5P_DEFAULT, nullptr);
  make(id, "/huge", H5T_STD_U8LE, simple({huge}), with_chunks({4096}, true), nullptr);
  const hid_t mapped = must(H5Pcreate(H5P_DATASET_CREATE));
  const hid_t space = simple({16});
  H5Pset_virtual(mapped, space, ".", "/compact", space);
  make(id, "/virtual", H5T_STD_U8LE, space, mapped, nullptr);
  const hid_t external = must(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_external(external, "/dev/zero", 0, H5F_UNLIMITED);
  make(id, "/elsewhere", H5T_STD_U8LE, simple({huge}), external, nullptr);
  H5Gclose(must(H5Gcreate2(id, "/group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
  const Identifier type(H5Tcopy(H5T_STD_U8LE), H5Tclose, "");  // closed, because it belongs to the file then
  H5Tcommit2(id, "/type", type.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("/dev/null", "/x", id, "/nowhere", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/loop", id, "/loop", H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t three = 3;
  make(id, "/arrays", must(H5Tarray_create2(H5T_IEEE_F64LE, 1, &three)), simple({4}), with_chunks({4}, false),
       nullptr);
  make(id, "/bits", H5T_STD_B16LE, simple({4}), with_chunks({4}, false), nullptr);
}

Identifier create(const ScratchFile& scratch) {
  const Identifier access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "");
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  return {H5Fcreate(scratch.path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose,
          "making a file"};
}

Identifier own_group_of(const Identifier& file) {
  return {H5Gcreate2(file.get(), own_group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose, ""};
}

OddCheckpoint make_part(std::size_t number) {
  const Oddity odd(number, part_tables);
  const QuietErrors quiet;
  const MadeIdentifiers closing;
  const ScratchFile scratch;
  OddCheckpoint made;
  {
    const Identifier file = create(scratch);
    {
      const Identifier group = own_group_of(file);
      make_attribute(group, "format", incremental_format, odd.of_attribute(0));
      make_attribute(group, "id", checkpoint_id, odd.of_attribute(1));
      make_attribute(group, "parts", 1, odd.of_attribute(2));
    }
    make_datasets(file);
    const auto& rows = honest_rows();
    const std::vector<HandleRow> handles{{7, 8}, {9, 10}, {11, 12}};
    made.rows =
        make_table(file, table_path, row_type(rows.data()).get(), rows.size(), rows.data(), odd.of_table(0));
    made.handles = make_table(file, handles_path, row_type(handles.data()).get(), handles.size(),
                              handles.data(), odd.of_table(1));
    made.texts =
        make_table(file, texts_path, H5T_STD_U8LE, all_texts().size(), all_texts().data(), odd.of_table(2));
    made.packed = make_table(file, packed_path, H5T_STD_U8LE, packed_bytes,
                             std::vector<std::byte>(packed_bytes).data(), odd.of_table(3));
    // Files that are not there.
    const std::vector<FileRow> files{{checkpoint_id, 7, 1000}, {1, 0, ~std::uint64_t{0}}};
    (void)make_table(file, files_path, row_type(files.data()).get(), files.size(), files.data(),
                     odd.of_table(4));
  }
  made.bytes = scratch.bytes();
  return made;
}

OddCheckpoint make_master(std::size_t number) {
  const Oddity odd(number, master_tables);
  const QuietErrors quiet;
  const MadeIdentifiers closing;
  const ScratchFile scratch;
  OddCheckpoint made;
  {
    const Identifier file = create(scratch);
    const std::vector<OriginRow> origins{{3, 1}, {5, 2}};
    const std::vector<PartRow> parts{{honest_rows().size(), 0}};
    const std::uint32_t sum =
        checksum(std::as_bytes(std::span(parts)), checksum(std::as_bytes(std::span(origins))));
    {
      const Identifier group = own_group_of(file);
      make_attribute(group, "format", whole_format, odd.of_attribute(0));
      make_attribute(group, "id", checkpoint_id, Kind::right);
      make_attribute(group, "parts", 1, odd.of_attribute(1));
      make_attribute(group, "timeout_ms", 1000, odd.of_attribute(2));
      make_attribute(group, "keep_decoded", 1, Kind::right);
      make_attribute(group, "checksum", 1, Kind::right);
      make_attribute(group, "rows_checksum", sum, odd.of_attribute(3));
      make_attribute(group, "time_ns", 1, odd.of_attribute(4));
      make_attribute(group, "store", std::string("/fields"), odd.of_attribute(5));
      make_attribute(group, "parts_folder", std::string("x.parts"), odd.of_attribute(6));
    }
    made.rows = make_table(file, origins_path, row_type(origins.data()).get(), origins.size(), origins.data(),
                           odd.of_table(0));
    made.handles = make_table(file, parts_path, row_type(parts.data()).get(), parts.size(), parts.data(),
                              odd.of_table(1));
  }
  made.bytes = scratch.bytes();
  return made;
}

template <class Make>
const OddCheckpoint& kept(std::map<std::size_t, OddCheckpoint>& all, std::size_t number, Make make) {
  const auto found = all.find(number);
  return found != all.end() ? found->second : all.emplace(number, make(number)).first->second;
}

struct Texts {
  std::string all;
  TextPlace type;
  std::vector<TextPlace> places;
};

const Texts& texts() {
  static const Texts made = [] {
    Texts texts{.all = "f64[]", .type = {0, 5}, .places = {}};
    for (const char* const path : paths) {
      texts.places.push_back({texts.all.size(), std::strlen(path)});
      texts.all += path;
    }
    texts.all += std::string(300, 'n');
    return texts;
  }();
  return made;
}

template <class T>
std::uint32_t sum_of_ramp(std::size_t count) {
  const std::vector<T> values = ramp<T>(count);
  return checksum(std::as_bytes(std::span(values)));
}

}  // namespace

const std::string& all_texts() {
  return texts().all;
}

const std::vector<TextPlace>& all_paths() {
  return texts().places;
}

const std::vector<ObjectRow>& honest_rows() {
  static const std::vector<ObjectRow> rows = [] {
    constexpr std::array<std::uint64_t, honest_paths> sizes{96 * sizeof(double), 60, 100, 400};
    const std::array<std::uint32_t, honest_paths> sums{sum_of_ramp<double>(96), sum_of_ramp<std::uint8_t>(60),
                                                       sum_of_ramp<std::uint8_t>(100),
                                                       sum_of_ramp<float>(100)};
    std::vector<ObjectRow> made;
    for (std::size_t at = 0; at < honest_paths + 4; ++at) {
      const bool is_packed = at >= honest_paths;
      ObjectRow row;
      row.name = {all_texts().size() - 300, at};
      row.type = texts().type;
      row.path = is_packed ? TextPlace{} : all_paths()[at];
      row.size_bytes = is_packed ? 16 * (at - honest_paths) : sizes[at];
      row.place = is_packed ? 128 * (at - honest_paths) : 0;
      row.checksum = is_packed ? checksum(std::vector<std::byte>(row.size_bytes)) : sums[at];
      row.serial = at;
      if (at == 0) {
        row.layout = static_cast<std::uint32_t>(Layout::array);
        row.rank = 2;
        row.element_bytes = sizeof(double);
        std::ranges::copy(extents_of_t, row.extents.begin());
      }
      const std::string_view all = all_texts();
      row.row_checksum =
          checksum_of(row, {all.substr(row.name.at, row.name.bytes), all.substr(row.type.at, row.type.bytes),
                            all.substr(row.path.at, row.path.bytes)});
      made.push_back(row);
    }
    return made;
  }();
  return rows;
}

const OddCheckpoint& odd_part(std::size_t number) {
  static std::map<std::size_t, OddCheckpoint> all;
  return kept(all, number, make_part);
}

std::size_t odd_parts() {
  return 1 + part_tables * (shapes - 1) + part_attributes * (kinds - 1);
}

const OddCheckpoint& odd_master(std::size_t number) {
  static std::map<std::size_t, OddCheckpoint> all;
  return kept(all, number, make_master);
}

std::size_t odd_masters() {
  return 1 + master_tables * (shapes - 1) + master_attributes * (kinds - 1);
}

}  // namespace locum::tests
