#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"

namespace locum::storage {

/// A RocksDB database whose calls end at their deadlines. Each space is a column family of its name. One
/// process at a time opens a database. Any thread.
class RocksDatabase {
 public:
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
  /// What was read of keys, in their order. Values may be in blocks of the cache().
  struct Values {
    explicit Values(std::size_t count) : statuses(count), values(count) {}
    std::vector<rocksdb::Status> statuses;
    std::vector<rocksdb::PinnableSlice> values;
  };

  /// Makes it where there is none; the folder above it must be there. \param syncs each write waits for the
  /// disk
  [[nodiscard]] static Result<std::unique_ptr<RocksDatabase>> open(const std::string& path,
                                                                   std::uint64_t cache_bytes, bool syncs);

  /// Null: there is none.
  [[nodiscard]] std::shared_ptr<Family> family(std::string_view space);
  [[nodiscard]] Result<std::shared_ptr<Family>> family_made(std::string_view space);
  /// False: there was none. REQUIRES: not the default family's name, which RocksDB does not drop.
  [[nodiscard]] Result<bool> drop_family(std::string_view space);

  [[nodiscard]] rocksdb::Status read(const RecordKey& key, rocksdb::PinnableSlice& value, Deadline deadline);
  /// Those of a space that is not there are not found. \param are_sorted by space and name
  [[nodiscard]] Values read(std::span<const RecordKey> keys, bool are_sorted, Deadline deadline);
  /// The names in a space that begin so, ascending.
  [[nodiscard]] Result<std::vector<std::string>> names(std::string_view space, std::string_view prefix,
                                                       Deadline deadline);
  /// All of the batch or nothing. What is of a family that was dropped meanwhile is left out.
  [[nodiscard]] Result<void> write(rocksdb::WriteBatch& batch, Deadline deadline);

  [[nodiscard]] bool syncs() const noexcept { return writing_.sync; }
  /// May outlive the database.
  [[nodiscard]] const std::shared_ptr<rocksdb::Cache>& cache() const noexcept { return cache_; }

 private:
  using Families = std::map<std::string, std::shared_ptr<Family>, std::less<>>;

  RocksDatabase(std::unique_ptr<rocksdb::DB> database, rocksdb::ColumnFamilyOptions options,
                std::shared_ptr<rocksdb::Cache> cache,
                const std::vector<rocksdb::ColumnFamilyHandle*>& handles, bool syncs);

  // In this order: families are closed before the database is.
  const std::shared_ptr<rocksdb::Cache> cache_;
  const rocksdb::ColumnFamilyOptions options_;
  const std::unique_ptr<rocksdb::DB> database_;
  rocksdb::WriteOptions writing_;
  Mutex mutex_;
  Families families_ LOCUM_GUARDED_BY(mutex_);
};

/// What a status means for a caller. REQUIRES: !status.ok().
[[nodiscard]] Error rocksdb_error(const rocksdb::Status& status);

[[nodiscard]] inline rocksdb::Slice slice_of(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

}  // namespace locum::storage
