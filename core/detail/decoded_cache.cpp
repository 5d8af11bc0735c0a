#include "core/detail/decoded_cache.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/blocking_wait.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

Error leads_back() {
  return Error(Errc::invalid_argument,
               "decoding this object needs the object itself: serialize() or a codec resolves a proxy that "
               "leads back to it; resolve proxies after reading the value");
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
      return deadline_passed("another thread did not finish decoding this object");
    }
    if (!blocking) {
      blocking.emplace();
    }
    has_time = lock.wait_until(decoded_, until);
  }
}

void DecodedCache::give_own(std::uint32_t store, std::uint64_t most_bytes, std::uint64_t most_values) {
  constexpr std::uint64_t any = ~std::uint64_t{0};
  List dropped;
  const MutexLock lock(mutex_);
  const auto [made, is_new] = own_.try_emplace(store);
  if (!is_new) {
    return;
  }
  Pool& own = made->second;
  own.most_bytes = most_bytes != 0 ? most_bytes : any;
  own.most_values = most_values != 0 ? most_values : any;
  // Of stand-ins for objects of the store, which this process has not opened.
  for (auto next = shared_.kept.begin(); next != shared_.kept.end();) {
    const auto one = next++;
    if (one->id.key.store == store) {
      shared_.bytes -= one->stored_bytes;
      own.bytes += one->stored_bytes;
      own.kept.splice(own.kept.end(), shared_.kept, one);
    }
  }
  trim(own, dropped);
}

DecodedCache::Pool& DecodedCache::pool_of(std::uint32_t store) {
  const auto own = own_.empty() ? own_.end() : own_.find(store);
  return own == own_.end() ? shared_ : own->second;
}

// Marks it as used now.
bool DecodedCache::touch(const Id& id) {
  const auto [first, end] = index_.equal_range(hash_of(id.key));
  const auto found = std::find_if(first, end, [&](const auto& entry) { return entry.second->id == id; });
  if (found == end) {
    return false;
  }
  List& kept = pool_of(id.key.store).kept;
  kept.splice(kept.begin(), kept, found->second);
  return true;
}

// Replaces the entry of the name's former object; without memory for that, it is not kept.
void DecodedCache::keep(const Kept& one, List& dropped) noexcept {
  const std::uint64_t bytes = std::max<std::uint64_t>(one.stored_bytes, 1);
  if (one.name != 0) {
    drop_those(one.name, dropped, [&](const Kept& old) { return old.id.key != one.id.key; });
  }
  Pool& pool = pool_of(one.id.key.store);
  if (bytes > pool.most_bytes) {
    return;
  }
  List added;
  added.push_front(one);
  added.front().stored_bytes = bytes;
  index_.emplace(hash_of(one.id.key), added.begin());
  if (one.name != 0) {
    index_.emplace(one.name, added.begin());
  }
  pool.kept.splice(pool.kept.begin(), added);
  pool.bytes += bytes;
  kept_bytes_ += bytes;
  trim(pool, dropped);
}

void DecodedCache::trim(Pool& pool, List& dropped) noexcept {
  while (pool.bytes > pool.most_bytes || pool.kept.size() > pool.most_values) {
    drop(std::prev(pool.kept.end()), dropped);
  }
}

void DecodedCache::drop(List::iterator one, List& dropped) noexcept {
  take_off_index(hash_of(one->id.key), one);
  if (one->name != 0) {
    take_off_index(one->name, one);
  }
  Pool& pool = pool_of(one->id.key.store);
  pool.bytes -= one->stored_bytes;
  kept_bytes_ -= one->stored_bytes;
  dropped.splice(dropped.end(), pool.kept, one);
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
  List& kept = pool_of(store).kept;
  for (auto next = kept.begin(); next != kept.end();) {
    const auto one = next++;
    if (one->id.key.store == store) {
      drop(one, dropped);
    }
  }
  own_.erase(store);
}

void DecodedCache::clear() {
  List dropped;
  const MutexLock lock(mutex_);
  dropped.splice(dropped.end(), shared_.kept);
  shared_.bytes = 0;
  for (auto& [store, pool] : own_) {
    dropped.splice(dropped.end(), pool.kept);
    pool.bytes = 0;
  }
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
