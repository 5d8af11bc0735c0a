#include "core/detail/decoded_cache.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/blocking_wait.hpp"

namespace locum::detail {

namespace {

Error leads_back() {
  return Error(Errc::invalid_argument,
               "decoding this object needs the object itself: serialize() or a codec resolves a proxy that "
               "leads back to it; resolve proxies after reading the value");
}

Error still_decoded() {
  return Error(Errc::timeout,
               "another thread was still decoding this object at the deadline; give the call more time");
}

}  // namespace

/// A decoding by this thread, during its lifetime.
class DecodedCache::Decoding {
 public:
  Decoding(const DecodedCache& cache, const Id& id, Moment until) noexcept
      : cache_(cache), id_(id), until_(until), outer_(std::exchange(innermost, this)) {}
  Decoding(const Decoding&) = delete;
  Decoding& operator=(const Decoding&) = delete;
  ~Decoding() { innermost = outer_; }

  [[nodiscard]] bool has_stand_ins() const noexcept { return has_stand_ins_; }

  [[nodiscard]] static bool is_of(const DecodedCache& cache, const Id& id) noexcept {
    const Decoding* one = innermost;
    while (one != nullptr && (&one->cache_ != &cache || one->id_ != id)) {
      one = one->outer_;
    }
    return one != nullptr;
  }
  /// The moment at which this thread's decoding has to end: at most `until`.
  [[nodiscard]] static Moment at_most(Moment until) noexcept {
    return innermost == nullptr ? until : std::min(until, innermost->until_);
  }
  static void note_stand_in() noexcept {
    if (innermost != nullptr) {
      innermost->has_stand_ins_ = true;
    }
  }

 private:
  static thread_local Decoding* innermost;

  const DecodedCache& cache_;
  const Id id_;
  const Moment until_;
  Decoding* const outer_;
  bool has_stand_ins_ = false;
};

thread_local DecodedCache::Decoding* DecodedCache::Decoding::innermost = nullptr;

/// A slot that this thread fills, or leaves empty; the destructor wakes the waiters.
class DecodedCache::Claim {
 public:
  Claim(DecodedCache& cache, const Id& id) noexcept : cache_(cache), id_(id) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    List dropped;  // destroyed after the lock: destructors are the user's code
    {
      const MutexLock lock(cache_.mutex_);
      Slot& slot = cache_.slots_.find(id_)->second;
      slot = {
          .is_decoding = false, .has_stand_ins = has_stand_ins_, .name = made_.name, .value = made_.value};
      if (made_.value && !has_stand_ins_) {
        cache_.keep({id_, made_.value, stored_bytes_, made_.name}, dropped);
      }
    }
    cache_.decoded_.notify_all();
  }

  void fill(const Made& made, std::uint64_t stored_bytes, bool has_stand_ins) noexcept {
    made_ = made;
    stored_bytes_ = stored_bytes;
    has_stand_ins_ = has_stand_ins;
  }

 private:
  DecodedCache& cache_;
  const Id& id_;
  Made made_{};
  std::uint64_t stored_bytes_ = 0;
  bool has_stand_ins_ = false;
};

Result<DecodedCache::Value> DecodedCache::get(const Key& key, const void* type, std::uint64_t stored_bytes,
                                              const Decode& decode, Moment until) {
  const Id id{key, type};
  if (Decoding::is_of(*this, id)) {
    return leads_back();
  }
  until = Decoding::at_most(until);
  auto known = await(id, stored_bytes, until);
  if (!known || known->value) {
    return known;
  }
  Claim claim(*this, id);
  const Decoding decoding(*this, id, until);
  auto made = decode();
  if (!made) {
    return made.error();
  }
  claim.fill(*made, stored_bytes, decoding.has_stand_ins());
  return Value{std::move(made->value), false};
}

Result<DecodedCache::Made> DecodedCache::decode_alone(const Key& key, const void* type, const Decode& decode,
                                                      Moment until) {
  const Id id{key, type};
  if (Decoding::is_of(*this, id)) {
    return leads_back();
  }
  const Decoding decoding(*this, id, Decoding::at_most(until));
  return decode();
}

void DecodedCache::note_stand_in() noexcept {
  Decoding::note_stand_in();
}

