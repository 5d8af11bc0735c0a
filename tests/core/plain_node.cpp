#include "tests/core/plain_node.hpp"

#include <algorithm>
#include <bit>
#include <condition_variable>
#include <iterator>
#include <map>
#include <new>
#include <string>
#include <utility>

#include "core/mutex.hpp"

namespace locum::tests {

namespace {

constexpr std::uint64_t page_bytes = 4096;

// Memory that all arenas of a node see. The first page is nobody's, so that no block has the offset 0.
class PlainMemory {
 public:
  explicit PlainMemory(std::uint64_t size_bytes)
      : bytes_(
            static_cast<std::byte*>(::operator new(page_bytes + size_bytes, std::align_val_t(page_bytes)))),
        size_bytes_(size_bytes) {}
  PlainMemory(const PlainMemory&) = delete;
  PlainMemory& operator=(const PlainMemory&) = delete;
  ~PlainMemory() { ::operator delete(bytes_, std::align_val_t(page_bytes)); }

  [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept { return bytes_ + offset; }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_bytes_; }

 private:
  std::byte* const bytes_;
  const std::uint64_t size_bytes_;
};

// An equal part of the memory for each process; first fit.
class PlainArena final : public Arena {
 public:
  PlainArena(std::shared_ptr<PlainMemory> memory, std::uint64_t begin, std::uint64_t size_bytes)
      : memory_(std::move(memory)), size_bytes_(size_bytes), free_{{begin, size_bytes}} {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment) override {
    if (!std::has_single_bit(alignment) || alignment > page_bytes) {
      return Error(Errc::invalid_argument, "no alignment: " + std::to_string(alignment));
    }
    const MutexLock lock(mutex_);
    if (size_bytes > size_bytes_) {
      return full(size_bytes);
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
        return Block{offset, size_bytes};
      }
    }
    return full(size_bytes);
  }

