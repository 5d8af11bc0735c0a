#pragma once

#include <cstdint>
#include <string>

namespace locum::storage {

/// Whether somebody else has a file open, by its lock.
enum class LockState : std::uint8_t {
  free,
  taken,    ///< by somebody who writes it, or, asked for all locks, reads it
  unknown,  ///< the file system has no locks
};
[[nodiscard]] LockState lock_state(const std::string& path, bool asks_for_writers_only);

}  // namespace locum::storage
