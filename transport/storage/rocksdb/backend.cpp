#include "transport/storage/rocksdb/traits.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "core/base/resolved_path.hpp"
#include "core/url.hpp"
#include "transport/storage/backend_by_batches.hpp"
#include "transport/storage/expectation.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/key_locks.hpp"
#include "transport/storage/record_limit.hpp"
#include "transport/storage/rocksdb/database.hpp"

namespace locum::storage {

namespace {

using Family = RocksDatabase::Family;

constexpr std::uint64_t revision_bytes = sizeof(std::uint64_t);
constexpr std::uint64_t usual_cache_bytes = std::uint64_t{64} << 20U;
/// What a record in a batch has beside its bytes and its name: kind, family, lengths, and the revision.
constexpr std::size_t bytes_beside_record = 32;
/// Of a batch that is written: it is copied thrice on its way, and fits caches.
constexpr std::size_t most_write_bytes = std::size_t{1} << 20U;

std::span<const std::byte> bytes_of(const rocksdb::Slice& slice) noexcept {
  return std::as_bytes(std::span(slice.data(), slice.size()));
}

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

  explicit RocksDb(std::unique_ptr<RocksDatabase> database) noexcept : database_(std::move(database)) {}

  const BackendTraits& traits() const noexcept override { return backends::rocksdb; }

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    const auto loaded = std::make_shared<LoadedValue>();
    loaded->cache = database_->cache();
    const auto status = database_->read(key, loaded->value, deadline);
    return status.ok() ? record_in(loaded, last_bytes) : Result<LoadedRecord>(missing(status));
  }

  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    return database_->names(space, prefix, deadline);
  }

  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override {
    if (space == rocksdb::kDefaultColumnFamilyName) {
      return Backend::drop(space, deadline);  // it cannot be dropped
    }
    const auto names = list(space, {}, deadline);
    if (!names) {
      return names.error();
    }
    const auto dropped = database_->drop_family(space);
    return dropped ? Result<std::uint64_t>(*dropped ? names->size() : 0) : dropped.error();
  }

  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
            Deadline deadline) override {
    auto read = database_->read(keys, false, deadline);
    for (std::size_t at = 0; at < keys.size(); ++at) {
      if (!read.statuses[at].ok()) {
        loaded[at] = missing(read.statuses[at]);
        continue;
      }
      const auto kept = std::make_shared<LoadedValue>();
      kept->cache = database_->cache();
      kept->value = std::move(read.values[at]);
      loaded[at] = record_in(kept, last_bytes);
    }
  }

  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override;

 private:
  /// What is there: nothing, a record of that revision, or something of which the error tells.
  using Current = std::optional<Result<std::uint64_t>>;

  void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                        std::span<Result<bool>> removed, Deadline deadline) override;
  [[nodiscard]] std::vector<Current> look(std::span<const RecordKey> sorted, const std::vector<bool>& wanted,
                                          Deadline deadline);
  [[nodiscard]] static Result<void> may_store_over(const NewRecord& record, const Current& there);
  [[nodiscard]] static std::size_t room_for(std::span<const RecordKey> keys,
                                            std::span<const NewRecord> records, std::size_t most) noexcept;
  [[nodiscard]] static rocksdb::Status add(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
                                           std::string_view name, const NewRecord& record);

  [[nodiscard]] static Error missing(const rocksdb::Status& status) {
    return status.IsNotFound() ? no_such_object() : rocksdb_error(status);
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
  [[nodiscard]] static Result<LoadedRecord> record_in(const std::shared_ptr<LoadedValue>& loaded,
                                                      std::uint64_t last_bytes) {
    const auto revision = revision_in(loaded->value);
    if (!revision) {
      return revision.error();
    }
    const auto all = bytes_of(loaded->value).first(loaded->value.size() - revision_bytes);
    return LoadedRecord{loaded, all.last(std::min<std::uint64_t>(last_bytes, all.size())), all.size(),
                        *revision};
  }

  const std::unique_ptr<RocksDatabase> database_;
  KeyLocks locks_;
};

