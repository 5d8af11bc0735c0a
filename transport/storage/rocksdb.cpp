#include "transport/storage/rocksdb.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "transport/storage/backend_by_batches.hpp"
#include "transport/storage/backends.hpp"
#include "transport/storage/expectation.hpp"
#include "transport/storage/key_locks.hpp"

namespace locum::storage {

namespace {

using Clock = Deadline::Clock;

constexpr std::uint64_t revision_bytes = sizeof(std::uint64_t);
constexpr std::uint64_t usual_cache_bytes = std::uint64_t{64} << 20U;
/// RocksDB merges its files again and again; what is as large as this it keeps apart, and does not copy then.
constexpr std::uint64_t least_blob_bytes = std::uint64_t{64} << 10U;
constexpr int most_open_files = 500;
constexpr std::chrono::milliseconds longest_pause{20};
constexpr int names_between_looks = 4096;
/// What a record in a batch has beside its bytes and its name: kind, family, lengths, and the revision.
constexpr std::size_t bytes_beside_record = 32;
/// Of a batch that is written: it is copied thrice on its way, and fits caches.
constexpr std::size_t most_write_bytes = std::size_t{1} << 20U;

rocksdb::Slice slice_of(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

std::span<const std::byte> bytes_of(const rocksdb::Slice& slice) noexcept {
  return std::as_bytes(std::span(slice.data(), slice.size()));
}

std::string_view text_of(const rocksdb::Slice& slice) noexcept {
  return {slice.data(), slice.size()};
}

Clock::time_point moment_until(Deadline deadline) {
  return deadline.moment(std::chrono::seconds(30));
}

Error failed(const rocksdb::Status& status) {
  if (status.IsTimedOut()) {
    return Error(Errc::timeout, "RocksDB had not read the record before the deadline; give more time",
                 status.ToString());
  }
  if (status.IsCorruption()) {
    return Error(Errc::corrupt,
                 "RocksDB found damage in its files; repair the database (`ldb repair`), or remove it",
                 status.ToString());
  }
  if (status.IsNoSpace()) {
    return Error(Errc::system, "the disk of the RocksDB database is full; make room there, and open it again",
                 status.ToString());
  }
  return Error(Errc::system, "RocksDB failed; look at its disk and at the file LOG in its folder",
               status.ToString());
}

/// A column family, closed when nobody uses it. RocksDB keeps what was dropped until then.
class Family {
 public:
  Family(rocksdb::DB& database, rocksdb::ColumnFamilyHandle* handle) noexcept
      : database_(database), handle_(handle) {}
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  ~Family() { (void)database_.DestroyColumnFamilyHandle(handle_); }

  [[nodiscard]] rocksdb::ColumnFamilyHandle* get() const noexcept { return handle_; }

 private:
  rocksdb::DB& database_;
  rocksdb::ColumnFamilyHandle* const handle_;
};

/// The keys of a batch, sorted, and each once: RocksDB reads and inserts names faster that follow each other.
struct DistinctKeys {
  explicit DistinctKeys(std::span<const RecordKey> keys) : order(keys.size()), place(keys.size()) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t left, std::size_t right) {
      return std::tie(keys[left].space, keys[left].name, left) <
             std::tie(keys[right].space, keys[right].name, right);
    });
    sorted.reserve(keys.size());
    for (const std::size_t at : order) {
      if (sorted.empty() || sorted.back().name != keys[at].name || sorted.back().space != keys[at].space) {
        sorted.push_back(keys[at]);
      }
      place[at] = sorted.size() - 1;
    }
  }

  std::vector<std::size_t> order;  ///< of the batch; equal keys in the order in which they are there
  std::vector<RecordKey> sorted;
  std::vector<std::size_t> place;  ///< there, of each key of the batch
};

/// The bytes of a value. They may be in a block of the cache, which may outlive the database.
struct LoadedValue {
  std::shared_ptr<rocksdb::Cache> cache;
  rocksdb::PinnableSlice value;
};

