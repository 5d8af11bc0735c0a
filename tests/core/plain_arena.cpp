#include "tests/core/plain_arena.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <map>
#include <new>
#include <string>
#include <utility>

#include "core/base/mutex.hpp"

namespace locum::tests {

namespace {

constexpr std::uint64_t page_bytes = 4096;

}  // namespace

// The bookkeeping of one part of the memory; first fit.
class PlainPart {
 public:
  PlainPart(std::uint64_t begin, std::uint64_t size_bytes, std::uint32_t owner)
      : begin_(begin), size_bytes_(size_bytes), owner_(owner), free_{{begin, size_bytes}} {}

  [[nodiscard]] bool contains(std::uint64_t offset) const noexcept {
    return offset >= begin_ && offset - begin_ < size_bytes_;
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_bytes_; }

  // 0 if there is no such piece.
  std::uint64_t allocate(std::uint64_t size_bytes, std::uint64_t alignment) {
    const MutexLock lock(mutex_);
    if (size_bytes > size_bytes_) {
      return 0;
    }
    const std::uint64_t step = std::max<std::uint64_t>(alignment, size_bytes >= 128 ? 64 : 16);
    const std::uint64_t rounded = std::max<std::uint64_t>((size_bytes + 15) / 16 * 16, 16);
    for (auto piece = free_.begin(); piece != free_.end(); ++piece) {
      const auto [begin, bytes] = *piece;
      const std::uint64_t offset = (begin + step - 1) / step * step;
      const std::uint64_t before = offset - begin;
      if (bytes >= before && bytes - before >= rounded) {
        free_.erase(piece);
        if (before > 0) {
          free_[begin] = before;
        }
        if (bytes > before + rounded) {
          free_[offset + rounded] = bytes - before - rounded;
        }
        used_[offset] = rounded;
        used_bytes_ += rounded;
        return offset;
      }
    }
    return 0;
  }
  void free(std::uint64_t offset) {
    const MutexLock lock(mutex_);
    release(used_.find(offset));
  }
  void free_all_but(const std::set<std::uint64_t>& kept) {
    const MutexLock lock(mutex_);
    for (auto used = used_.begin(); used != used_.end();) {
      const auto next = std::next(used);
      if (!kept.contains(used->first)) {
        release(used);
      }
      used = next;
    }
  }

  void die() {
    const MutexLock lock(mutex_);
    dead_ = true;
  }
  [[nodiscard]] bool is_dead() const {
    const MutexLock lock(mutex_);
    return dead_;
  }
  void give_to(std::uint32_t owner) {
    const MutexLock lock(mutex_);
    owner_ = owner;
  }
  [[nodiscard]] std::uint32_t owner() const {
    const MutexLock lock(mutex_);
    return owner_;
  }
  [[nodiscard]] std::uint64_t used_bytes() const {
    const MutexLock lock(mutex_);
    return used_bytes_;
  }
  [[nodiscard]] std::uint64_t largest_free() const {
    const MutexLock lock(mutex_);
    std::uint64_t largest = 0;
    for (const auto& [begin, bytes] : free_) {
      largest = std::max(largest, bytes);
    }
    return largest;
  }

 private:
  using Pieces = std::map<std::uint64_t, std::uint64_t>;  // offset → bytes

  void release(Pieces::iterator used) LOCUM_REQUIRES(mutex_) {
    std::uint64_t begin = used->first;
    std::uint64_t bytes = used->second;
    used_bytes_ -= bytes;
    used_.erase(used);
    const auto behind = free_.find(begin + bytes);
    if (behind != free_.end()) {
      bytes += behind->second;
      free_.erase(behind);
    }
    const auto after = free_.lower_bound(begin);
    if (after != free_.begin() && std::prev(after)->first + std::prev(after)->second == begin) {
      std::prev(after)->second += bytes;
    } else {
      free_[begin] = bytes;
    }
  }

