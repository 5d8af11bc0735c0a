#pragma once

#include <chrono>
#include <cstdint>

#include <locum/deadline.hpp>

namespace locum {

/// A connector that knows by itself when objects expire, also those of other processes. Any thread may call.
class Expiring {
 public:
  virtual ~Expiring() = default;

  /// Objects of that store that are created from now on expire that long after they were sealed: no look-up
  /// finds them then.
  virtual void expire(std::uint32_t store, std::chrono::milliseconds lifetime) = 0;
  /// Removes those that have expired, as far as it gets until the deadline.
  virtual void sweep(std::uint32_t store, Deadline deadline) noexcept = 0;
};

}  // namespace locum
