#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/directory.hpp"
#include "shm/names/directory_shard.hpp"
#include "shm/names/name_look.hpp"
#include "shm/names/name_watch.hpp"
#include "shm/segment/robust_lock.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

/// The directory of a node in shared memory: 64 shards by hash, each a growing hash table. Any thread may
/// call.
///
/// Invariants (tests/shm/interleavings/names_test.cpp tries interleavings and deaths)
///
/// 1. Only the holder of a shard's lock changes it. The records are authoritative; chains, bucket heads and
/// the free list can be rebuilt from them, and are, after a holder died; its Intent is finished first.
/// 2. Every change that can mislead a reader (unlinking, moving, reusing a record, a tombstone) happens while
/// `sequence` is odd. A reader's failed look-up counts only if `sequence` was even and the same before and
/// after; a reader that is disturbed too often takes the lock.
/// 3. A record found by a reader counts only after the object was pinned, which must have a generation (two
/// words of a record read at different times may name an object that is not bound yet), and the name that the
/// object itself carries was compared. A live object with a generation is bound to its name: removing or
/// replacing a name tombstones the object under the lock.
/// 4. An inconsistent look-up (a chain leads out of its bucket, a record names no live object, an object has
/// another name) is repeated; under the lock, where nothing changes, it is damage, and `corrupt`.
/// 5. NameWait describes how threads that wait for a name are woken, NameWatch how watching processes are.
class NameTable final : public Directory {
 public:
  /// \param lock_timeout longest wait for a shard's lock of a call without a deadline; a call with a limited
  ///   budget waits as long as that allows, and not at all for a holder that such a call has waited for in
  ///   vain
  NameTable(std::shared_ptr<Segment> segment, std::shared_ptr<ObjectTable> objects,
            std::chrono::milliseconds lock_timeout);

  [[nodiscard]] Result<std::uint64_t> bind(const Key& key, const SealOptions& options,
                                           WaitBudget budget = {}) override;
  [[nodiscard]] Result<Pin> find(std::uint32_t store, std::string_view name, WaitBudget budget = {}) override;
  [[nodiscard]] Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                                    WaitBudget budget = {}) override;
  [[nodiscard]] Result<std::uint64_t> generation(std::uint64_t hash, WaitBudget budget = {}) override;
  [[nodiscard]] Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                                       WaitBudget budget = {}) override;
  [[nodiscard]] Result<Pin> wait(std::uint32_t store, std::string_view name,
                                 Deadline::Clock::time_point moment) override;
  bool watch(std::uint64_t hash, std::shared_ptr<NameWatcher> watcher) override;

  /// Called by the adopter after a death: completes the dead process's change, and makes all waiters look
  /// again, for it may have taken their flag and died before it woke them. Does not wait. REQUIRES: every
  /// thread of the process is gone.
  void repair() noexcept;

 private:
  using Found = NameLook::Found;
  using Seen = NameLook::Seen;

  [[nodiscard]] DirectoryShard& shard_of(std::uint64_t hash) noexcept;
  template <class See>
  [[nodiscard]] Result<void> undisturbed(DirectoryShard& shard, const WaitBudget& budget, const Found& found,
                                         See see);
  /// Until when to wait for the lock of this shard.
  [[nodiscard]] Deadline::Clock::time_point moment(const DirectoryShard& shard,
                                                   const WaitBudget& budget) const noexcept;
  [[nodiscard]] Result<void> prepare(RobustLock& lock, DirectoryShard& shard, const WaitBudget& budget);
  void make_whole(RobustLock& lock, DirectoryShard& shard) noexcept;
  struct NamedObject {
    Key key;
    std::uint64_t hash;  ///< of the name
    std::string_view name;
  };
  [[nodiscard]] Result<std::uint64_t> bind_locked(DirectoryShard& shard, const NamedObject& object,
                                                  const SealOptions& options, const WaitBudget& budget,
                                                  std::uint32_t& asked);
  void tell(Shard& shard, std::uint32_t asked, bool caller_tells) noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::shared_ptr<ObjectTable> objects_;
  const NameLook look_;
  const std::chrono::milliseconds lock_timeout_;
  std::vector<DirectoryShard> shards_;
  /// By shard: the tenure() of its lock whose end a call with a limited budget has waited for in vain, in
  /// whichever thread; 0: none since a thread of this process had it. The next such call does not wait: the
  /// waits of many requests for one stopped holder would add up to more than this process may be silent.
  std::array<std::atomic<std::uint64_t>, shard_count> stuck_{};
  NameWatch watch_;
};

}  // namespace locum::shm
