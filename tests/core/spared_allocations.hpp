#pragma once

#include <utility>

namespace locum::tests {

/// Above 0: allocations of this thread are the test's own, and never fail (see no_memory_scene.hpp).
inline thread_local int allocations_spared = 0;

/// What a test plays the part of a machine with spares its allocations: it is not what runs out of memory.
class SpareAllocations {
 public:
  SpareAllocations() noexcept { ++allocations_spared; }
  SpareAllocations(const SpareAllocations&) = delete;
  SpareAllocations& operator=(const SpareAllocations&) = delete;
  ~SpareAllocations() { --allocations_spared; }
};

/// Within that, the library is called again.
class CountAllocations {
 public:
  CountAllocations() noexcept = default;
  CountAllocations(const CountAllocations&) = delete;
  CountAllocations& operator=(const CountAllocations&) = delete;
  ~CountAllocations() { allocations_spared = before_; }

 private:
  const int before_ = std::exchange(allocations_spared, 0);
};

}  // namespace locum::tests
