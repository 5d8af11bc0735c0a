#pragma once

#include "core/ports/file_reader.hpp"
#include "transport/storage/hdf5/part_reader.hpp"

namespace locum::storage {

/// An object of a checkpoint, to be read later: without its name, and whether it is to have a checksum in
/// memory. Nothing of its bytes is read; HDF5 is asked where they are, unless they are packed. What HDF5
/// cannot find is found damaged when it is read. REQUIRES: the row is whole.
[[nodiscard]] FilePart part_of(const PartReader& file, const ObjectRow& row);

}  // namespace locum::storage