class RocksDb final : public BackendByBatches {
 public:
  using BackendByBatches::store;
  using Families = std::map<std::string, std::shared_ptr<Family>, std::less<>>;

  RocksDb(std::unique_ptr<rocksdb::DB> database, rocksdb::ColumnFamilyOptions options,
          std::shared_ptr<rocksdb::Cache> cache, const std::vector<rocksdb::ColumnFamilyHandle*>& handles,
          bool syncs)
      : cache_(std::move(cache)), options_(std::move(options)), database_(std::move(database)) {
    writing_.sync = syncs;
    writing_.no_slowdown = true;  // it would wait for ever: we wait until the deadline
    // A store and the drop of its space at once: as if it had been stored before.
    writing_.ignore_missing_column_families = true;
    for (rocksdb::ColumnFamilyHandle* const handle : handles) {
      families_.emplace(handle->GetName(), std::make_shared<Family>(*database_, handle));
    }
  }

  const BackendTraits& traits() const noexcept override { return backends::rocksdb; }

  Result<Record> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    const auto family = family_of(key.space);
    if (!family) {
      return no_such_object();
    }
    const auto loaded = std::make_shared<LoadedValue>();
    loaded->cache = cache_;
    const auto status =
        database_->Get(reading_until(deadline), family->get(), slice_of(key.name), &loaded->value);
    return status.ok() ? record_in(loaded, last_bytes) : Result<Record>(missing(status));
  }

  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    std::vector<std::string> names;
    const auto family = family_of(space);
    if (!family) {
      return names;
    }
    auto reading = reading_until(deadline);
    reading.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> at(database_->NewIterator(reading, family->get()));
    for (at->Seek(slice_of(prefix)); at->Valid() && text_of(at->key()).starts_with(prefix); at->Next()) {
      names.emplace_back(text_of(at->key()));
      if (names.size() % names_between_looks == 0) {
        if (auto time = still_time(deadline); !time) {
          return time.error();
        }
      }
    }
    return at->status().ok() ? Result<std::vector<std::string>>(std::move(names)) : failed(at->status());
  }

  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override {
    if (space == rocksdb::kDefaultColumnFamilyName) {
      return Backend::drop(space, deadline);  // it cannot be dropped
    }
    const auto names = list(space, {}, deadline);
    if (!names) {
      return names.error();
    }
    const MutexLock lock(mutex_);
    const auto found = families_.find(space);
    if (found == families_.end()) {
      return 0;
    }
    const auto status = database_->DropColumnFamily(found->second->get());
    if (!status.ok()) {
      return failed(status);
    }
    families_.erase(found);
    return names->size();
  }

  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<Record>> loaded,
            Deadline deadline) override {
    Values read = values_of(keys, false, deadline);
    for (std::size_t at = 0; at < keys.size(); ++at) {
      if (!read.statuses[at].ok()) {
        loaded[at] = missing(read.statuses[at]);
        continue;
      }
      const auto kept = std::make_shared<LoadedValue>();
      kept->cache = cache_;
      kept->value = std::move(read.values[at]);
      loaded[at] = record_in(kept, last_bytes);
    }
  }

  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override;

 private:
  struct Values {
    explicit Values(std::size_t count) : statuses(count), values(count) {}
    std::vector<rocksdb::Status> statuses;
    std::vector<rocksdb::PinnableSlice> values;
  };
  /// Of each key; none: there is no record.
  using Revisions = std::vector<std::optional<std::uint64_t>>;

  void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                        std::span<Result<bool>> removed, Deadline deadline) override;
  [[nodiscard]] Values values_of(std::span<const RecordKey> keys, bool are_sorted, Deadline deadline);
  [[nodiscard]] Result<Revisions> revisions_of(std::span<const RecordKey> sorted, Deadline deadline);
  [[nodiscard]] static std::size_t room_for(std::span<const RecordKey> keys,
                                            std::span<const NewRecord> records, std::size_t most) noexcept;
  [[nodiscard]] static rocksdb::Status add(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
                                           std::string_view name, const NewRecord& record);
  [[nodiscard]] Result<void> write(rocksdb::WriteBatch& batch, Deadline deadline);
  [[nodiscard]] std::shared_ptr<Family> family_of(std::string_view space) {
    const MutexLock lock(mutex_);
    const auto found = families_.find(space);
    return found == families_.end() ? nullptr : found->second;
  }
  [[nodiscard]] Result<std::shared_ptr<Family>> family_made(std::string_view space);

  [[nodiscard]] static rocksdb::ReadOptions reading_until(Deadline deadline) {
    rocksdb::ReadOptions reading;
    const auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(moment_until(deadline) - Clock::now());
    // RocksDB's moments are those of the system's clock; 0 is none.
    reading.deadline = std::max(std::chrono::microseconds(1),
                                left + std::chrono::duration_cast<std::chrono::microseconds>(
                                           std::chrono::system_clock::now().time_since_epoch()));
    return reading;
  }
  [[nodiscard]] static Error missing(const rocksdb::Status& status) {
    return status.IsNotFound() ? no_such_object() : failed(status);
  }
  [[nodiscard]] static Result<std::uint64_t> revision_in(const rocksdb::Slice& value) {
    std::uint64_t revision = 0;
    if (value.size() < revision_bytes) {
      return Error(Errc::corrupt,
                   "a value of the RocksDB database has no revision at its end: another program stored it; "
                   "remove it there");
    }
    std::memcpy(&revision, value.data() + value.size() - revision_bytes, revision_bytes);
    return revision;
  }
  [[nodiscard]] static Result<Record> record_in(const std::shared_ptr<LoadedValue>& loaded,
                                                std::uint64_t last_bytes) {
    const auto revision = revision_in(loaded->value);
    if (!revision) {
      return revision.error();
    }
    const auto all = bytes_of(loaded->value).first(loaded->value.size() - revision_bytes);
    return Record{loaded, all.last(std::min<std::uint64_t>(last_bytes, all.size())), all.size(), *revision};
  }

  // In this order: families are closed before the database is.
  const std::shared_ptr<rocksdb::Cache> cache_;
  const rocksdb::ColumnFamilyOptions options_;
  const std::unique_ptr<rocksdb::DB> database_;
  rocksdb::WriteOptions writing_;
  KeyLocks locks_;
  Mutex mutex_;
  Families families_ LOCUM_GUARDED_BY(mutex_);
};

