#pragma once

#include <cstdint>

#include "shm/descriptor.hpp"

namespace locum::shm {

/// What processes tell each other about themselves, as bytes. A process number means something within one
/// name space only.
struct ProcessIdentity {
  std::uint64_t number = 0;
  std::uint64_t name_space = 0;  ///< 0: not known

  [[nodiscard]] static ProcessIdentity own() noexcept;
  /// A descriptor that poll() finds readable once that process has ended, all of its threads. Not open if
  /// there is no telling which process is meant, or the system has none to give.
  [[nodiscard]] Descriptor watched() const noexcept;
};

}  // namespace locum::shm
