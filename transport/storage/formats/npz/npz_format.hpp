#pragma once

#include <memory>

#include "core/format.hpp"

namespace locum::storage {

/// Returns the format of `.npz` files: several arrays of NumPy under names, in an archive of ZIP. Needs zlib.
///
/// Loads what numpy.savez() and savez_compressed() write: members under the names of the arrays, each as
/// npy_format() loads it; other members of the archive as raw bytes, under their full names; folders are left
/// out. With `only = "T"` it loads the value of that name alone, and reads nothing of the others. The
/// checksum of each member that is read is checked; elements of a mapped file that stay there are not read.
/// Names without the flag of UTF-8 are those of code page 437, as in NumPy.
///
/// Saves members, each as npy_format() saves it; raw bytes as members of the archive of that name. Arrays are
/// stored, unless `compress = true`, at multiples of 64 bytes, so that a mapped file shows them in place.
/// Equal values make equal bytes.
[[nodiscard]] std::shared_ptr<const Format> npz_format();

}  // namespace locum::storage
