#include "core/decoded_cache.hpp"

#include <algorithm>
#include <utility>

#include "core/unless_out_of_memory.hpp"

namespace locum::detail {

Result<DecodedCache::Value> DecodedCache::get(const Key& key, const void* type, std::uint64_t stored_bytes,
                                              const Decode& decode) {
  const Id id{key, type};
  const std::shared_ptr<Slot> slot = slot_of(id);
  std::shared_ptr<const void> value;
  bool found = true;
  {
    // No wait for another process hides in here: the holder is decoding bytes that it has.
    const MutexLock decoding(slot->decoding);
    value = slot->value.lock();
    if (!value) {
      auto decoded = decode();
      if (!decoded) {
        return decoded.error();
      }
      value = std::move(*decoded);
      slot->value = value;
      found = false;
    }
  }
  unless_out_of_memory([&] { keep(id, value, stored_bytes); });
  return Value{std::move(value), found};
}

std::shared_ptr<DecodedCache::Slot> DecodedCache::slot_of(const Id& id) {
  const MutexLock lock(mutex_);
  if (slots_.size() >= sweep_at_) {
    sweep();
  }
  std::shared_ptr<Slot>& slot = slots_[id];
  if (!slot) {
    slot = std::make_shared<Slot>();
  }
  return slot;
}

void DecodedCache::keep(const Id& id, std::shared_ptr<const void> value, std::uint64_t stored_bytes) {
  stored_bytes = std::max<std::uint64_t>(stored_bytes, 1);
  if (stored_bytes > budget_bytes_) {
    return;
  }
  std::list<Kept> dropped;  // destroyed after the lock: destructors are the user's code
  const MutexLock lock(mutex_);
  if (const auto found = kept_by_id_.find(id); found != kept_by_id_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    return;
  }
  std::list<Kept> added;  // listed where it is found, or neither: there may be no memory for the second
  added.push_front({id, std::move(value), stored_bytes});
  kept_by_id_.emplace(id, added.begin());
  kept_.splice(kept_.begin(), added);
  kept_bytes_ += stored_bytes;
  while (kept_bytes_ > budget_bytes_) {
    const auto last = std::prev(kept_.end());
    kept_bytes_ -= last->stored_bytes;
    kept_by_id_.erase(last->id);
    dropped.splice(dropped.end(), kept_, last);
  }
}

void DecodedCache::clear() {
  std::list<Kept> dropped;
  const MutexLock lock(mutex_);
  dropped.swap(kept_);
  kept_by_id_.clear();
  kept_bytes_ = 0;
  sweep();
}

std::uint64_t DecodedCache::kept_bytes() const {
  const MutexLock lock(mutex_);
  return kept_bytes_;
}

// Slots whose value nobody has any more go; done each time their number has doubled. A slot that somebody
// else refers to may be about to get its value, and stays.
void DecodedCache::sweep() {
  std::erase_if(slots_, [](const auto& entry) {
    const std::shared_ptr<Slot>& slot = entry.second;
    if (slot.use_count() > 1) {
      return false;
    }
    const MutexLock lock(slot->decoding);
    return slot->value.expired();
  });
  sweep_at_ = std::max<std::size_t>(64, 2 * slots_.size());
}

}  // namespace locum::detail
