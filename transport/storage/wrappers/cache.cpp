#include <array>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/base/hash.hpp"
#include "core/base/mutex.hpp"
#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

using Clock = Deadline::Clock;

/// What an entry takes besides name and bytes, about.
constexpr std::uint64_t entry_bytes = 256;

class Cache final : public Wrapper {
 public:
  Cache(std::shared_ptr<Backend> inner, const CacheOptions& options)
      : Wrapper(std::move(inner)), options_(options) {}

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    const std::string place = place_of(key);
    Look look = find(place);
    if (look.record) {
      return std::move(*look.record);
    }
    auto loaded = inner().load(key, last_bytes, deadline);
    if (loaded) {
      keep(place, *loaded, look.changes);
    }
    return loaded;
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    const Change change(*this, key);
    return inner().store(key, record, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    const Change change(*this, key);
    return inner().remove(key, revision, deadline);
  }
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override {
    forget_all();
    auto dropped = inner().drop(space, deadline);
    forget_all();
    return dropped;
  }

 private:
  struct Entry {
    std::string place;
    LoadedRecord record;
    Clock::time_point until;
  };
  struct Look {
    std::optional<LoadedRecord> record;
    std::uint64_t changes = 0;  ///< so far, if there is none
  };

  /// While it lives a record is being changed: what is loaded meanwhile may be the old one. It is forgotten
  /// before, and again after whatever came of it.
  class Change {
   public:
    Change(Cache& cache, const RecordKey& key) : cache_(cache), place_(place_of(key)) {
      cache_.forget(place_);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change() { cache_.forget(place_); }

   private:
    Cache& cache_;
    const std::string place_;
  };

  static std::string place_of(const RecordKey& key) {
    std::string place = std::to_string(key.space.size()) + ':';
    place.append(key.space).append(key.name);
    return place;
  }
  static std::uint64_t weight(const Entry& entry) noexcept {
    return entry.record.bytes.size() + entry.place.size() + entry_bytes;
  }
  static std::size_t stripe_of(const std::string& place) noexcept { return hash64(place) % 256; }

  Look find(const std::string& place) LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = places_.find(place);
    if (found == places_.end()) {
      return {std::nullopt, changes_[stripe_of(place)]};
    }
    if (found->second->until <= Clock::now()) {
      erase(found->second);
      return {std::nullopt, changes_[stripe_of(place)]};
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return {found->second->record, 0};
  }
  // Not if it may have been changed since: `changes` says how many changes there were before it was loaded.
  void keep(const std::string& place, const LoadedRecord& record, std::uint64_t changes)
      LOCUM_EXCLUDES(mutex_) {
    // As a deadline, of which the longest do not overflow.
    Entry entry{place, record, Deadline(options_.longest).moment(options_.longest)};
    const std::uint64_t bytes = weight(entry);
    if (record.bytes.size() != record.size_bytes || bytes > options_.bytes) {
      return;
    }
    const MutexLock lock(mutex_);
    if (changes_[stripe_of(place)] != changes) {
      return;
    }
    if (const auto found = places_.find(place); found != places_.end()) {
      erase(found->second);
    }
    while (used_ + bytes > options_.bytes) {
      erase(std::prev(entries_.end()));
    }
    entries_.push_front(std::move(entry));
    places_.emplace(place, entries_.begin());
    used_ += bytes;
  }
  void forget(const std::string& place) LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++changes_[stripe_of(place)];
    if (const auto found = places_.find(place); found != places_.end()) {
      erase(found->second);
    }
  }
  void forget_all() LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    for (std::uint64_t& changes : changes_) {
      ++changes;
    }
    places_.clear();
    entries_.clear();
    used_ = 0;
  }
  void erase(std::list<Entry>::iterator entry) LOCUM_REQUIRES(mutex_) {
    used_ -= weight(*entry);
    places_.erase(entry->place);
    entries_.erase(entry);
  }

  void load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                std::span<Result<LoadedRecord>> loaded, Deadline deadline) override {
    std::vector<RecordKey> missed;
    std::vector<std::size_t> where;
    std::vector<std::uint64_t> changes;
    for (std::size_t at = 0; at < keys.size(); ++at) {
      Look look = find(place_of(keys[at]));
      if (look.record) {
        loaded[at] = std::move(*look.record);
      } else {
        missed.push_back(keys[at]);
        where.push_back(at);
        changes.push_back(look.changes);
      }
    }
    if (missed.empty()) {
      return;
    }
    std::vector<Result<LoadedRecord>> found(missed.size(), Result<LoadedRecord>(no_such_object()));
    inner().batches()->load(missed, last_bytes, found, deadline);
    for (std::size_t at = 0; at < missed.size(); ++at) {
      if (found[at]) {
        keep(place_of(missed[at]), *found[at], changes[at]);
      }
      loaded[where[at]] = std::move(found[at]);
    }
  }
  void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                 std::span<Result<void>> stored, Deadline deadline) override {
    const auto forget_these = [&] {
      for (const RecordKey& key : keys) {
        forget(place_of(key));
      }
    };
    forget_these();
    inner().batches()->store(keys, records, stored, deadline);
    forget_these();
  }
  void remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                  Deadline deadline) override {
    const auto forget_these = [&] {
      for (const RecordKey& key : keys) {
        forget(place_of(key));
      }
    };
    forget_these();
    inner().batches()->remove(keys, removed, deadline);
    forget_these();
  }

  const CacheOptions options_;
  Mutex mutex_;
  std::list<Entry> entries_ LOCUM_GUARDED_BY(mutex_);  ///< the last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> places_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t used_ LOCUM_GUARDED_BY(mutex_) = 0;
  /// How often a record was changed by this process, by a hash of its place.
  std::array<std::uint64_t, 256> changes_ LOCUM_GUARDED_BY(mutex_){};
};

}  // namespace

Result<std::shared_ptr<Backend>> cached(std::shared_ptr<Backend> inner, const CacheOptions& options) {
  if (options.bytes == 0 || options.longest <= options.longest.zero()) {
    return Error(Errc::invalid_argument, "cache: cache.bytes and cache.ms are more than 0");
  }
  return std::make_shared<Cache>(std::move(inner), options);
}

}  // namespace locum::storage
