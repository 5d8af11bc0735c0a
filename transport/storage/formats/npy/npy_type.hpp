#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/element_type.hpp"
#include "core/value/result.hpp"
#include "transport/storage/formats/npy/npy_literal.hpp"

namespace locum::storage {

struct NpyField;

/// The type of the elements of an array of NumPy (its `dtype`).
struct NpyType {
  enum class Kind : std::uint8_t {
    number,  ///< also complex numbers and bool: an ElementType
    half,    ///< floating-point numbers of 16 bits
    time,    ///< datetime64 and timedelta64, integers of 64 bits
    bytes,   ///< texts of one byte a character
    text,    ///< texts of four bytes a character (UCS-4)
    fields,  ///< values under names
    other,   ///< what no value of a Record is like: object, void, long double
  };

  Kind kind = Kind::other;
  bool is_swapped = false;       ///< its bytes are not in the order of this machine
  std::uint32_t part_bytes = 1;  ///< what is_swapped applies to: of a complex number its halves
  std::uint64_t bytes = 0;       ///< of one element
  std::string name;              ///< for people: `f64`, `f16`, `datetime64[ns]`, `object`
  ElementType element;           ///< of numbers
  std::vector<NpyField> fields;  ///< without padding, in the order of the file
};

/// A field of a structured type.
struct NpyField {
  std::string name;
  std::uint64_t offset = 0;  ///< in bytes, from the beginning of an element
  NpyType type;
  std::vector<std::uint64_t> extents;  ///< of a field that is an array itself
  std::uint64_t count = 1;             ///< their product
};

/// Returns the type that a header describes (its `descr`). `corrupt` for a wrong description; types that
/// cannot be loaded are of the kind `other`.
[[nodiscard]] Result<NpyType> npy_type_of(const NpyLiteral& description);
/// Returns the extents of a tuple of integers.
[[nodiscard]] Result<std::vector<std::uint64_t>> npy_extents_of(const NpyLiteral& tuple);
/// Returns the description of numbers, in the byte order of this machine; empty if NumPy has no such type.
[[nodiscard]] std::string npy_description_of(const ElementType& element);
/// Returns the product of extents and of the bytes of an element. `unsupported` if it needs more than 63
/// bits, even where one extent is 0.
[[nodiscard]] Result<std::uint64_t> npy_product(const std::vector<std::uint64_t>& extents,
                                                std::uint64_t element_bytes);

}  // namespace locum::storage
