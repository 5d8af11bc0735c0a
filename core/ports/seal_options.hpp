#pragma once

#include <cstdint>

#include <locum/key.hpp>

namespace locum {

/// Whether sealing under a live name is an error or makes a new generation.
enum class SealMode : std::uint8_t { put, replace };

/// How a named object becomes visible; ignored for an unnamed one.
struct SealOptions {
  SealMode mode = SealMode::put;
  /// replace: only if this is the current generation (`stale` if another is, `not_found` if none). 0: any or
  /// none.
  std::uint64_t expected_generation = 0;
  /// Whether the caller notifies this process's waiters for the name as soon as the call returns: its
  /// NameWatcher need not wake any thread.
  bool caller_tells = false;
};

/// Key and generation under which an object became visible.
struct Sealed {
  Key key;
  std::uint64_t generation = 0;  ///< 0 if unnamed
};

}  // namespace locum
