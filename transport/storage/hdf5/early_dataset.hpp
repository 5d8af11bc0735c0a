#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/object/object.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// The element type's name of an array; that of the whole type otherwise. Without the codec.
[[nodiscard]] std::string_view element_name(const ObjectFacts& facts);
/// An array without extents of its own has one: the number of its elements.
[[nodiscard]] Extents extents_of_dataset(const ObjectFacts& facts);
/// Whether it can be a dataset of its own elements and extents.
[[nodiscard]] bool is_plain_array(const ObjectFacts& facts);
/// The same, and its elements are numbers for other programs, too.
[[nodiscard]] bool is_array_of_numbers(const ObjectFacts& facts);

/// HDF5's type of the elements of an object, and their extents. A value that is one number has none.
struct DatasetShape {
  Identifier type;
  std::vector<std::uint64_t> extents;
};
/// Of arrays the elements and extents of their own, of one value itself, of all else bytes.
[[nodiscard]] DatasetShape shape_of(const ObjectFacts& facts);

/// Properties of new links: with groups on the way to them, and names in UTF-8, as other programs expect.
[[nodiscard]] Identifier link_properties(const std::string& what);
/// Makes a dataset. \param creation its properties \param what is being done, for the error
[[nodiscard]] Identifier make_dataset(const Identifier& file, const std::string& path, const Identifier& type,
                                      std::span<const std::uint64_t> extents, const Identifier& creation,
                                      const std::string& what);
/// Makes a dataset that has its place in the file from now on, and groups on the way to it; returns that
/// place: the bytes are written there without HDF5. Throws Error `system`. `file_path`: for the error.
[[nodiscard]] std::uint64_t make_early_dataset(const Identifier& file, const std::string& file_path,
                                               const std::string& path, const Identifier& type,
                                               std::span<const std::uint64_t> extents);

}  // namespace locum::storage
