#include "transport/storage/rocksdb/database.hpp"

#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/base/back_off.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/fork_guard.hpp"
#include "transport/storage/rocksdb/log_check.hpp"

namespace locum::storage {

namespace {

using Clock = Deadline::Clock;

/// RocksDB merges its files again and again; what is as large as this it keeps apart, and does not copy then.
constexpr std::uint64_t least_blob_bytes = std::uint64_t{64} << 10U;
constexpr int most_open_files = 500;
/// Of the memory for records that are not in files yet (64 MiB a store), for a filter of their names. It is
/// there for each store, also for an empty one.
constexpr double memory_filter_ratio = 0.002;
constexpr std::chrono::milliseconds longest_pause{20};
constexpr int names_between_looks = 4096;

std::string_view text_of(const rocksdb::Slice& slice) noexcept {
  return {slice.data(), slice.size()};
}

Clock::time_point moment_until(Deadline deadline) {
  return deadline.moment(std::chrono::seconds(30));
}

rocksdb::ReadOptions reading_until(Deadline deadline) {
  rocksdb::ReadOptions reading;
  const auto left =
      std::chrono::duration_cast<std::chrono::microseconds>(moment_until(deadline) - Clock::now());
  // RocksDB's moments are those of the system's clock; 0 is none.
  reading.deadline =
      std::max(std::chrono::microseconds(1), left + std::chrono::duration_cast<std::chrono::microseconds>(
                                                        std::chrono::system_clock::now().time_since_epoch()));
  return reading;
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
  return rocksdb_error(status);
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
  // The same of what is in memory: without them it is searched for each new name.
  options.memtable_prefix_bloom_size_ratio = memory_filter_ratio;
  options.memtable_whole_key_filtering = true;
  return options;
}

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.max_open_files = most_open_files;
  options.keep_log_file_num = 4;
  options.info_log_level = rocksdb::WARN_LEVEL;
  // A log may end within a record, as a killed process leaves it. By RocksDB's default all that follows
  // damaged bytes is dropped in silence, as if it had never been stored.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  return options;
}

}  // namespace

Error rocksdb_error(const rocksdb::Status& status) {
  if (status.IsTimedOut()) {
    return deadline_passed("RocksDB did not read the record", "look at its disk", status.ToString());
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

Result<std::unique_ptr<RocksDatabase>> RocksDatabase::open(const std::string& path, std::uint64_t cache_bytes,
                                                           bool syncs) {
  const auto cache = rocksdb::NewLRUCache(cache_bytes);
  const auto options = family_options(cache);
  if (auto whole = check_logs(path); !whole) {
    return whole.error();
  }
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(database_options(), path, &names).ok()) {
    names.assign(1, rocksdb::kDefaultColumnFamilyName);  // it is new; else opening it says what is wrong
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.reserve(names.size());
  for (const std::string& name : names) {
    families.emplace_back(name, options);
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(database_options(), path, families, &handles, &opened);
  if (!status.ok()) {
    return not_opened(status, path);
  }
  std::unique_ptr<RocksDatabase> database(
      new RocksDatabase(std::unique_ptr<rocksdb::DB>(opened), options, cache, handles, syncs));
  static const auto registered = end_children_early();  // exit() waits for RocksDB's threads
  return registered ? Result<std::unique_ptr<RocksDatabase>>(std::move(database)) : registered.error();
}

RocksDatabase::RocksDatabase(std::unique_ptr<rocksdb::DB> database, rocksdb::ColumnFamilyOptions options,
                             std::shared_ptr<rocksdb::Cache> cache,
                             const std::vector<rocksdb::ColumnFamilyHandle*>& handles, bool syncs)
    : cache_(std::move(cache)), options_(std::move(options)), database_(std::move(database)) {
  writing_.sync = syncs;
  writing_.no_slowdown = true;  // it would wait for ever: we wait until the deadline
  // A store and the drop of its space at once: as if it had been stored before.
  writing_.ignore_missing_column_families = true;
  for (rocksdb::ColumnFamilyHandle* const handle : handles) {
    families_.emplace(handle->GetName(), std::make_shared<Family>(*database_, handle));
  }
}

std::shared_ptr<RocksDatabase::Family> RocksDatabase::family(std::string_view space) {
  const MutexLock lock(mutex_);
  const auto found = families_.find(space);
  return found == families_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<RocksDatabase::Family>> RocksDatabase::family_made(std::string_view space) {
  const MutexLock lock(mutex_);
  if (const auto found = families_.find(space); found != families_.end()) {
    return found->second;
  }
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  const auto status = database_->CreateColumnFamily(options_, std::string(space), &handle);
  if (!status.ok()) {
    return rocksdb_error(status);
  }
  return families_.emplace(space, std::make_shared<Family>(*database_, handle)).first->second;
}

Result<bool> RocksDatabase::drop_family(std::string_view space) {
  const MutexLock lock(mutex_);
  const auto found = families_.find(space);
  if (found == families_.end()) {
    return false;
  }
  const auto status = database_->DropColumnFamily(found->second->get());
  if (!status.ok()) {
    return rocksdb_error(status);
  }
  families_.erase(found);
  return true;
}

rocksdb::Status RocksDatabase::read(const RecordKey& key, rocksdb::PinnableSlice& value, Deadline deadline) {
  const auto of = family(key.space);
  return of ? database_->Get(reading_until(deadline), of->get(), slice_of(key.name), &value)
            : rocksdb::Status::NotFound();
}

RocksDatabase::Values RocksDatabase::read(std::span<const RecordKey> keys, bool are_sorted,
                                          Deadline deadline) {
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
    const auto of = family(keys[begin].space);
    if (!of) {
      std::fill_n(statuses, count, rocksdb::Status::NotFound());
    } else if (count == 1) {  // half the time that MultiGet takes for one
      *statuses = database_->Get(reading, of->get(), names[begin], &read.values[begin]);
    } else {
      database_->MultiGet(reading, of->get(), count, &names[begin], &read.values[begin], statuses,
                          are_sorted);
    }
  }
  return read;
}

Result<std::vector<std::string>> RocksDatabase::names(std::string_view space, std::string_view prefix,
                                                      Deadline deadline) {
  std::vector<std::string> found;
  const auto of = family(space);
  if (!of) {
    return found;
  }
  auto reading = reading_until(deadline);
  reading.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(database_->NewIterator(reading, of->get()));
  for (at->Seek(slice_of(prefix)); at->Valid() && text_of(at->key()).starts_with(prefix); at->Next()) {
    found.emplace_back(text_of(at->key()));
    if (found.size() % names_between_looks == 0) {
      if (auto time = still_time(deadline); !time) {
        return time.error();
      }
    }
  }
  return at->status().ok() ? Result<std::vector<std::string>>(std::move(found)) : rocksdb_error(at->status());
}

Result<void> RocksDatabase::write(rocksdb::WriteBatch& batch, Deadline deadline) {
  const auto moment = moment_until(deadline);
  for (BackOff pauses(std::chrono::milliseconds(1), longest_pause);;) {
    const auto status = database_->Write(writing_, &batch);
    if (status.ok()) {
      return {};
    }
    if (!status.IsIncomplete()) {
      return rocksdb_error(status);
    }
    // It has to write to its files first what it has in memory.
    if (Clock::now() + pauses.pause() >= moment) {
      return deadline_passed("RocksDB did not write to its disk what it has in memory", "store less at once",
                             status.ToString());
    }
    std::this_thread::sleep_for(pauses.next());
  }
}

}  // namespace locum::storage
