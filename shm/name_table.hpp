#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/directory.hpp"
#include "shm/object_table.hpp"
#include "shm/robust_lock.hpp"
#include "shm/segment.hpp"

namespace locum::shm {

/// The directory of a node in shared memory: 64 shards by hash, each a linear-hashing table (Litwin 1980) of
/// chained records that grows by one bucket at a time. Any thread may call.
///
/// Invariants
/// 1. Only the holder of a shard's lock changes it. Records are the truth; chains, bucket heads and the free
/// list can
///    be made again from them, and are, after a holder died; its Intent is finished first.
/// 2. Every change that can lead a reader astray (unlinking, moving, reusing a record) happens while
/// `sequence` is odd.
///    A reader that found nothing believes it only if `sequence` was even and the same before and after.
/// 3. A reader that found a record believes it only after pinning the object and comparing the name that the
/// object
///    itself carries. A live object is bound to its name: who removes or replaces a name tombstones the
///    object under the lock.
/// 4. Who waits sets `waiting`, reads `published`, looks, and sleeps on `published`; who binds a new name
/// links it,
///    counts `published` up, and then takes `waiting`: one of the two sees the other (all sequentially
///    consistent).
class NameTable final : public Directory {
 public:
  /// \param lock_timeout the longest that a writer waits for a shard's lock
  NameTable(std::shared_ptr<Segment> segment, std::shared_ptr<ObjectTable> objects,
            std::chrono::milliseconds lock_timeout);

  [[nodiscard]] Result<std::uint64_t> bind(const Key& key, const SealOptions& options) override;
  [[nodiscard]] Result<Pin> find(std::uint32_t store, std::string_view name) override;
  [[nodiscard]] Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only) override;
  [[nodiscard]] std::uint64_t generation(std::uint64_t hash) override;
  [[nodiscard]] std::vector<std::string> names(std::uint32_t store, std::string_view prefix) override;
  [[nodiscard]] Result<Pin> wait(std::uint32_t store, std::string_view name,
                                 Deadline::Clock::time_point moment) override;

 private:
  /// One shard with where its tables are; a cheap value.
  struct Tables {
    Shard& shard;
    Record* records;
    Word32* heads;
    std::uint32_t index;
  };
  /// A record found, with what it pointed to.
  struct Found {
    std::uint32_t record = 0;
    Pin pin;
  };

  [[nodiscard]] Tables tables(std::uint64_t hash) const noexcept;
  [[nodiscard]] Tables tables_at(std::uint32_t shard) const noexcept;
  [[nodiscard]] std::optional<Found> walk(const Tables& at, std::uint64_t hash, std::uint32_t store,
                                          std::string_view name);
  [[nodiscard]] Result<void> prepare(RobustLock& lock, const Tables& at);
  [[nodiscard]] Result<std::uint32_t> reserve_record(const Tables& at);
  [[nodiscard]] Result<void> split(const Tables& at);
  void finish(const Tables& at);
  void rebuild(const Tables& at);

  const std::shared_ptr<Segment> segment_;
  const std::shared_ptr<ObjectTable> objects_;
  const std::chrono::milliseconds lock_timeout_;
};

}  // namespace locum::shm
