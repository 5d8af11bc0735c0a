#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/value/error.hpp"
#include "core/value/result.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// Held by whoever calls HDF5, for checkpoints, steps, records or parts of files: threads take turns, whether
/// HDF5 is built for several or not. Not recursive.
[[nodiscard]] Mutex& hdf5_mutex();

/// A turn to call HDF5, which prints no errors meanwhile, on no thread.
class Hdf5Turn {
  const MutexLock lock_{hdf5_mutex()};
  const QuietErrors quiet_;
};

/// Returns what `call()` does, or the Error that it throws.
template <class Call>
[[nodiscard]] auto result_of(const Call& call) -> Result<decltype(call())> {
  try {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return {};
    } else {
      return call();
    }
  } catch (const Error& error) {
    return error;
  }
}
/// Calls result_of() in a turn of HDF5.
template <class Call>
[[nodiscard]] auto with_hdf5(const Call& call) -> Result<decltype(call())> {
  const Hdf5Turn turn;
  return result_of(call);
}

/// An open dataset of a file that anybody may have written.
struct Dataset {
  Identifier file;
  Identifier dataset;
  Identifier type;
  std::vector<std::uint64_t> extents;  ///< none: one element
};

/// Opens a file to be read. Throws Error: `not_found`, `corrupt` (no HDF5 file), `system`.
[[nodiscard]] Identifier open_file(const std::string& path);
/// Opens it to be read. Throws Error: `not_found` (no such file, or no such dataset in it), `corrupt` (no
/// HDF5 file), `unsupported` (more dimensions than an object has), `system`, with HDF5's text.
[[nodiscard]] Dataset open_dataset(const std::string& path, const std::string& dataset);

/// Reads all elements of a dataset as they are in the file. False: HDF5 cannot, its elements are not their
/// bytes, or they are not as many. REQUIRES: hdf5_mutex() is held.
[[nodiscard]] bool read_bytes(const Identifier& dataset, std::span<std::byte> into);

/// Reads bytes of a file without HDF5. Throws Error `corrupt` if it ends before, `system`.
void read_exactly(const Descriptor& file, std::uint64_t offset, std::span<std::byte> into,
                  const std::string& path);

/// A number by its canonical name, and HDF5's types of it: here, and little-endian.
struct NumberType {
  std::string_view name;
  hid_t in_memory;
  hid_t in_file;
};
/// Returns the types that are not complex.
[[nodiscard]] std::array<NumberType, 10> number_types();
[[nodiscard]] Identifier copy_of(hid_t type);
/// HDF5's type in memory for the elements of an array, by their canonical name: `f64`, `i32`, `c128` … Throws
/// Error `unsupported` for what is no number, or is a long double.
[[nodiscard]] Identifier number_in_memory(std::string_view name);
/// HDF5's type of complex numbers, as h5py has them: a compound `r`, `i` of that type.
[[nodiscard]] Identifier complex_type(hid_t component);
/// Whether numbers of the one type are those of the other but for the order of their bytes.
[[nodiscard]] bool equal_but_for_order(const Identifier& stored, const Identifier& native);
/// The canonical name of the numbers of a dataset, or words that describe what it has instead.
[[nodiscard]] std::string describe(const Identifier& type);

}  // namespace locum::storage