Result<std::shared_ptr<Family>> RocksDb::family_made(std::string_view space) {
  const MutexLock lock(mutex_);
  if (const auto found = families_.find(space); found != families_.end()) {
    return found->second;
  }
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  const auto status = database_->CreateColumnFamily(options_, std::string(space), &handle);
  if (!status.ok()) {
    return failed(status);
  }
  return families_.emplace(space, std::make_shared<Family>(*database_, handle)).first->second;
}

// Those of a space that is not there are not found.
RocksDb::Values RocksDb::values_of(std::span<const RecordKey> keys, bool are_sorted, Deadline deadline) {
  Values read(keys.size());
  const auto reading = reading_until(deadline);
  std::vector<rocksdb::Slice> names;
  names.reserve(keys.size());
  for (std::size_t begin = 0; begin < keys.size(); begin = names.size()) {
    while (names.size() < keys.size() && keys[names.size()].space == keys[begin].space) {
      names.push_back(slice_of(keys[names.size()].name));
    }
    const std::size_t count = names.size() - begin;
    rocksdb::Status* const statuses = &read.statuses[begin];
    const auto family = family_of(keys[begin].space);
    if (!family) {
      std::fill_n(statuses, count, rocksdb::Status::NotFound());
    } else if (count == 1) {  // half the time that MultiGet takes for one
      *statuses = database_->Get(reading, family->get(), names[begin], &read.values[begin]);
    } else {
      database_->MultiGet(reading, family->get(), count, &names[begin], &read.values[begin], statuses,
                          are_sorted);
    }
  }
  return read;
}