  const std::uint64_t begin_;
  const std::uint64_t size_bytes_;
  mutable Mutex mutex_;
  std::uint32_t owner_ LOCUM_GUARDED_BY(mutex_);
  bool dead_ LOCUM_GUARDED_BY(mutex_) = false;  // the first owner is
  Pieces free_ LOCUM_GUARDED_BY(mutex_);
  Pieces used_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t used_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

// The first page belongs to no part, so that no block has the offset 0.
PlainMemory::PlainMemory(std::uint64_t size_bytes, std::uint32_t parts)
    : bytes_(static_cast<std::byte*>(::operator new(page_bytes + size_bytes, std::align_val_t(page_bytes)))),
      size_bytes_(size_bytes) {
  const std::uint64_t part = size_bytes / parts / page_bytes * page_bytes;
  for (std::uint32_t number = 0; number < parts; ++number) {
    parts_.push_back(std::make_unique<PlainPart>(page_bytes + number * part, part, number));
  }
}

PlainMemory::~PlainMemory() {
  ::operator delete(bytes_, std::align_val_t(page_bytes));
}

bool PlainMemory::contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept {
  return offset >= page_bytes && offset - page_bytes < size_bytes_ &&
         size_bytes <= size_bytes_ - (offset - page_bytes);
}

PlainPart& PlainMemory::part_at(std::uint64_t offset) const {
  return **std::ranges::find_if(parts_, [&](const auto& part) { return part->contains(offset); });
}

std::uint64_t PlainMemory::used_bytes() const {
  std::uint64_t used = 0;
  for (const auto& part : parts_) {
    used += part->used_bytes();
  }
  return used;
}

ArenaUsage PlainMemory::usage_of(std::uint32_t process) const {
  ArenaUsage usage{.limit = size_bytes_, .node_committed = size_bytes_, .node_highest = size_bytes_};
  for (const auto& part : parts_) {
    if (part->owner() == process) {
      usage.committed += part->size_bytes();
      usage.used += part->used_bytes();
    }
  }
  usage.highest = usage.committed;
  usage.free = usage.committed - usage.used;
  usage.largest_free = part(process).largest_free();
  return usage;
}

void PlainMemory::die(std::uint32_t process) {
  part(process).die();
}

bool PlainMemory::is_dead(std::uint32_t process) const {
  return part(process).is_dead();
}

void PlainMemory::adopt(std::uint32_t dead, std::uint32_t heir, const std::set<std::uint64_t>& kept) {
  for (const auto& part : parts_) {
    if (part->owner() == dead) {
      part->free_all_but(kept);
      part->give_to(heir);
    }
  }
}

namespace {

class PlainArena final : public Arena {
 public:
  PlainArena(std::shared_ptr<PlainMemory> memory, std::uint32_t process)
      : memory_(std::move(memory)), process_(process) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment, WaitBudget /*budget*/) override {
    if (!std::has_single_bit(alignment) || alignment > page_bytes) {
      return Error(Errc::invalid_argument, "no alignment: " + std::to_string(alignment));
    }
    const std::uint64_t offset =
        memory_->is_dead(process_) ? 0 : memory_->part(process_).allocate(size_bytes, alignment);
    if (offset == 0) {
      const ArenaUsage now = usage();
      return Error(Errc::out_of_memory,
                   "requested " + std::to_string(size_bytes) + " with " + std::to_string(now.used) +
                       " used and " + std::to_string(now.free) + " free of " + std::to_string(now.limit));
    }
    return Block{offset, size_bytes};
  }
  void free(const Block& block) noexcept override {
    if (!memory_->is_dead(process_)) {
      memory_->part_at(block.offset).free(block.offset);
    }
  }
  std::byte* data(std::uint64_t offset) const noexcept override { return memory_->at(offset); }
  bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override {
    return memory_->contains(offset, size_bytes);
  }
  ArenaUsage usage() const override { return memory_->usage_of(process_); }

 private:
  const std::shared_ptr<PlainMemory> memory_;
  const std::uint32_t process_;
};

}  // namespace

std::shared_ptr<Arena> plain_arena(std::shared_ptr<PlainMemory> memory, std::uint32_t process) {
  return std::make_shared<PlainArena>(std::move(memory), process);
}

}  // namespace locum::tests
