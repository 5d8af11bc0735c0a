// RocksDB on a tmpfs. One process may write to a database, so each rank has one of its own, and opens those
// of the others as a secondary instance, which follows the primary's log. One value at a time, or many.

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "bench/peers/makers.hpp"
#include "bench/peers/round.hpp"

namespace peers {

namespace {

void check(const rocksdb::Status& status) {
  if (!status.ok()) {
    throw std::runtime_error("RocksDB: " + status.ToString());
  }
}

[[nodiscard]] rocksdb::Slice slice_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] std::span<const std::byte> bytes_of(const rocksdb::Slice& slice) {
  return std::as_bytes(std::span(slice.data(), slice.size()));
}

/// What its tuning guide gives for a database in memory: files are mapped, so that a cache of their blocks
/// would be a second copy; filters save look-ups in files; nothing is compressed.
[[nodiscard]] rocksdb::Options options_of_memory() {
  constexpr double filter_bits = 10;
  constexpr int restart_interval = 4;
  rocksdb::BlockBasedTableOptions blocks;
  blocks.no_block_cache = true;
  blocks.block_restart_interval = restart_interval;
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filter_bits));
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  options.allow_mmap_reads = true;
  options.compression = rocksdb::kNoCompression;
  options.max_open_files = -1;  // a secondary instance keeps files that the primary has removed
  options.keep_log_file_num = 1;
  return options;
}

class RocksPeer final : public Peer {
 public:
  /// `folder` is below the place's. Up to `at_a_time` values, or 1 MiB of them, are written, or read, by one
  /// call.
  RocksPeer(const Place& place, const std::string& folder, std::size_t at_a_time)
      : at_a_time_(at_a_time), values_(at_a_time) {
    int rank = 0;
    int size = 0;
    MPI_Comm_rank(place.ranks, &rank);
    MPI_Comm_size(place.ranks, &size);
    const auto path = [&](const char* kind, int of) {
      return place.folder + '/' + folder + kind + std::to_string(of);
    };
    rocksdb::Options options = options_of_memory();
    options.create_if_missing = true;
    own_ = open(
        [&](rocksdb::DB** database) { return rocksdb::DB::Open(options, path(".of.", rank), database); });
    MPI_Barrier(place.ranks);  // all are there
    for (int other = 0; other < size; ++other) {
      const std::string logs = path(".seen_by.", rank) + '.' + std::to_string(other);
      of_.push_back(other == rank ? nullptr : open([&](rocksdb::DB** database) {
        return rocksdb::DB::OpenAsSecondary(options_of_memory(), path(".of.", other), logs, database);
      }));
    }
  }

  void put(std::span<const Item> items) override {
    if (at_a_time_ == 1) {
      for (const Item& item : items) {
        check(own_->Put(writing_, item.name, slice_of(item.bytes)));
      }
      return;
    }
    const std::size_t step = items.empty() ? 1 : values_in_call(items.front().bytes.size());
    rocksdb::WriteBatch batch;
    for (std::size_t begin = 0; begin < items.size(); begin += step) {
      batch.Clear();  // keeps its memory
      for (const Item& item : group(items, begin, step)) {
        check(batch.Put(item.name, slice_of(item.bytes)));
      }
      check(own_->Write(writing_, &batch));
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    rocksdb::DB& database = of(owner_of(names.front()));
    if (at_a_time_ == 1) {
      rocksdb::PinnableSlice& value = values_.front();
      for (std::size_t i = 0; i < names.size(); ++i) {
        check(database.Get(reading_, database.DefaultColumnFamily(), names[i], &value));
        reader(i, bytes_of(value));
        value.Reset();
      }
      return;
    }
    for (std::size_t begin = 0, step = 0; begin < names.size(); begin += step) {
      step = values_in_call(last_bytes_);
      const auto some = group(names, begin, step);
      const std::vector<rocksdb::Slice> keys(some.begin(), some.end());
      std::vector<rocksdb::Status> found(keys.size());
      database.MultiGet(reading_, database.DefaultColumnFamily(), keys.size(), keys.data(), values_.data(),
                        found.data());
      for (std::size_t i = 0; i < keys.size(); ++i) {
        check(found[i]);
        last_bytes_ = values_[i].size();
        reader(begin + i, bytes_of(values_[i]));
        values_[i].Reset();
      }
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      check(own_->Delete(writing_, item.name));
    }
  }

 private:
  using Database = std::unique_ptr<rocksdb::DB>;

  template <class Open>
  [[nodiscard]] static Database open(const Open& with) {
    rocksdb::DB* database = nullptr;
    check(with(&database));
    return Database(database);
  }
  /// How many values of a size one call takes: more bytes than these no longer fit caches.
  [[nodiscard]] std::size_t values_in_call(std::size_t bytes) const {
    constexpr std::size_t bytes_in_call = std::size_t{1} << 20U;
    return std::clamp<std::size_t>(bytes_in_call / std::max<std::size_t>(bytes, 1), 1, at_a_time_);
  }
  template <class T>
  [[nodiscard]] static std::span<const T> group(std::span<const T> all, std::size_t begin, std::size_t step) {
    return all.subspan(begin, std::min(step, all.size() - begin));
  }
  /// The database of that rank, with all that has been put into it.
  [[nodiscard]] rocksdb::DB& of(int rank) {
    const Database& other = of_.at(static_cast<std::size_t>(rank));
    if (!other) {
      return *own_;
    }
    check(other->TryCatchUpWithPrimary());
    return *other;
  }

  std::size_t at_a_time_;
  std::size_t last_bytes_ = 0;     ///< of the last value that was read; those that follow are alike
  rocksdb::WriteOptions writing_;  ///< as they are: into the log, which is not synchronised
  rocksdb::ReadOptions reading_;
  Database own_;
  std::vector<Database> of_;                    ///< of each other rank
  std::vector<rocksdb::PinnableSlice> values_;  ///< their memory is used again for the next values
};

constexpr std::size_t batched_values = 256;

}  // namespace

std::unique_ptr<Peer> make_rocksdb(const Place& place) {
  return std::make_unique<RocksPeer>(place, "rocksdb", 1);
}
std::unique_ptr<Peer> make_rocksdb_batched(const Place& place) {
  return std::make_unique<RocksPeer>(place, "rocksdb_batched", batched_values);
}

}  // namespace peers
