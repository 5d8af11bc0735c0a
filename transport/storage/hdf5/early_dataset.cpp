#include "transport/storage/hdf5/early_dataset.hpp"

#include <algorithm>

#include "core/value/error.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"

namespace locum::storage {

namespace {

std::string_view without_codec(std::string_view type) {
  return type.substr(0, type.find('@'));
}

}  // namespace

std::string_view element_name(const ObjectFacts& facts) {
  std::string_view type = without_codec(facts.type_name);
  if (facts.layout == Layout::array && type.ends_with("[]")) {
    type.remove_suffix(2);
  }
  return type;
}

Extents extents_of_dataset(const ObjectFacts& facts) {
  return facts.extents.rank != 0 ? facts.extents : Extents(facts.size_bytes / facts.element_bytes);
}

bool is_plain_array(const ObjectFacts& facts) {
  return facts.layout == Layout::array && facts.element_bytes > 0 &&
         facts.size_bytes % facts.element_bytes == 0 &&
         extents_of_dataset(facts).has(facts.size_bytes / facts.element_bytes);
}

bool is_array_of_numbers(const ObjectFacts& facts) {
  return is_plain_array(facts) && is_number(element_name(facts));
}

DatasetShape shape_of(const ObjectFacts& facts) {
  if (is_plain_array(facts)) {
    const Extents extents = extents_of_dataset(facts);
    return {element_type(element_name(facts), facts.element_bytes),
            {extents.span().begin(), extents.span().end()}};
  }
  if (facts.layout == Layout::flat && facts.element_bytes > 0) {
    return {element_type(element_name(facts), facts.element_bytes), {}};
  }
  return {element_type("byte", 1), {facts.size_bytes}};
}

Identifier link_properties(const std::string& what) {
  Identifier links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, what);
  check(H5Pset_create_intermediate_group(links.get(), 1), what);
  check(H5Pset_char_encoding(links.get(), H5T_CSET_UTF8), what);
  return links;
}

Identifier make_dataset(const Identifier& file, const std::string& path, const Identifier& type,
                        std::span<const std::uint64_t> extents, const Identifier& creation,
                        const std::string& what) {
  const std::vector<hsize_t> sizes(extents.begin(), extents.end());
  const Identifier space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose,
                         what);
  const Identifier links = link_properties(what);
  return {
      H5Dcreate2(file.get(), path.c_str(), type.get(), space.get(), links.get(), creation.get(), H5P_DEFAULT),
      H5Dclose, what};
}

std::uint64_t make_early_dataset(const Identifier& file, const std::string& file_path,
                                 const std::string& path, const Identifier& type,
                                 std::span<const std::uint64_t> extents) {
  const std::string what = "making the dataset '" + path + "' in '" + file_path + "'";
  const Identifier creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, what);
  check(H5Pset_layout(creation.get(), H5D_CONTIGUOUS), what);
  check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), what);
  check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), what);
  const Identifier dataset = make_dataset(file, path, type, extents, creation, what);
  const haddr_t offset = H5Dget_offset(dataset.get());
  const bool is_empty = std::ranges::find(extents, 0U) != extents.end();
  if (offset == HADDR_UNDEF && !is_empty) {
    throw Error(Errc::system, what + " failed: HDF5 gave it no place in the file");
  }
  return is_empty ? 0 : offset;
}

}  // namespace locum::storage
