#include "transport/storage/pack/writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <map>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/base/mutex.hpp"
#include "transport/storage/backend_by_batches.hpp"
#include "transport/storage/backends.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/expectation.hpp"
#include "transport/storage/pack/appending.hpp"
#include "transport/storage/pack/backend.hpp"
#include "transport/storage/pack/compaction.hpp"
#include "transport/storage/pack/content.hpp"
#include "transport/storage/pack/loading.hpp"

namespace locum::storage {

static_assert(backends::pack.longest_name == pack_longest_text);

namespace {

using Clock = Deadline::Clock;

/// What the last step of compacting may have to copy while everybody waits for it.
constexpr std::uint64_t copied_at_last = std::uint64_t{8} << 20U;
constexpr int most_attempts = 5;

/// What is appended under one lock, and synced by one of the threads that wait for the disk, for all of them.
class PackWriter final : public BackendByBatches {
 public:
  using BackendByBatches::store;
  PackWriter(std::string path, PackWriterOptions options, PackContent content)
      : path_(std::move(path)), options_(options), content_(std::move(content)) {}
  ~PackWriter() override {
    {
      const MutexLock lock(mutex_);
      is_closing_ = true;
      changed_.notify_all();
    }
    if (compactor_.joinable()) {
      compactor_.join();
    }
    const MutexLock lock(mutex_);
    if (!failure_ && content_.file->sync()) {
      (void)note_synced(content_);
    }
  }

  const BackendTraits& traits() const noexcept override { return backends::pack; }

  Result<Record> load(const RecordKey& key, std::uint64_t last_bytes, Deadline /*deadline*/) override {
    std::optional<PlacedRecord> placed;
    {
      const MutexLock lock(mutex_);
      placed = placed_in(content_, key);
    }
    if (!placed) {
      return no_such_object();
    }
    auto record = record_at(*placed->file, placed->entry, last_bytes);
    if (record && !placed->entry.is_checked) {
      const MutexLock lock(mutex_);
      note_checked(content_, key, *placed);
    }
    return record;
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline /*deadline*/) override {
    const MutexLock lock(mutex_);
    return names_like(content_.index, space, prefix);
  }
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override;

  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<Record>> loaded,
            Deadline deadline) override {
    for (std::size_t at = 0; at < keys.size(); ++at) {
      loaded[at] = load(keys[at], last_bytes, deadline);
    }
  }
  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override;

  /// In this thread, or in one of its own: see compact_if_worth_it().
  Result<void> compact();

 private:
  void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                        std::span<Result<bool>> removed, Deadline deadline) override;
  [[nodiscard]] Result<void> append(PackAppending& appending) LOCUM_REQUIRES(mutex_);
  [[nodiscard]] Result<void> on_disk(std::uint64_t change, Deadline deadline);
  [[nodiscard]] PackAppending appending() const LOCUM_REQUIRES(mutex_) {
    return {content_.salt, content_.end, content_.synced};
  }
  void compact_if_worth_it() LOCUM_REQUIRES(mutex_);
  void compact_again_and_again();
  [[nodiscard]] bool is_worth_compacting() const LOCUM_REQUIRES(mutex_) {
    const std::uint64_t dead = content_.end - pack_first_record - content_.index.live_bytes();
    return dead > options_.least_dead_bytes && dead > content_.end / 2;
  }

  const std::string path_;
  const PackWriterOptions options_;
  Mutex mutex_;
  std::condition_variable changed_;
  PackContent content_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t changes_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< counts what was appended
  std::uint64_t on_disk_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< so many of them
  bool is_syncing_ LOCUM_GUARDED_BY(mutex_) = false;
  bool is_closing_ LOCUM_GUARDED_BY(mutex_) = false;
  /// The disk failed: what the file has is unknown.
  std::optional<Error> failure_ LOCUM_GUARDED_BY(mutex_);
  bool has_compactor_ LOCUM_GUARDED_BY(mutex_) = false;
  std::thread compactor_;
};

// All of them, or none: what was written of them is cut off again.
Result<void> PackWriter::append(PackAppending& appending) {
  if (failure_) {
    return *failure_;
  }
  auto written = content_.file->write(content_.end, appending.pieces());
  if (!written) {
    if (const auto is_cut = content_.file->cut(content_.end); !is_cut) {
      failure_ = is_cut.error();
    }
    return written;
  }
  content_.end = appending.end();
  ++changes_;
  return {};
}

