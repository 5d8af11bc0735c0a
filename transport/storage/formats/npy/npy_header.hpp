#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/format.hpp"
#include "transport/storage/formats/npy/npy_type.hpp"

namespace locum::storage {

/// What a `.npy` file begins with: magic number, version, and a dict of Python as text, which describes the
/// array. The elements follow it.
struct NpyHeader {
  NpyType type;
  bool is_fortran = false;             ///< the first index is the fastest
  std::vector<std::uint64_t> extents;  ///< as NumPy names them; at most `max_rank` with those of each field
  std::uint64_t bytes = 0;             ///< of the header: where the elements begin
  std::uint64_t elements = 1;          ///< the product of the extents
  std::uint64_t data_bytes = 0;        ///< of all elements
};

inline constexpr std::string_view npy_magic = "\x93NUMPY";

/// Reads the header. `corrupt` if there is none, or the file is too short for the elements it describes;
/// `unsupported` for a version that NumPy has not today, a header of more than 1 MiB, and arrays of more than
/// `max_rank` dimensions.
[[nodiscard]] Result<NpyHeader> read_npy_header(FileBytes& file);
/// Returns a header, filled with spaces to a multiple of 64 bytes, as NumPy writes it: in version 1.0 if it
/// fits, else in 2.0, and in 3.0 if names of fields have characters beyond Latin-1.
/// \param description the literal of the type, of UTF-8
[[nodiscard]] std::string npy_header_text(std::string_view description, bool is_fortran,
                                          std::span<const std::uint64_t> extents);

}  // namespace locum::storage
