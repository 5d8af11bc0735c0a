#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/ports/memory_monitor.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

/// Waits for memory of the node: a notice ends a sleep() when a process of the node evicts an object, adopts
/// a dead process, or returns memory to the system (shm/segment/memory_notice.hpp). Any thread may call.
class FreedMemory final : public MemoryMonitor {
 public:
  FreedMemory(std::shared_ptr<Segment> segment, std::shared_ptr<ObjectTable> table) noexcept;

  [[nodiscard]] std::uint32_t arm() noexcept override;
  void sleep(std::uint32_t armed, Moment until) noexcept override;
  [[nodiscard]] ViewedMemory viewed(std::size_t most) override;

 private:
  const std::shared_ptr<Segment> segment_;
  const std::shared_ptr<ObjectTable> table_;
};

}  // namespace locum::shm
