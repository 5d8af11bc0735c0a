#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/descriptor.hpp"

namespace locum::shm {

/// The identity that a process announces to others, as bytes. A process number is valid within one namespace
/// only.
struct ProcessIdentity {
  std::uint64_t number = 0;
  std::uint64_t name_space = 0;  ///< 0: not known

  [[nodiscard]] static ProcessIdentity own() noexcept;
  /// A descriptor that becomes readable for poll() once that process has ended with all of its threads. Not
  /// open if it is unclear which process is meant, or the system has none to give.
  [[nodiscard]] Descriptor watched() const noexcept;
};

/// By rank the descriptor for the end of each process but `own`: not open if the system does not report it,
/// and none at all if one for each would be more than a quarter of this process's limit: those are the
/// application's.
[[nodiscard]] std::vector<Descriptor> watched(std::span<const ProcessIdentity> processes, std::uint32_t own);

}  // namespace locum::shm