Result<void> PackWriter::on_disk(std::uint64_t change, Deadline deadline) {
  if (!options_.syncs) {
    return {};
  }
  const auto moment = deadline.moment(std::chrono::seconds(30));
  for (;;) {
    std::shared_ptr<PackFile> file;
    std::uint64_t target = 0;
    std::uint64_t end = 0;
    {
      MutexLock lock(mutex_);
      while (on_disk_ < change && !failure_ && is_syncing_) {
        if (!lock.wait_until(changed_, moment) && is_syncing_) {
          return Error(
              Errc::timeout,
              "the disk had not taken the record before the deadline, and may still; give more time, "
              "or open the pack with ?sync=0");
        }
      }
      if (on_disk_ >= change || failure_) {
        return on_disk_ >= change ? Result<void>() : *failure_;
      }
      is_syncing_ = true;
      file = content_.file;
      target = changes_;
      end = content_.end;
    }
    const auto synced = file->sync();
    const MutexLock lock(mutex_);
    is_syncing_ = false;
    changed_.notify_all();
    if (!synced) {
      failure_ = synced.error();         // the system may have dropped what it could not write
    } else if (content_.file == file) {  // a compacted one is on the disk already
      on_disk_ = std::max(on_disk_, target);
      content_.synced = std::max(content_.synced, end);
    }
  }
}

void PackWriter::store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                       std::span<Result<void>> stored, Deadline deadline) {
  std::vector<std::uint32_t> sums(keys.size());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    sums[at] = checksum(records[at].bytes);
  }
  std::vector<std::pair<std::size_t, PackIndex::Entry>> added;
  std::uint64_t change = 0;
  Result<void> done = still_time(deadline);
  if (done) {
    const MutexLock lock(mutex_);
    PackAppending all = appending();
    std::map<std::pair<std::string_view, std::string_view>, std::uint64_t> before;  // in this batch
    for (std::size_t at = 0; at < keys.size(); ++at) {
      const RecordKey& key = keys[at];
      if (key.space.size() > pack_longest_text || key.name.size() > pack_longest_text) {
        stored[at] =
            Error(Errc::invalid_argument,
                  "names in a pack have at most " + std::to_string(pack_longest_text) + " bytes; shorten it");
        continue;
      }
      const PackIndex::Entry* const there = content_.index.find(key.space, key.name);
      const auto earlier = before.find({key.space, key.name});
      stored[at] = may_store(records[at], earlier != before.end() ? &earlier->second
                                          : there != nullptr      ? &there->revision
                                                                  : nullptr);
      if (!stored[at]) {
        continue;
      }
      const PackRecord& record = all.add({.revision = records[at].revision,
                                          .body_bytes = records[at].bytes.size(),
                                          .body_checksum = sums[at]},
                                         key.space, key.name, records[at].bytes);
      added.emplace_back(at, PackIndex::entry_of(record));
      added.back().second.is_checked = true;
      if (keys.size() > 1) {
        before.insert_or_assign({key.space, key.name}, record.revision);
      }
    }
    if (added.empty()) {
      return;
    }
    done = append(all);
    if (done) {
      for (const auto& [at, entry] : added) {
        content_.index.put(keys[at].space, keys[at].name, entry);
      }
      change = changes_;
      compact_if_worth_it();
    }
  } else {
    std::ranges::fill(stored, done);
  }
  if (done) {
    done = on_disk(change, deadline);
  }
  for (const auto& [at, entry] : added) {
    stored[at] = done;
  }
}

void PackWriter::remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                                  std::span<Result<bool>> removed, Deadline deadline) {
  Result<void> done = still_time(deadline);
  std::uint64_t change = 0;
  if (done) {
    const MutexLock lock(mutex_);
    PackAppending all = appending();
    std::vector<std::size_t> found;
    for (std::size_t at = 0; at < keys.size(); ++at) {
      const PackIndex::Entry* const there = content_.index.find(keys[at].space, keys[at].name);
      removed[at] = there != nullptr && (revisions[at] == 0 || revisions[at] == there->revision);
      if (*removed[at]) {
        all.add({.kind = PackKind::removed}, keys[at].space, keys[at].name, {});
        found.push_back(at);
      }
    }
    if (found.empty()) {
      return;
    }
    done = append(all);
    for (std::size_t one = 0; done && one < found.size(); ++one) {
      const RecordKey& key = keys[found[one]];
      removed[found[one]] = content_.index.find(key.space, key.name) != nullptr;  // once in a batch
      content_.index.erase(key.space, key.name);
    }
    change = changes_;
    compact_if_worth_it();
  }
  if (done) {
    done = on_disk(change, deadline);
  }
  if (!done) {
    std::ranges::fill(removed, Result<bool>(done.error()));
  }
}

