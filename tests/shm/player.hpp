#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "core/object/object_tail.hpp"
#include "core/ports/directory.hpp"
#include "core/value/deadline.hpp"
#include "core/value/options.hpp"
#include "shm/names/name_table.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/object_table.hpp"
#include "tests/core/collect_into.hpp"
#include "tests/core/sanitized.hpp"

namespace locum::tests {

/// Simulates one process of a node: its own tables over a segment that all players share, and blocks from its
/// part of the segment, allocated consecutively and reused by size. Any thread may call.
class Player {
 public:
  /// Runtime ranks are 10, 11, …, so that mistaking them for positions within the node is detected.
  static constexpr std::uint32_t first_rank = 10;

  Player(std::shared_ptr<shm::Segment> shared, std::uint32_t own, std::uint64_t block_memory_bytes,
         std::chrono::milliseconds lock_timeout = std::chrono::seconds(20))
      : segment(std::move(shared)),
        objects(shm::ObjectTable::make(segment, own, ranks_of(*segment))),
        names(std::make_shared<shm::NameTable>(segment, objects, lock_timeout)),
        next_offset_(segment->geometry().arena_offset(own)) {
    if (block_memory_bytes > 0) {
      segment->commit(next_offset_, block_memory_bytes).value();
    }
  }

  [[nodiscard]] std::uint64_t block(std::uint64_t size_bytes) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t size = (size_bytes + 15) / 16 * 16;
    auto& free = free_[size];
    if (!free.empty()) {
      const std::uint64_t offset = free.back();
      free.pop_back();
      return offset;
    }
    return next_offset_ += size, next_offset_ - size;
  }
  void free(const ObjectRecord& record) {
    const std::lock_guard lock(mutex_);
    free_[(record.block_bytes() + 15) / 16 * 16].push_back(record.offset);
  }

  /// An object whose payload is one word, sealed with a name (or none), not yet bound.
  [[nodiscard]] Result<Key> publish(std::uint32_t store, std::string_view name = {}, std::uint64_t word = 0,
                                    std::uint64_t forged_hash = 0) {
    ObjectRecord record;
    record.size_bytes = sizeof word;
    record.store = store;
    record.name_bytes = name.size() & 0x1FFFFU;
    record.name_hash = forged_hash != 0 ? forged_hash : name.empty() ? 0 : name_hash(store, name);
    record.offset = block(record.block_bytes());
    std::byte* bytes = segment->base() + record.offset;
    std::memcpy(bytes, &word, sizeof word);
    ObjectTail tail;
    tail.name = name;
    write_tail(bytes, record, tail);
    return objects->publish(record);
  }
  [[nodiscard]] Result<std::uint64_t> put(std::uint32_t store, std::string_view name, std::uint64_t word,
                                          const SealOptions& options = {}, WaitBudget budget = {}) {
    const Key key = publish(store, name, word).value();
    auto generation = names->bind(key, options, budget);
    if (!generation) {
      EXPECT_TRUE(objects->tombstone(key));
    }
    return generation;
  }
  [[nodiscard]] Result<std::uint64_t> replace(std::uint32_t store, std::string_view name, std::uint64_t word,
                                              std::uint64_t expected = 0) {
    return put(store, name, word, {.mode = SealMode::replace, .expected_generation = expected});
  }

  [[nodiscard]] std::uint64_t word(const Pin& pin) const {
    std::uint64_t value = 0;
    std::memcpy(&value, segment->base() + pin.record->offset, sizeof value);
    return value;
  }
  /// The word of the named object; the pin is released.
  [[nodiscard]] Result<std::uint64_t> get(std::uint32_t store, std::string_view name) {
    const auto pin = names->find(store, name);
    if (!pin) {
      return pin.error();
    }
    const std::uint64_t value = word(*pin);
    objects->release(pin->id);
    return value;
  }
  /// Frees what can be freed; returns how much is pinned.
  Pinned collect(Effort effort = Effort::thorough) {
    std::vector<ObjectRecord> dead;
    const Pinned pinned = collect_into(*objects, dead, effort).pinned;
    for (const ObjectRecord& record : dead) {
      free(record);
    }
    return pinned;
  }
  /// The steps of a survivor that adopts a dead process; returns the used blocks.
  std::vector<Block> adopt(std::uint32_t dead) {
    objects->recover(dead);
    names->repair();
    objects->drop_pins(dead);
    return adopt_only(dead);
  }
  std::vector<Block> adopt_only(std::uint32_t dead) {
    std::vector<Block> used;
    EXPECT_TRUE(objects->adopt(
        dead, [&](const std::vector<Block>& blocks) { return used = blocks, Result<void>(); }));
    return used;
  }

  [[nodiscard]] static std::vector<std::uint32_t> ranks_of(const shm::Segment& segment) {
    std::vector<std::uint32_t> ranks(segment.geometry().ranks);
    std::iota(ranks.begin(), ranks.end(), first_rank);
    return ranks;
  }

  const std::shared_ptr<shm::Segment> segment;
  const std::shared_ptr<shm::ObjectTable> objects;
  const std::shared_ptr<shm::NameTable> names;

 private:
  std::mutex mutex_;
  std::uint64_t next_offset_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> free_;
};

[[nodiscard]] inline std::shared_ptr<shm::Segment> make_segment(std::uint32_t ranks,
                                                                std::uint64_t memory_bytes = 64_MiB) {
  return shm::Segment::create(shm::Geometry::fit(ranks, memory_bytes, 16_GiB), 0x10C0);
}

[[nodiscard]] inline Deadline::Clock::time_point in(std::chrono::milliseconds time) {
  return Deadline::Clock::now() + time;
}

/// The error code; `Errc{}` for none.
template <class T>
[[nodiscard]] Errc code(const Result<T>& result) {
  return result ? Errc{} : result.error().code();
}

}  // namespace locum::tests
