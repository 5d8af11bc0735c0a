#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ports/spill_file.hpp"

namespace locum::storage {

/// Which disk, and how much of it.
struct SpillOptions {
  std::string folder;
  /// Most bytes that the file may take of it. 0: what the file system has, but for a twentieth, at most 1
  /// GiB, which it leaves to others.
  std::uint64_t most_bytes = 0;
};

/// A new file in the folder, which never has a name where the file system can do that; elsewhere it loses its
/// name at once. Throws Error `system`.
[[nodiscard]] std::shared_ptr<SpillFile> make_spill_file(const SpillOptions& options);
/// The same file in another process, which has received its descriptor; takes that over.
[[nodiscard]] std::shared_ptr<SpillFile> take_spill_file(const SpillOptions& options, int descriptor);

}  // namespace locum::storage
