#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/element_type.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

struct H5Field;

/// What the elements of a dataset, or of an attribute, become.
struct H5Type {
  enum class Kind : std::uint8_t {
    element,     ///< elements of an array
    half,        ///< floating-point numbers of 16 bits
    fixed_text,  ///< texts of one length
    text,        ///< texts, each of its own length
    bytes,       ///< opaque ones
    fields,      ///< values under names
    other,       ///< nothing that is loaded
  };

  Kind kind = Kind::other;
  ElementType element;               ///< of an array
  Identifier in_memory;              ///< what HDF5 is asked for
  std::uint64_t stored_bytes = 0;    ///< of one element, as HDF5 returns it
  std::uint32_t turned_bytes = 0;    ///< bytes of the numbers whose order is to be turned; 0: none
  bool is_as_stored = false;         ///< whether HDF5 returns the bytes that are in the file
  bool is_space_padded = false;      ///< of texts of one length
  bool is_zero_terminated = false;   ///< of texts of one length
  std::vector<std::uint64_t> inner;  ///< extents of one element: it is an array itself
  std::vector<H5Field> fields;
  std::string description;  ///< `f64`, or "references"
};

/// A field of a compound.
struct H5Field {
  std::string name;
  H5Type type;
};

/// Returns what a type of HDF5 becomes. REQUIRES: a turn of HDF5.
[[nodiscard]] H5Type h5_type_of(const Identifier& type);
/// Returns the type of a truth value, as h5py has it. REQUIRES: a turn of HDF5.
[[nodiscard]] Identifier h5_boolean_type();

}  // namespace locum::storage
