#pragma once

#include <cstdint>
#include <memory>

#include "core/value/deadline.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// How a process of a node asks the others to move objects to disk. A request is a number of bytes in the
/// node's memory; the processes that take part subtract what they free, and each replies when it has nothing
/// more to move. A death cannot break it: the numbers are hints, and waits are bounded. Any thread may call.
class SpillRequests {
 public:
  using Moment = Deadline::Clock::time_point;

  SpillRequests(std::shared_ptr<Segment> segment, std::uint32_t own) noexcept;

  /// Whether another request was made since the last call. For one thread.
  [[nodiscard]] bool called() noexcept;
  /// What is asked for now, bounded by what a node can have.
  [[nodiscard]] std::uint64_t wanted() const noexcept;
  /// This process has freed that much.
  void freed(std::uint64_t bytes) noexcept;
  /// This process has done what it can.
  void reply() noexcept;

  /// Asks the background work of all processes, of this one, too, if `own`. Returns how many others may
  /// reply.
  std::uint32_t ask(std::uint64_t bytes, bool own) noexcept;
  /// Asks the others, and waits until they have freed that much, or have replied, at most until `moment`.
  /// Returns how much they have freed.
  [[nodiscard]] std::uint64_t ask_and_wait(std::uint64_t bytes, Moment moment) noexcept;

 private:
  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  std::uint32_t heard_;
};

}  // namespace locum::shm
