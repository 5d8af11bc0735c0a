#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/descriptor.hpp"
#include "core/value/result.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// The memory of a node as one process maps it: an unnamed file, its whole address range reserved, its head
/// committed. Uncommitted memory is never accessed. Made by one process of the node (create), mapped by the
/// others from the descriptor (attach). Any thread may call; the mapping lives as long as this object.
class Segment {
 public:
  /// A new segment: an unnamed file in `/dev/shm`, or a memfd if that is too small for
  /// `geometry.memory_bytes`. Throws Error: out_of_memory, system.
  [[nodiscard]] static std::shared_ptr<Segment> create(const Geometry& geometry, std::uint64_t incarnation);
  /// The segment behind a descriptor that another process of the node sent. The header is checked against
  /// `expected` and `incarnation`; throws Error `corrupt` if it does not fit.
  [[nodiscard]] static std::shared_ptr<Segment> attach(Descriptor descriptor, const Geometry& expected,
                                                       std::uint64_t incarnation);
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment();

  [[nodiscard]] std::byte* base() const noexcept;
  [[nodiscard]] const Geometry& geometry() const noexcept;
  [[nodiscard]] SegmentHeader& header() const noexcept;
  [[nodiscard]] Share& share(std::uint32_t rank) const noexcept;
  [[nodiscard]] Shard& shard(std::uint32_t index) const noexcept;
  /// REQUIRES: index < most_budgets.
  [[nodiscard]] Budget& budget(std::uint32_t index) const noexcept;
  [[nodiscard]] BudgetCounts& counts(std::uint32_t rank) const noexcept;
  [[nodiscard]] int descriptor() const noexcept;

  /// Commits [offset, offset + size): whole pages, zero-filled, counted against memory_bytes. `out_of_memory`
  /// with the requested, committed and limit bytes when the budget, `/dev/shm` or the machine is full;
  /// nothing is committed then. REQUIRES: the range is page-aligned and not committed yet.
  [[nodiscard]] Result<void> commit(std::uint64_t offset, std::uint64_t size_bytes);
  /// commit() for objects, which leaves keep_spare() to tables: these have nothing to move to disk when they
  /// have to grow.
  [[nodiscard]] Result<void> commit_for_objects(std::uint64_t offset, std::uint64_t size_bytes);
  /// Maps committed pages into this process, at once in place of one page fault each. A hint: does nothing
  /// where the kernel is older than 5.14.
  void map_pages(std::uint64_t offset, std::uint64_t size_bytes) const noexcept;
  /// What commit_for_objects() may still take. A system call.
  [[nodiscard]] std::uint64_t left_for_objects() const noexcept;
  /// While no other thread calls this.
  void keep_spare(std::uint64_t bytes) noexcept;
  /// Returns [offset, offset + size) to the system, committed or not; it reads as zeros once committed again.
  /// REQUIRES: the range is page-aligned and unused.
  void give_back(std::uint64_t offset, std::uint64_t size_bytes) noexcept;
  /// Bytes of the node's memory that the system has provided, to all processes together. The file's own
  /// count: a death cannot make it wrong. A system call.
  [[nodiscard]] std::uint64_t committed_bytes() const noexcept;
  /// The most that was committed after a commit() that succeeded, in any process.
  [[nodiscard]] std::uint64_t highest_bytes() const noexcept { return header().highest_bytes.load(); }
  /// How many bytes from `offset` on, at most `size_bytes`, lie before the first page never written: the
  /// readable range if no other count can be trusted. 0 if the system does not tell. A system call.
  [[nodiscard]] std::uint64_t written_bytes(std::uint64_t offset, std::uint64_t size_bytes) const noexcept;
  /// Sets an object to be destroyed right before the mapping ends: for mappings that replace parts of it. At
  /// most one; while no other thread calls this.
  void keep(std::shared_ptr<const void> what) noexcept;
  /// For reports: "unnamed file in /dev/shm" or "memfd".
  [[nodiscard]] const std::string& kind() const noexcept;

 private:
  struct State;
  explicit Segment(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace locum::shm