Result<RocksDb::Revisions> RocksDb::revisions_of(std::span<const RecordKey> sorted, Deadline deadline) {
  Revisions revisions(sorted.size());
  const Values read = values_of(sorted, true, deadline);
  for (std::size_t at = 0; at < sorted.size(); ++at) {
    const rocksdb::Status& status = read.statuses[at];
    if (status.IsNotFound()) {
      continue;
    }
    const auto revision = status.ok() ? revision_in(read.values[at]) : Result<std::uint64_t>(failed(status));
    if (!revision) {
      return revision.error();
    }
    revisions[at] = *revision;
  }
  return revisions;
}

Result<void> RocksDb::write(rocksdb::WriteBatch& batch, Deadline deadline) {
  const auto moment = moment_until(deadline);
  for (auto pause = std::chrono::milliseconds(1);; pause = std::min(2 * pause, longest_pause)) {
    const auto status = database_->Write(writing_, &batch);
    if (status.ok()) {
      return {};
    }
    if (!status.IsIncomplete()) {
      return failed(status);
    }
    // It has to write to its files first what it has in memory.
    if (Clock::now() + pause >= moment) {
      return Error(Errc::timeout,
                   "RocksDB takes no more data before its disk has written what it has; give "
                   "more time, or store less at once",
                   status.ToString());
    }
    std::this_thread::sleep_for(pause);
  }
}

// The largest batch that these records make, if they are written in parts of that many bytes.
std::size_t RocksDb::room_for(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                              std::size_t most) noexcept {
  std::size_t all = 0;
  std::size_t largest = 0;
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const std::size_t one = records[at].bytes.size() + keys[at].name.size() + bytes_beside_record;
    all += one;
    largest = std::max(largest, one);
  }
  return std::min(all, std::max(most, largest));
}

rocksdb::Status RocksDb::add(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
                             std::string_view name, const NewRecord& record) {
  const rocksdb::Slice key = slice_of(name);
  const std::array<rocksdb::Slice, 2> parts{
      rocksdb::Slice(reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size()),
      rocksdb::Slice(reinterpret_cast<const char*>(&record.revision), revision_bytes)};
  return batch.Put(family, rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(parts.data(), parts.size()));
}

void RocksDb::store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                    std::span<Result<void>> stored, Deadline deadline) {
  const auto all_failed = [&](const Error& error) { std::ranges::fill(stored, Result<void>(error)); };
  const auto held = locks_.take(keys, deadline);
  if (!held) {
    return all_failed(held.error());
  }
  const DistinctKeys distinct(keys);
  const bool expects =
      std::ranges::any_of(records, [](const auto& one) { return one.expect != Expect::anything; });
  auto there = expects ? revisions_of(distinct.sorted, deadline)
                       : Result<Revisions>(Revisions(distinct.sorted.size()));
  if (!there) {
    return all_failed(there.error());
  }
  // With a wait for the disk they are written at once: each wait takes its time.
  const std::size_t most = writing_.sync ? std::numeric_limits<std::size_t>::max() : most_write_bytes;
  rocksdb::WriteBatch batch(room_for(keys, records, most));
  std::vector<std::shared_ptr<Family>> kept;
  std::string_view space;
  std::vector<std::size_t> added;
  Result<void> done;
  const auto write_added = [&] {
    done = done && !added.empty() ? write(batch, deadline) : done;
    for (const std::size_t at : added) {
      stored[at] = done;
    }
    added.clear();
    batch.Clear();  // keeps its memory
  };
  for (const std::size_t at : distinct.order) {
    auto& revision = (*there)[distinct.place[at]];
    stored[at] = may_store(records[at], revision ? &*revision : nullptr);
    if (!stored[at]) {
      continue;
    }
    if (kept.empty() || space != keys[at].space) {
      auto family = family_made(keys[at].space);
      if (!family) {
        stored[at] = family.error();
        continue;
      }
      space = keys[at].space;
      kept.push_back(std::move(*family));
    }
    if (batch.GetDataSize() + records[at].bytes.size() > most) {
      write_added();
    }
    const auto status = add(batch, kept.back()->get(), keys[at].name, records[at]);
    if (!status.ok()) {
      stored[at] = failed(status);
      continue;
    }
    revision = records[at].revision;
    added.push_back(at);
  }
  write_added();
}

