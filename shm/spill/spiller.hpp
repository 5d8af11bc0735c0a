#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "core/base/mutex.hpp"
#include "core/ports/object_spill.hpp"
#include "core/ports/spill_file.hpp"
#include "shm/arena/arena.hpp"
#include "shm/segment/segment.hpp"
#include "shm/spill/spill_requests.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

/// Moves objects of one process between the node's memory and its spill file; the states of their entries
/// tell the others where they are (shm/table/disk_entries.cpp). An object keeps its block and its addresses:
/// the pages of its payload are given back, and committed again when it returns. What is in the file stays
/// there until the object is freed, so that an object that has returned leaves again without being written.
/// Any thread may call.
class Spiller final : public ObjectSpill {
 public:
  /// The smallest payload that leaves memory: at most a sixteenth of it, the page that stays, is not freed.
  static constexpr std::uint64_t least_bytes = std::uint64_t{64} << 10U;

  Spiller(std::shared_ptr<Segment> segment, std::shared_ptr<ObjectTable> table,
          std::shared_ptr<SpillFile> file, std::chrono::milliseconds timeout);

  /// The arena of this process. Before any object is published.
  void use(SharedArena& arena) noexcept { arena_.store(&arena); }
  /// A piece of the background work: moves an object if a process has asked for that. Whether there may be
  /// more to do. One thread calls.
  [[nodiscard]] bool serve() noexcept LOCUM_EXCLUDES(choosing_);
  /// After the last serve(): processes that wait for this one's reply wait no longer.
  ~Spiller() override;

  [[nodiscard]] Result<void> bring_back(const Pin& pin, WaitBudget budget) override LOCUM_EXCLUDES(choosing_);
  [[nodiscard]] Result<void> read(const Pin& pin, std::span<std::byte> block) override;
  [[nodiscard]] Result<std::uint64_t> make_room(std::uint64_t size_bytes, WaitBudget budget) override
      LOCUM_EXCLUDES(choosing_);
  [[nodiscard]] SpillUsage usage() override { return table_->on_disk(); }

 private:
  [[nodiscard]] Result<void> restore(const Pin& pin);
  [[nodiscard]] Result<void> read_payload(const Pin& pin, std::span<std::byte> into);
  [[nodiscard]] Result<std::uint64_t> move_own(std::uint64_t size_bytes, Deadline::Clock::time_point until)
      LOCUM_EXCLUDES(choosing_);
  [[nodiscard]] Result<std::uint64_t> move(const Pin& pin);
  [[nodiscard]] Result<void> store(const Pin& pin);
  /// make_room() for an object that has its addresses.
  [[nodiscard]] Result<std::uint64_t> free_memory(std::uint64_t size_bytes, const WaitBudget& budget)
      LOCUM_EXCLUDES(choosing_);
  void free_from_disk(const ObjectRecord& record, bool left);

  const std::shared_ptr<Segment> segment_;
  const std::shared_ptr<ObjectTable> table_;
  const std::shared_ptr<SpillFile> file_;
  const std::chrono::milliseconds timeout_;
  std::uint64_t most_bytes_ = 0;  ///< of the node's memory, for objects
  SpillRequests requests_;
  std::atomic<SharedArena*> arena_{nullptr};
  Mutex choosing_;  ///< never held while the disk works; what was chosen is pinned, and so not chosen again
  ObjectTable::DiskHand hand_ LOCUM_GUARDED_BY(choosing_);
  bool serves_ = false;  ///< of the thread that calls serve(): a request is not replied to yet
};

}  // namespace locum::shm