  void free(const Block& block) noexcept override {
    const MutexLock lock(mutex_);
    const auto used = used_.find(block.offset);
    std::uint64_t begin = block.offset;
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

  std::byte* data(std::uint64_t offset) const noexcept override { return memory_->at(offset); }
  bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override {
    const std::uint64_t all = memory_->size_bytes();
    return offset >= page_bytes && offset - page_bytes < all && size_bytes <= all - (offset - page_bytes);
  }
  ArenaUsage usage() const override {
    const MutexLock lock(mutex_);
    return usage_now();
  }

 private:
  ArenaUsage usage_now() const LOCUM_REQUIRES(mutex_) {
    std::uint64_t largest = 0;
    for (const auto& [begin, bytes] : free_) {
      largest = std::max(largest, bytes);
    }
    return {.limit = memory_->size_bytes(),
            .node_committed = memory_->size_bytes(),
            .committed = size_bytes_,
            .used = used_bytes_,
            .free = size_bytes_ - used_bytes_,
            .largest_free = largest};
  }
  Error full(std::uint64_t asked) const LOCUM_REQUIRES(mutex_) {
    const ArenaUsage now = usage_now();
    return Error(Errc::out_of_memory, "asked for " + std::to_string(asked) + " with " +
                                          std::to_string(now.used) + " used and " + std::to_string(now.free) +
                                          " free of " + std::to_string(now.limit));
  }

  const std::shared_ptr<PlainMemory> memory_;
  const std::uint64_t size_bytes_;
  mutable Mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> free_ LOCUM_GUARDED_BY(mutex_);  // offset → bytes
  std::map<std::uint64_t, std::uint64_t> used_ LOCUM_GUARDED_BY(mutex_);  // offset → bytes
  std::uint64_t used_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

struct PlainObject {
  Key key;
  ObjectRecord record;
  std::uint64_t generation = 0;
  bool live = true;
  std::uint64_t views = 0;  // of all processes
};

// What the processes of the node share.
struct PlainState {
  Mutex mutex;
  std::condition_variable bound;
  std::map<std::uint64_t, PlainObject> objects LOCUM_GUARDED_BY(mutex);  // by serial; none is given twice
  std::map<std::pair<std::uint32_t, std::string>, std::uint64_t> names LOCUM_GUARDED_BY(mutex);  // → serial
  std::uint64_t last_serial LOCUM_GUARDED_BY(mutex) = 0;
  std::uint64_t last_generation LOCUM_GUARDED_BY(mutex) = 0;

  // Null unless there is such an object, and it is live.
  PlainObject* live(const Key& key) LOCUM_REQUIRES(mutex) {
    const auto found = objects.find(key.serial);
    return found != objects.end() && found->second.live && found->second.key == key ? &found->second
                                                                                    : nullptr;
  }
  PlainObject* named(std::uint32_t store, std::string_view name) LOCUM_REQUIRES(mutex) {
    const auto found = names.find({store, std::string(name)});
    if (found == names.end()) {
      return nullptr;
    }
    const auto object = objects.find(found->second);
    return object != objects.end() && object->second.live ? &object->second : nullptr;
  }
};

class PlainTable final : public NodeTable, public std::enable_shared_from_this<PlainTable> {
 public:
  PlainTable(std::shared_ptr<PlainState> node, std::shared_ptr<PlainMemory> memory, std::uint32_t rank)
      : node_(std::move(node)), memory_(std::move(memory)), rank_(rank) {}

  Result<Key> publish(const ObjectRecord& record) override {
    const MutexLock lock(node_->mutex);
    const Key key{record.store, rank_, ++node_->last_serial};
    node_->objects[key.serial] = {key, record};
    return key;
  }
  Result<Pin> pin(const Key& key) override {
    const MutexLock lock(node_->mutex);
    PlainObject* const object = node_->live(key);
    return object != nullptr ? Result<Pin>(view_of(*object)) : Error(Errc::not_found, "no such object");
  }
  // REQUIRES: the node's mutex is held.
  Pin view_of(PlainObject& object) {
    ++object.views;
    if (++views_ == 1) {
      self_ = shared_from_this();
    }
    return {object.key.serial, object.key, &object.record, object.generation};
  }
  bool unnamed(const Key& key) const noexcept override {
    const MutexLock lock(node_->mutex);
    const PlainObject* const object = node_->live(key);
    return object != nullptr && object->record.name_bytes == 0;
  }
  ObjectFacts describe(std::uint64_t pin_id) const override {
    const MutexLock lock(node_->mutex);
    const PlainObject& object = node_->objects.at(pin_id);
    return facts_of({pin_id, object.key, &object.record, object.generation},
                    memory_->at(object.record.offset));
  }
  void retain(std::uint64_t pin_id) noexcept override {
    const MutexLock lock(node_->mutex);
    ++node_->objects.at(pin_id).views;
    ++views_;
  }
  void release(std::uint64_t pin_id) noexcept override {
    std::shared_ptr<PlainTable> last;  // destroyed after the lock
    const MutexLock lock(node_->mutex);
    --node_->objects.at(pin_id).views;
    if (--views_ == 0) {
      last.swap(self_);
    }
  }
  void set_generation(const Key& key, std::uint64_t generation) noexcept override {
    const MutexLock lock(node_->mutex);
    if (PlainObject* const object = node_->live(key)) {
      object->generation = generation;
    }
  }
  bool tombstone(const Key& key) noexcept override {
    const MutexLock lock(node_->mutex);
    PlainObject* const object = node_->live(key);
    if (object != nullptr) {
      object->live = false;
    }
    return object != nullptr;
  }
  Owned collect(std::vector<ObjectRecord>& out, Effort /*effort*/) noexcept override {
    const MutexLock lock(node_->mutex);
    Owned owned;
    for (auto each = node_->objects.begin(); each != node_->objects.end();) {
      const PlainObject& object = each->second;
      if (object.key.creator != rank_ || object.live) {
        owned.live += object.key.creator == rank_ ? 1 : 0;
        ++each;
      } else if (object.views > 0) {
        ++owned.pinned.objects;
        owned.pinned.bytes += object.record.block_bytes();
        ++each;
      } else {
        out.push_back(object.record);
        each = node_->objects.erase(each);
      }
    }
    return owned;
  }
  std::vector<Key> owned(std::uint32_t store) override {
    const MutexLock lock(node_->mutex);
    std::vector<Key> keys;
    for (const auto& [serial, object] : node_->objects) {
      if (object.live && object.key.store == store && object.key.creator == rank_) {
        keys.push_back(object.key);
      }
    }
    return keys;
  }

 private:
  const std::shared_ptr<PlainState> node_;
  const std::shared_ptr<PlainMemory> memory_;
  const std::uint32_t rank_;
  std::uint64_t views_ = 0;           // through this table
  std::shared_ptr<PlainTable> self_;  // while there are any
};

class PlainDirectory final : public Directory {
 public:
  PlainDirectory(std::shared_ptr<PlainState> node, std::shared_ptr<PlainTable> table,
                 std::shared_ptr<Arena> arena)
      : node_(std::move(node)), table_(std::move(table)), arena_(std::move(arena)) {}

  Result<std::uint64_t> bind(const Key& key, const SealOptions& options) override {
    const MutexLock lock(node_->mutex);
    PlainObject* const object = node_->live(key);
    if (object == nullptr) {
      return Error(Errc::not_found, "no such object");
    }
    const std::string name(read_name(arena_->data(object->record.offset), object->record));
    PlainObject* const before = node_->named(key.store, name);
    if (before != nullptr && options.mode == SealMode::put) {
      return Error(Errc::key_exists, "this name is live").about(name);
    }
    const std::uint64_t expected = options.expected_generation;
    if (expected != 0 && (before == nullptr || before->generation != expected)) {
      return Error(before == nullptr ? Errc::not_found : Errc::stale, "not that generation").about(name);
    }
    if (before != nullptr) {
      before->live = false;
    }
    object->generation = ++node_->last_generation;
    node_->names[{key.store, name}] = key.serial;
    node_->bound.notify_all();
    return object->generation;
  }
  Result<Pin> find(std::uint32_t store, std::string_view name) override {
    const MutexLock lock(node_->mutex);
    PlainObject* const object = node_->named(store, name);
    return object != nullptr ? Result<Pin>(table_->view_of(*object))
                             : Error(Errc::not_found, "no such name").about(name);
  }
  Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only) override {
    const MutexLock lock(node_->mutex);
    PlainObject* const object = node_->named(store, name);
    if (object == nullptr || (only.valid() && object->key != only)) {
      return false;
    }
    object->live = false;
    node_->names.erase({store, std::string(name)});
    return true;
  }
  std::uint64_t generation(std::uint64_t hash) override {
    const MutexLock lock(node_->mutex);
    for (const auto& [place, serial] : node_->names) {
      const PlainObject* const object = node_->named(place.first, place.second);
      if (object != nullptr && name_hash(place.first, place.second) == hash) {
        return object->generation;
      }
    }
    return 0;
  }
  Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix) override {
    const MutexLock lock(node_->mutex);
    std::vector<std::string> all;
    for (const auto& [place, serial] : node_->names) {
      if (place.first == store && place.second.starts_with(prefix) &&
          node_->named(place.first, place.second) != nullptr) {
        all.push_back(place.second);
      }
    }
    return all;
  }
  Result<Pin> wait(std::uint32_t store, std::string_view name, Deadline::Clock::time_point moment) override {
    MutexLock lock(node_->mutex);
    for (bool late = false;;) {
      if (PlainObject* const object = node_->named(store, name)) {
        return table_->view_of(*object);
      }
      if (late) {
        return Error(Errc::timeout, "nobody put this name").about(name);
      }
      late = !lock.wait_until(node_->bound, moment);
    }
  }

 private:
  const std::shared_ptr<PlainState> node_;
  const std::shared_ptr<PlainTable> table_;
  const std::shared_ptr<Arena> arena_;
};

}  // namespace

std::vector<NodeProcess> plain_node(std::uint32_t processes, std::uint64_t memory_bytes,
                                    std::uint32_t first_rank) {
  const auto memory = std::make_shared<PlainMemory>(memory_bytes);
  const auto state = std::make_shared<PlainState>();
  const std::uint64_t part = memory_bytes / processes / page_bytes * page_bytes;
  std::vector<NodeProcess> node;
  for (std::uint32_t own = 0; own < processes; ++own) {
    const auto arena = std::make_shared<PlainArena>(memory, page_bytes + own * part, part);
    const auto table = std::make_shared<PlainTable>(state, memory, first_rank + own);
    node.push_back({arena, table, std::make_shared<PlainDirectory>(state, table, arena)});
  }
  return node;
}

}  // namespace locum::tests