// What is there of the keys that are wanted; of the others nothing is said.
std::vector<RocksDb::Current> RocksDb::look(std::span<const RecordKey> sorted,
                                            const std::vector<bool>& wanted, Deadline deadline) {
  std::vector<RecordKey> keys;
  std::vector<std::size_t> places;
  keys.reserve(sorted.size());
  places.reserve(sorted.size());
  for (std::size_t at = 0; at < sorted.size(); ++at) {
    if (wanted[at]) {
      keys.push_back(sorted[at]);
      places.push_back(at);
    }
  }
  std::vector<Current> there(sorted.size());
  const auto read = database_->read(keys, true, deadline);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const rocksdb::Status& status = read.statuses[at];
    if (!status.IsNotFound()) {
      there[places[at]] =
          status.ok() ? revision_in(read.values[at]) : Result<std::uint64_t>(rocksdb_error(status));
    }
  }
  return there;
}

Result<void> RocksDb::may_store_over(const NewRecord& record, const Current& there) {
  if (there && !*there) {
    return record.expect == Expect::anything ? Result<void>() : Result<void>(there->error());
  }
  return may_store(record, there ? &**there : nullptr);
}

// The largest batch that these records make, if they are written in parts of that many bytes.
std::size_t RocksDb::room_for(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                              std::size_t most) noexcept {
  std::size_t all = 0;
  std::size_t largest = 0;
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (is_too_large_for(backends::rocksdb, records[at])) {
      continue;  // which is not written
    }
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
  std::vector<bool> wanted(distinct.sorted.size());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    wanted[distinct.place[at]] = wanted[distinct.place[at]] || records[at].expect != Expect::anything;
  }
  auto there = look(distinct.sorted, wanted, deadline);
  // With a wait for the disk they are written at once: each wait takes its time.
  const std::size_t most = database_->syncs() ? std::numeric_limits<std::size_t>::max() : most_write_bytes;
  rocksdb::WriteBatch batch(room_for(keys, records, most));
  std::vector<std::shared_ptr<Family>> kept;
  std::string_view space;
  std::vector<std::size_t> added;
  Result<void> done;
  const auto write_added = [&] {
    done = done && !added.empty() ? database_->write(batch, deadline) : done;
    for (const std::size_t at : added) {
      stored[at] = done;
    }
    added.clear();
    batch.Clear();  // keeps its memory
  };
  for (const std::size_t at : distinct.order) {
    if (is_too_large_for(traits(), records[at])) {
      stored[at] = too_large_for(traits(), records[at]);
      continue;
    }
    Current& current = there[distinct.place[at]];
    stored[at] = may_store_over(records[at], current);
    if (!stored[at]) {
      continue;
    }
    if (kept.empty() || space != keys[at].space) {
      auto family = database_->family_made(keys[at].space);
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
      stored[at] = rocksdb_error(status);
      continue;
    }
    current = records[at].revision;
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
  auto there = look(distinct.sorted, std::vector<bool>(distinct.sorted.size(), true), deadline);
  rocksdb::WriteBatch batch;
  std::vector<std::shared_ptr<Family>> kept;
  for (const std::size_t at : distinct.order) {
    Current& current = there[distinct.place[at]];
    if (current && !*current) {
      removed[at] = current->error();
      continue;
    }
    const bool is_it = current && (revisions[at] == 0 || revisions[at] == **current);
    removed[at] = is_it;
    if (const auto family = is_it ? database_->family(keys[at].space) : nullptr) {
      kept.push_back(family);
      (void)batch.Delete(family->get(), slice_of(keys[at].name));
      current.reset();
    }
  }
  if (const auto done = kept.empty() ? Result<void>() : database_->write(batch, deadline); !done) {
    all_failed(done.error());
  }
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
  auto database = RocksDatabase::open(resolved_path(url.path), *cache_bytes, *syncs == 1);
  return database ? Result<std::shared_ptr<Backend>>(std::make_shared<RocksDb>(std::move(*database)))
                  : database.error();
}

}  // namespace locum::storage
