#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "core/object/object_tail.hpp"
#include "shm/names/name_table.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/object_table.hpp"
#include "tests/shm/interleavings/schedule.hpp"
#include "tests/shm/player.hpp"

namespace locum::tests {

/// The memory of a node for many scenes: reset to its initial state, at the same address.
class Ground {
 public:
  explicit Ground(std::uint32_t ranks)
      : segment_(make_segment(ranks)),
        fresh_(segment_->base(), segment_->base() + segment_->geometry().head_bytes()) {
    // made once per process, and so not by a scene
    (void)no_such_object();
    (void)name_not_put();
  }
  [[nodiscard]] std::shared_ptr<shm::Segment> again() const {
    std::memcpy(segment_->base(), fresh_.data(), fresh_.size());
    // Committed memory stays committed, which nothing can detect, and is zero again.
    const auto end = static_cast<off_t>(segment_->geometry().total_bytes());
    for (auto at = static_cast<off_t>(fresh_.size()); at < end;) {
      const off_t begin = ::lseek(segment_->descriptor(), at, SEEK_DATA);
      if (begin < 0) {
        break;
      }
      at = std::min(::lseek(segment_->descriptor(), begin, SEEK_HOLE), end);
      std::memset(segment_->base() + begin, 0, static_cast<std::size_t>(at - begin));
    }
    return segment_;
  }

 private:
  const std::shared_ptr<shm::Segment> segment_;
  const std::vector<std::byte> fresh_;
};

/// Every interleaving of these players within the bounds leaves them content. `Players` are made of the
/// node's memory, anew for each run.
template <class Players>
void pass(const Search& bounds, std::uint32_t ranks) {
  const Ground ground(ranks);
  const Searched searched = search(bounds, [&] { return std::make_unique<Players>(ground.again()); });
  EXPECT_EQ(searched.wrong, "");
  EXPECT_TRUE(searched.all);
  testing::Test::RecordProperty("runs", static_cast<int>(searched.runs));
}

/// One process of a scene: its own tables over the shared segment. It may end while views of dead processes
/// are left. Objects are one word, in blocks that are used once each; a returned block is poisoned.
class Process {
 public:
  static constexpr std::uint32_t store = 7;
  static constexpr std::uint64_t poison = ~std::uint64_t{0};

  Process(std::shared_ptr<shm::Segment> shared, std::uint32_t own)
      : segment(std::move(shared)),
        objects(std::make_shared<shm::ObjectTable>(segment, own, Player::ranks_of(*segment))),
        names(segment, objects, std::chrono::hours(1)),
        next_(segment->geometry().arena_offset(own)) {
    segment->commit(next_, 4096).value();
  }

  [[nodiscard]] Key publish(std::uint64_t word, std::string_view name = {}) {
    ObjectRecord record;
    record.size_bytes = sizeof word;
    record.store = store;
    record.name_bytes = name.size() & 0x1FFFFU;
    record.name_hash = name.empty() ? 0 : name_hash(store, name);
    record.offset = next_;
    next_ += (record.block_bytes() + 15) / 16 * 16;
    std::memcpy(segment->base() + record.offset, &word, sizeof word);
    ObjectTail tail;
    tail.name = name;
    write_tail(segment->base() + record.offset, record, tail);
    return objects->publish(record).value();
  }
  [[nodiscard]] std::uint64_t word(const Pin& pin) const {
    std::uint64_t value = 0;
    std::memcpy(&value, segment->base() + pin.record->offset, sizeof value);
    return value;
  }
  /// Number of returned objects.
  std::size_t collect() {
    std::size_t dead = 0;
    const auto free = [&](const ObjectRecord& record) {
      if (std::ranges::find(came, record.offset) != came.end()) {
        report("an object came back twice");
      }
      came.push_back(record.offset);
      std::memcpy(segment->base() + record.offset, &poison, sizeof poison);
      ++dead;
    };
    (void)objects->collect(free, Effort::thorough);
    return dead;
  }

  /// Until no dead entry is left in the share of `rank`.
  void collect_all(std::uint32_t rank) {
    (void)collect();
    while (dead(rank)) {
      std::this_thread::yield();
      (void)collect();
    }
  }
  /// The steps of a survivor that adopts a dead process.
  void adopt(std::uint32_t rank) {
    objects->recover(rank);
    names.repair();
    objects->drop_pins(rank);
    const auto taken = objects->adopt(rank, [&](const std::vector<Block>& used) {
      for (const Block& block : used) {
        in_use.push_back(block.offset);
      }
      return Result<void>();
    });
    if (!taken) {
      report("a dead process cannot be adopted");
    }
  }

  [[nodiscard]] shm::Entry& entry(std::uint32_t rank, std::uint32_t slot) const {
    return reinterpret_cast<shm::Entry*>(segment->base() + segment->geometry().entries_offset(rank))[slot];
  }
  static constexpr std::uint32_t slots = 8;  ///< more than any scene uses
  /// Whether a share has a dead entry.
  [[nodiscard]] bool dead(std::uint32_t rank) const {
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      if (state(rank, slot) == shm::EntryState::tombstone) {
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] shm::EntryState state(std::uint32_t rank, std::uint32_t slot) const {
    if (segment->share(rank).entries.load() == 0) {
      return shm::EntryState::free;
    }
    return shm::state_of(entry(rank, slot).tag.load());
  }
  /// Whether all entries that were handed back to this process, and not taken yet, are dead.
  [[nodiscard]] bool stack_is_of_the_dead() const {
    const std::uint32_t own = objects->own();
    std::uint32_t next = segment->share(own).retired.load();
    for (std::uint32_t steps = 0; next != 0 && steps < slots; ++steps) {
      if (state(own, next - 1) != shm::EntryState::tombstone) {
        return false;
      }
      next = entry(own, next - 1).record.link;
    }
    return true;
  }
  [[nodiscard]] bool pinned(std::uint32_t rank) const {
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      if (segment->share(rank).entries.load() != 0 && shm::Entries(*segment, rank).pinned(slot)) {
        return true;
      }
    }
    return false;
  }

  const std::shared_ptr<shm::Segment> segment;
  const std::shared_ptr<shm::ObjectTable> objects;
  shm::NameTable names;
  std::vector<std::uint64_t> came;    ///< returned blocks
  std::vector<std::uint64_t> in_use;  ///< blocks of dead processes, as reported by the adoption

 private:
  std::uint64_t next_;
};

}  // namespace locum::tests
