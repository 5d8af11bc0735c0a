#include "transport/storage/hdf5/traits.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/resolved_path.hpp"
#include "core/url.hpp"
#include "transport/storage/backend_by_batches.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/expectation.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/record_dataset.hpp"
#include "transport/storage/hdf5/record_links.hpp"
#include "transport/storage/hdf5/store_file.hpp"
#include "transport/storage/key_locks.hpp"

namespace locum::storage {

namespace {

/// A record on its way, until it has all of its bytes: then it gets the place that it was stored for.
constexpr const char* new_path = "/.locum/new";
/// While so much is written the file is at rest: who ends then, leaves only what the next session removes.
constexpr std::uint64_t long_payload_bytes = std::uint64_t{1} << 20U;

/// Threads take turns at the file, and within a turn they have hdf5_mutex() while HDF5 is called, but not
/// while the bytes of a record are read or written: other users of HDF5 in this process go on meanwhile.
class Hdf5Backend final : public BackendByBatches {
 public:
  using BackendByBatches::store;
  Hdf5Backend(std::string path, const StoreFile::Options& options) : file_(std::move(path), options) {
    if (!options.only_reads) {
      remove_new().value();
      file_.end_changes().value();
    }
  }

  const BackendTraits& traits() const noexcept override { return backends::hdf5; }

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override;
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override;
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override;

  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
            Deadline deadline) override {
    for (std::size_t at = 0; at < keys.size(); ++at) {
      loaded[at] = load(keys[at], last_bytes, deadline);
    }
  }
  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override;

 private:
  void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                        std::span<Result<bool>> removed, Deadline deadline) override;
  /// The lock of all records: of this one.
  [[nodiscard]] Result<KeyLocks::Held> turn(Deadline deadline) {
    const RecordKey all{{}, {}};
    auto held = turns_.take({&all, 1}, deadline);
    const auto time = still_time(deadline);
    return held && !time ? Result<KeyLocks::Held>(time.error()) : std::move(held);
  }
  [[nodiscard]] Result<void> store_one(const RecordKey& key, const NewRecord& record, Deadline deadline);
  [[nodiscard]] Result<void> remove_new();
  [[nodiscard]] Result<bool> remove_one(const RecordKey& key, std::uint64_t revision);

  KeyLocks turns_;
  StoreFile file_;  ///< of who has the turn
};

Result<LoadedRecord> Hdf5Backend::load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) {
  const auto held = turn(deadline);
  if (!held) {
    return held.error();
  }
  StoredRecord stored;
  std::uint64_t shown = 0;    // of all of it
  std::uint64_t payload = 0;  // of these, so many of the payload
  std::shared_ptr<std::byte> memory;
  const auto found = with_hdf5([&] {
    const RecordPlace place = find_record(file_.hdf5(), key);
    if (!place.is_there()) {
      return false;
    }
    stored = read_stored(place.dataset, file_.size().value());
    shown = std::min(std::max<std::uint64_t>(last_bytes, stored.end.size()), stored.size_bytes());
    // What HDF5 has to decompress, it does as a whole.
    shown = shown > stored.end.size() && !stored.payload_at ? stored.size_bytes() : shown;
    payload = shown - stored.end.size();
    memory = record_memory(shown);
    if (memory && payload > 0 && !stored.payload_at && !read_bytes(place.dataset, {memory.get(), payload})) {
      throw Error(Errc::corrupt, "HDF5 cannot read this compressed record; store it again");
    }
    return true;
  });
  if (!found || !*found) {
    return found ? no_such_object() : found.error();
  }
  if (!memory) {
    return no_memory_left();
  }
  if (stored.payload_at) {
    const std::uint64_t from = *stored.payload_at + stored.payload_bytes - payload;
    if (auto read = file_.read_at(from, {memory.get(), payload}, deadline); !read) {
      return read.error();
    }
  }
  std::ranges::copy(stored.end, memory.get() + payload);
  return LoadedRecord{memory, {memory.get(), shown}, stored.size_bytes(), stored.revision};
}

Result<void> Hdf5Backend::store_one(const RecordKey& key, const NewRecord& record, Deadline deadline) {
  if (key.space.size() > backends::hdf5.longest_name || key.name.size() > backends::hdf5.longest_name) {
    return name_too_long("an HDF5 file", backends::hdf5.longest_name);
  }
  if (auto time = still_time(deadline); !time) {
    return time;
  }
  const auto there = with_hdf5([&]() -> std::optional<std::uint64_t> {
    const RecordPlace place = find_record(file_.hdf5(), key);
    return place.is_there() ? std::optional(revision_of(place.dataset)) : std::nullopt;
  });
  if (!there) {
    return there.error();
  }
  if (auto may = may_store(record, *there ? &**there : nullptr); !may) {
    return may;
  }
  if (auto room = file_.take_room(record.bytes.size()); !room) {
    return room;
  }
  if (auto begun = file_.begin_change(); !begun) {
    return begun;
  }
  NewDataset made;
  auto done = with_hdf5([&] { made = make_record(file_.hdf5(), file_.path(), new_path, record); });
  if (done && made.payload.size() >= long_payload_bytes) {
    done = file_.end_changes();
  }
  done = done ? file_.write_at(made.payload_at, made.payload, deadline) : done;
  done = done ? file_.begin_change() : done;
  if (!done) {
    (void)remove_new();
    return done;
  }
  done = with_hdf5([&] { link_record(file_.hdf5(), key, new_path); });
  if (!done && done.error().code() == Errc::type_mismatch) {
    (void)remove_new();
  } else if (!done) {
    file_.give_up(done.error());
  }
  return done;
}

