#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <locum/deadline.hpp>
#include <locum/key.hpp>
#include <locum/ports/capability.hpp>

namespace locum {

/// An object that this process views.
struct ViewedObject {
  Key key;
  std::string name;         ///< empty if unnamed
  std::uint64_t bytes = 0;  ///< of its block
  std::uint32_t views = 0;  ///< of this process
};

/// Memory that this process itself keeps by its views, of objects evicted or not.
struct ViewedMemory {
  std::uint64_t bytes = 0;            ///< of all viewed objects
  std::uint64_t objects = 0;          ///< number of them
  std::uint64_t most_bytes = 0;       ///< the most that all objects of the node may take together
  std::vector<ViewedObject> largest;  ///< some of the largest ones, in descending order

  /// Returns whether memory for an object of that size can become free while all these views exist.
  [[nodiscard]] bool leaves(std::uint64_t size_bytes) const noexcept {
    return bytes <= most_bytes && size_bytes <= most_bytes - bytes;
  }
};

/// Lets a thread sleep until memory of the node may have become free. Any thread may call.
///
/// A thread arms, then tries to get memory, and sleeps if it gets none: whatever is freed after arm() ends
/// the sleep. Only a wake-up is promised, not memory: other threads try as well. Some events wake no thread:
/// the end of the last view of an evicted object (a view may not cost more because others wait), or a draft
/// that another process discards. A sleeper therefore also tries again at intervals.
class MemoryMonitor : public Capability {
 public:
  using Moment = Deadline::Clock::time_point;

  /// Makes memory that becomes free from now on end a sleep() with the returned number.
  [[nodiscard]] virtual std::uint32_t arm() noexcept = 0;
  /// Sleeps until memory has become free since the arm() that returned `armed`, at most until `until`. May
  /// return early.
  virtual void sleep(std::uint32_t armed, Moment until) noexcept = 0;
  /// Returns the memory that this process views now, with at most `most` objects named. Takes a pass over all
  /// objects that this process ever viewed.
  [[nodiscard]] virtual ViewedMemory viewed(std::size_t most) = 0;
};

}  // namespace locum
