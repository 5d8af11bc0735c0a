#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shm/segment/descriptor.hpp"

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

/// By rank what tells of the end of each process but `own`: not open where the system does not tell, and none
/// where one for each would be more than a quarter of what this process may open: those are the
/// application's.
[[nodiscard]] std::vector<Descriptor> watched(std::span<const ProcessIdentity> processes, std::uint32_t own);

}  // namespace locum::shm