void RocksDb::remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                               std::span<Result<bool>> removed, Deadline deadline) {
  const auto all_failed = [&](const Error& error) { std::ranges::fill(removed, Result<bool>(error)); };
  const auto held = locks_.take(keys, deadline);
  if (!held) {
    return all_failed(held.error());
  }
  const DistinctKeys distinct(keys);
  auto there = revisions_of(distinct.sorted, deadline);
  if (!there) {
    return all_failed(there.error());
  }
  rocksdb::WriteBatch batch;
  std::vector<std::shared_ptr<Family>> kept;
  for (const std::size_t at : distinct.order) {
    auto& revision = (*there)[distinct.place[at]];
    const bool is_it = revision && (revisions[at] == 0 || revisions[at] == *revision);
    removed[at] = is_it;
    if (const auto family = is_it ? family_of(keys[at].space) : nullptr) {
      kept.push_back(family);
      (void)batch.Delete(family->get(), slice_of(keys[at].name));
      revision.reset();
    }
  }
  if (const auto done = kept.empty() ? Result<void>() : write(batch, deadline); !done) {
    all_failed(done.error());
  }
}

Error not_opened(const rocksdb::Status& status, const std::string& path) {
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("/LOCK") != std::string::npos) {
    return Error(Errc::system,
                 "the RocksDB database '" + path +
                     "' is open elsewhere, in another process or another session of this one; one at a time "
                     "opens it: close it there, or give each its own",
                 text);
  }
  if (status.IsIOError()) {
    return Error(Errc::system,
                 "the RocksDB database '" + path +
                     "' cannot be opened; make the folder above it, and look at its disk and permissions",
                 text);
  }
  return failed(status);
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  // Numbers of simulations hardly shrink by it: a wrapper compresses whole records, where it pays.
  options.compression = rocksdb::kNoCompression;
  options.enable_blob_files = true;
  options.min_blob_size = least_blob_bytes;
  options.enable_blob_garbage_collection = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));  // most puts first look that the name is free
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.max_open_files = most_open_files;
  options.keep_log_file_num = 4;
  options.info_log_level = rocksdb::WARN_LEVEL;
  return options;
}

}  // namespace

Result<std::shared_ptr<Backend>> open_rocksdb(const Url& url) {
  const auto known = url.knows_only({"sync", "cache_bytes"});
  const auto syncs = url.number("sync", 0);
  const auto cache_bytes = url.number("cache_bytes", usual_cache_bytes);
  if (!known || !syncs || !cache_bytes) {
    return !known ? known.error() : !syncs ? syncs.error() : cache_bytes.error();
  }
  if (url.path.empty() || !url.host.empty() || *syncs > 1) {
    return Error(Errc::invalid_argument,
                 "write the URL as rocksdb:///folder/of/the/database, and sync as 0 or 1");
  }
  const auto cache = rocksdb::NewLRUCache(*cache_bytes);
  const auto options = family_options(cache);
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(database_options(), url.path, &names).ok()) {
    names.assign(1, rocksdb::kDefaultColumnFamilyName);  // it is new; else opening it says what is wrong
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.reserve(names.size());
  for (const std::string& name : names) {
    families.emplace_back(name, options);
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(database_options(), url.path, families, &handles, &opened);
  if (!status.ok()) {
    return not_opened(status, url.path);
  }
  return std::make_shared<RocksDb>(std::unique_ptr<rocksdb::DB>(opened), options, cache, handles,
                                   *syncs == 1);
}

}  // namespace locum::storage