// A value that exists or that another thread makes; no value: the caller has to fill the slot.
Result<DecodedCache::Value> DecodedCache::await(const Id& id, std::uint64_t stored_bytes, Moment until) {
  Value known{.value = {}, .found = true};
  List dropped;  // like the value, destroyed after the lock: destructors are the user's code
  std::optional<BlockingWait> blocking;  // ends after the lock, too
  MutexLock lock(mutex_);
  if (slots_.size() >= sweep_at_) {
    sweep();
  }
  for (bool has_time = true;;) {
    Slot& slot = slots_[id];
    known.value = slot.value.lock();
    if (known.value) {
      if (!touch(id) && !slot.has_stand_ins) {
        keep({id, known.value, stored_bytes, slot.name}, dropped);
      }
      return known;
    }
    if (!slot.is_decoding) {
      slot.is_decoding = true;
      return Value{};
    }
    if (!has_time) {
      return still_decoded();
    }
    if (!blocking) {
      blocking.emplace();
    }
    has_time = lock.wait_until(decoded_, until);
  }
}

// Marks it as used now.
bool DecodedCache::touch(const Id& id) {
  const auto [first, end] = index_.equal_range(hash_of(id.key));
  const auto found = std::find_if(first, end, [&](const auto& entry) { return entry.second->id == id; });
  if (found == end) {
    return false;
  }
  kept_.splice(kept_.begin(), kept_, found->second);
  return true;
}

// Replaces the entry of the name's former object; without memory for that, it is not kept.
void DecodedCache::keep(const Kept& one, List& dropped) noexcept {
  const std::uint64_t bytes = std::max<std::uint64_t>(one.stored_bytes, 1);
  if (one.name != 0) {
    drop_those(one.name, dropped, [&](const Kept& old) { return old.id.key != one.id.key; });
  }
  if (bytes > budget_bytes_) {
    return;
  }
  List added;
  added.push_front(one);
  added.front().stored_bytes = bytes;
  index_.emplace(hash_of(one.id.key), added.begin());
  if (one.name != 0) {
    index_.emplace(one.name, added.begin());
  }
  kept_.splice(kept_.begin(), added);
  kept_bytes_ += bytes;
  while (kept_bytes_ > budget_bytes_) {
    drop(std::prev(kept_.end()), dropped);
  }
}

void DecodedCache::drop(List::iterator one, List& dropped) noexcept {
  take_off_index(hash_of(one->id.key), one);
  if (one->name != 0) {
    take_off_index(one->name, one);
  }
  kept_bytes_ -= one->stored_bytes;
  dropped.splice(dropped.end(), kept_, one);
}

void DecodedCache::take_off_index(std::uint64_t hash, List::iterator one) noexcept {
  const auto [first, end] = index_.equal_range(hash);
  const auto found = std::find_if(first, end, [&](const auto& entry) { return entry.second == one; });
  if (found != end) {
    index_.erase(found);
  }
}

template <class Goes>
void DecodedCache::drop_those(std::uint64_t hash, List& dropped, Goes goes) noexcept {
  for (;;) {
    const auto [first, end] = index_.equal_range(hash);
    const auto found = std::find_if(first, end, [&](const auto& entry) { return goes(*entry.second); });
    if (found == end) {
      return;
    }
    drop(found->second, dropped);
  }
}

void DecodedCache::forget(const Key& key, std::uint64_t name) noexcept {
  if (kept_bytes_.load(std::memory_order_relaxed) == 0) {
    return;
  }
  const auto all = [](const Kept& /*one*/) { return true; };
  List dropped;
  const MutexLock lock(mutex_);
  drop_those(hash_of(key), dropped, all);
  if (name != 0) {
    drop_those(name, dropped, all);
  }
}

void DecodedCache::forget(std::uint32_t store) noexcept {
  List dropped;
  const MutexLock lock(mutex_);
  for (auto next = kept_.begin(); next != kept_.end();) {
    const auto one = next++;
    if (one->id.key.store == store) {
      drop(one, dropped);
    }
  }
}

void DecodedCache::clear() {
  List dropped;
  const MutexLock lock(mutex_);
  dropped.swap(kept_);
  index_.clear();
  kept_bytes_ = 0;
  sweep();
}

std::uint64_t DecodedCache::kept_bytes() const noexcept {
  return kept_bytes_.load(std::memory_order_relaxed);
}

// Removes slots whose value nobody has any more; done each time their number has doubled.
void DecodedCache::sweep() {
  std::erase_if(slots_,
                [](const auto& entry) { return !entry.second.is_decoding && entry.second.value.expired(); });
  sweep_at_ = std::max<std::size_t>(64, 2 * slots_.size());
}

}  // namespace locum::detail