// A record that did not get all of its bytes.
Result<void> Hdf5Backend::remove_new() {
  const auto is_there = with_hdf5([&] {
    const htri_t exists = H5Lexists(file_.hdf5().get(), new_path, H5P_DEFAULT);
    check(exists, "looking for a record that is not whole");
    return exists > 0;
  });
  auto done = is_there ? Result<void>() : is_there.error();
  if (done && *is_there) {
    done = file_.begin_change();
    done = done ? with_hdf5([&] {
      check(H5Ldelete(file_.hdf5().get(), new_path, H5P_DEFAULT), "removing a record that is not whole");
    })
                : done;
  }
  if (!done) {
    file_.give_up(done.error());
  }
  return done;
}

void Hdf5Backend::store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                        std::span<Result<void>> stored, Deadline deadline) {
  const auto held = turn(deadline);
  if (!held || file_.only_reads()) {
    std::ranges::fill(stored, Result<void>(held ? opened_to_read("read_only=1") : held.error()));
    return;
  }
  for (std::size_t at = 0; at < keys.size(); ++at) {
    stored[at] = store_one(keys[at], records[at], deadline);
  }
  if (const auto ended = file_.end_changes(); !ended) {
    std::ranges::replace_if(
        stored, [](const auto& one) { return one.has_value(); }, ended);
  }
}

Result<bool> Hdf5Backend::remove_one(const RecordKey& key, std::uint64_t revision) {
  bool is_begun = false;
  auto removed = with_hdf5([&] {
    RecordPlace place = find_record(file_.hdf5(), key);
    if (!place.is_there()) {
      return false;
    }
    if (const std::uint64_t there = revision_of(place.dataset); revision != 0 && revision != there) {
      return false;
    }
    file_.begin_change().value();
    is_begun = true;
    unlink_record(std::move(place));
    return true;
  });
  if (!removed && is_begun) {
    file_.give_up(removed.error());
  }
  return removed;
}

void Hdf5Backend::remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                                   std::span<Result<bool>> removed, Deadline deadline) {
  const auto held = turn(deadline);
  if (!held || file_.only_reads()) {
    std::ranges::fill(removed, Result<bool>(held ? opened_to_read("read_only=1") : held.error()));
    return;
  }
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const auto time = still_time(deadline);
    removed[at] = time ? remove_one(keys[at], revisions[at]) : Result<bool>(time.error());
  }
  if (const auto ended = file_.end_changes(); !ended) {
    std::ranges::replace_if(
        removed, [](const auto& one) { return one.has_value() && *one; }, Result<bool>(ended.error()));
  }
}

Result<std::vector<std::string>> Hdf5Backend::list(std::string_view space, std::string_view prefix,
                                                   Deadline deadline) {
  const auto held = turn(deadline);
  return held ? with_hdf5([&] { return names_of_records(file_.hdf5(), space, prefix, deadline); })
              : Result<std::vector<std::string>>(held.error());
}

// Not the whole group at once: another program may have something of its own in it.
Result<std::uint64_t> Hdf5Backend::drop(std::string_view space, Deadline deadline) {
  const auto held = turn(deadline);
  if (!held || file_.only_reads()) {
    return held ? opened_to_read("read_only=1") : held.error();
  }
  const auto names = with_hdf5([&] { return names_of_records(file_.hdf5(), space, {}, deadline); });
  if (!names) {
    return names.error();
  }
  Result<std::uint64_t> count(0);
  for (const std::string& name : *names) {
    const auto time = still_time(deadline);
    const auto removed = time ? remove_one({space, name}, 0) : Result<bool>(time.error());
    if (!removed) {
      count = removed.error();
      break;
    }
    *count += *removed ? 1 : 0;
  }
  const auto ended = file_.end_changes();
  return ended ? count : ended.error();
}

}  // namespace

Result<std::shared_ptr<Backend>> open_hdf5(const Url& url) {
  if (const auto known = url.knows_only({"read_only", "sync", "damaged", "lock"}); !known) {
    return known.error();
  }
  if (url.path.empty() || url.path.back() == '/' || !url.host.empty()) {
    return Error(Errc::invalid_argument, "write the URL as hdf5:///folder/file.h5: it names one file");
  }
  const auto reads = url.flag("read_only", false);
  const auto syncs = url.flag("sync", true);
  const auto damaged = url.flag("damaged", false);
  const auto locks = url.flag("lock", true);
  for (const auto* const flag : {&reads, &syncs, &damaged, &locks}) {
    if (!*flag) {
      return flag->error();
    }
  }
  if (*damaged && !*reads) {
    return Error(
        Errc::invalid_argument,
        "a damaged file can only be read; open it with ?read_only=1&damaged=1, and copy its records");
  }
  return result_of([&]() -> std::shared_ptr<Backend> {
    return std::make_shared<Hdf5Backend>(
        resolved_path(url.path),
        StoreFile::Options{
            .only_reads = *reads, .syncs = *syncs, .locks = *locks, .takes_damaged = *damaged});
  });
}

}  // namespace locum::storage
