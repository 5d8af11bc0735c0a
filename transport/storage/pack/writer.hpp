#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ports/backend.hpp"

namespace locum::storage {

struct PackWriterOptions {
  bool syncs = true;      ///< a record is on the disk when it is stored
  bool locks = true;      ///< nobody else can write it
  bool compacts = false;  ///< now
  bool repairs = false;
  /// Compacting does not pay before the file has so much that is replaced or removed.
  std::uint64_t least_dead_bytes = std::uint64_t{16} << 20U;
};

/// A pack that this session alone writes.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_pack_writer(const std::string& path,
                                                                const PackWriterOptions& options);

}  // namespace locum::storage
