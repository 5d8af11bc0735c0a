#pragma once

#include <cstdint>

namespace locum::storage {

struct PackWriterOptions {
  bool syncs = true;      ///< a record is on the disk when it is stored
  bool locks = true;      ///< nobody else can write it
  bool compacts = false;  ///< now
  bool repairs = false;
  bool keeps_empty_file = true;  ///< false: it is removed, if the pack has no records when it is closed
  /// Compacting does not pay before the file has so much that is replaced or removed.
  std::uint64_t least_dead_bytes = std::uint64_t{16} << 20U;
};

}  // namespace locum::storage