Result<std::uint64_t> PackWriter::drop(std::string_view space, Deadline deadline) {
  std::uint64_t count = 0;
  std::uint64_t change = 0;
  {
    const MutexLock lock(mutex_);
    const auto* const names = content_.index.names_in(space);
    if (names == nullptr || names->empty()) {
      return 0;
    }
    count = names->size();
    PackAppending all = appending();
    all.add({.kind = PackKind::dropped}, space, {}, {});
    if (auto done = append(all); !done) {
      return done.error();
    }
    content_.index.drop(space);
    change = changes_;
    compact_if_worth_it();
  }
  const auto done = on_disk(change, deadline);
  return done ? Result<std::uint64_t>(count) : done.error();
}

// Most of it while others append. Whoever views records of the old file keeps it.
Result<void> PackWriter::compact() {
  auto begun = PackCompaction::begin(path_, options_.locks, options_.repairs);
  if (!begun) {
    return begun.error();
  }
  std::shared_ptr<PackFile> file;
  for (int round = 0; round < most_attempts; ++round) {
    std::vector<PackCompaction::Old> missing;
    {
      const MutexLock lock(mutex_);
      missing = begun->missing(content_.index);
      file = content_.file;
    }
    std::uint64_t bytes = 0;
    for (const PackCompaction::Old& old : missing) {
      {
        const MutexLock lock(mutex_);
        if (is_closing_) {
          return {};
        }
      }
      if (auto copied = begun->copy(*file, old); !copied) {
        return copied;
      }
      bytes += old.entry.stored_bytes();
    }
    if (bytes < copied_at_last) {
      break;
    }
  }
  if (auto synced = begun->sync(); !synced) {
    return synced;
  }
  const MutexLock lock(mutex_);
  if (failure_) {
    return *failure_;
  }
  for (const PackCompaction::Old& old : begun->missing(content_.index)) {
    if (auto copied = begun->copy(*file, old); !copied) {
      return copied;
    }
  }
  auto content = begun->publish(content_.index);
  if (!content) {
    return content.error();
  }
  content_ = std::move(*content);
  on_disk_ = changes_;
  changed_.notify_all();
  return {};
}

// A process that gets no more threads goes on without.
void PackWriter::compact_if_worth_it() {
  if (!is_worth_compacting() || is_closing_) {
    return;
  }
  if (has_compactor_) {
    changed_.notify_all();
    return;
  }
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    compactor_ = std::thread([this] { compact_again_and_again(); });
    has_compactor_ = true;
  } catch (const std::system_error&) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void PackWriter::compact_again_and_again() {
  std::uint64_t refused_at = 0;
  for (;;) {
    {
      MutexLock lock(mutex_);
      // After a failure (no room, damage) not before the file has grown by half.
      while (!is_closing_ && (!is_worth_compacting() || content_.end < refused_at + refused_at / 2)) {
        lock.wait_until(changed_, Clock::now() + std::chrono::hours(1));
      }
      if (is_closing_) {
        return;
      }
      refused_at = content_.end;
    }
    if (compact()) {
      refused_at = 0;
    }
  }
}

}  // namespace

Result<std::shared_ptr<Backend>> open_pack_writer(const std::string& path, const PackWriterOptions& options) {
  auto file = PackFile::open(path, PackFile::As::writer, options.locks);
  if (!file) {
    return file.error();
  }
  ::unlink(temporary_of(path).c_str());  // what a killed process was compacting
  auto content = open_pack(std::move(*file), path, options.repairs);
  if (!content) {
    return content.error();
  }
  if (options.syncs) {
    // Also what a killed process had not brought there.
    auto synced = content->file->sync();
    synced = synced ? sync_folder_of(path) : synced;
    if (!synced) {
      return synced.error();
    }
    content->synced = content->end;
  }
  const bool compacts = options.compacts || content->is_damaged;
  auto writer = std::make_shared<PackWriter>(path, options, std::move(*content));
  if (compacts) {
    if (auto compacted = writer->compact(); !compacted) {
      return compacted.error();
    }
  }
  return writer;
}

}  // namespace locum::storage
