#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/mutex.hpp"
#include "core/node_table.hpp"
#include "shm/segment.hpp"
#include "shm/view_counts.hpp"

namespace locum::shm {

/// The node table in shared memory. Each process publishes in entries of its own and is the only one to reuse
/// them; all processes read, pin and tombstone. Any thread may call.
///
/// Invariants (tests/shm/pin_model_test.cpp walks through all interleavings of 2 and 3)
///
/// 1. An entry's tag is `sequence << 32 | state`. Its record is written only while the tag is `free`, which
///    it becomes when no process has its pin bit set; the store of the live tag (release) publishes it. The
///    sequence of a slot only grows; when it cannot, the slot is given up. So a serial (sequence, slot) names
///    one object for ever.
/// 2. The pin bit of (process, entry) is set while the process has a view of it. A reader sets the bit, then
///    checks the tag; who frees changes the tag, then checks the bits; all four are sequentially consistent,
///    so at least one sees the other: either the reader gives up, or the memory stays.
/// 3. How many views stand behind a bit is private to the process (ViewCounts). 0 → 1 and 1 → 0 pass through
///    `busy`, in which the bit is changed, so that no thread relies on a bit that another is clearing.
/// 4. A tombstoned entry is in exactly one place: the owner's private list, or the stack `Share::retired`,
///    linked by ObjectRecord::link, which readers do not look at. Processes only push; the owner takes the
///    whole stack, so that no entry can come back while somebody pushes.
class ObjectTable final : public NodeTable {
 public:
  /// \param ranks the runtime's rank of each process of the node; ours is `ranks[own]`
  /// Throws Error `invalid_argument` if these are not the segment's processes, `system` without address
  /// space.
  ObjectTable(std::shared_ptr<Segment> segment, std::uint32_t own, std::vector<std::uint32_t> ranks);

  [[nodiscard]] Result<Key> publish(const ObjectRecord& record) override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<Pin> pin(const Key& key) override;
  /// pin() for who has no use for the words of an error.
  [[nodiscard]] std::optional<Pin> try_pin(const Key& key) noexcept;
  [[nodiscard]] Pin at(std::uint64_t pin_id) const noexcept override;
  void retain(std::uint64_t pin_id) noexcept override;
  void release(std::uint64_t pin_id) noexcept override;
  [[nodiscard]] bool tombstone(const Key& key) noexcept override;
  Pinned collect(std::vector<ObjectRecord>& out, Effort effort) override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<Key> owned(std::uint32_t store) override;

  /// The generation word of an object, for the directory. Null once its entry is another object's, or if the
  /// key is not one of this node.
  [[nodiscard]] Word64* generation(const Key& key) const noexcept;

 private:
  /// Where the entries of one process and their pins are, in this process.
  struct Part {
    Entry* entries;
    Word64* pins;
    Share* share;
  };
  struct Place {
    Entry* entry = nullptr;
    std::uint32_t node_rank = 0;
    std::uint32_t slot = 0;
  };

  [[nodiscard]] Place place(const Key& key) const noexcept;
  [[nodiscard]] Entry& entry(std::uint32_t node_rank, std::uint32_t slot) const noexcept;
  [[nodiscard]] Word64& pin_word(std::uint32_t node_rank, std::uint32_t slot,
                                 std::uint32_t reader) const noexcept;
  [[nodiscard]] Place hold(const Key& key) noexcept;
  void count_view(const Place& at) noexcept;
  [[nodiscard]] bool pinned(std::uint32_t slot) const noexcept;
  void take_retired() LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool reclaim(std::uint32_t slot, std::vector<ObjectRecord>& out) LOCUM_REQUIRES(mutex_);
  [[nodiscard]] Result<void> grow() LOCUM_REQUIRES(mutex_);

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  const std::vector<std::uint32_t> ranks_;
  std::vector<std::uint32_t> node_rank_of_;  ///< by the runtime's rank; `absent` for ranks of other nodes
  std::vector<Part> parts_;                  ///< by node rank
  std::vector<ViewCounts> counts_;           ///< by node rank

  Mutex mutex_;  ///< of the threads of this process, over what only the owner does
  std::vector<std::uint32_t> free_slots_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::uint32_t> retired_ LOCUM_GUARDED_BY(mutex_);  ///< looked at, and found pinned
  Pinned kept_ LOCUM_GUARDED_BY(mutex_);                         ///< sums of retired_
  std::size_t next_look_ LOCUM_GUARDED_BY(mutex_) = 0;           ///< where in retired_ the next look begins
  std::atomic<std::size_t> watched_{0};  ///< size of retired_, for a look without the lock
  std::uint32_t used_slots_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t entry_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< committed
  std::uint64_t pin_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;    ///< committed
};

}  // namespace locum::shm
