#include "transport/storage/pack/writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/mutex.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/expectation.hpp"
#include "transport/storage/pack/content.hpp"
#include "transport/storage/pack/loading.hpp"
#include "transport/storage/pack/traits.hpp"

namespace locum::storage {

static_assert(backends::pack.longest_name == pack_longest_text);

/// A record of a batch that is being stored.
struct PackWriter::Added {
  std::uint32_t body_checksum = 0;
  bool is_added = false;
  /// What its name had before, if it is added; a position of 0: nothing.
  PackIndex::Entry before;
};

PackWriter::~PackWriter() {
  {
    const MutexLock lock(pack_.mutex);
    pack_.is_closing = true;
    pack_.changed.notify_all();
  }
  compactor_.join();
  const MutexLock lock(pack_.mutex);
  if (pack_.failure) {
    return;
  }
  if (!pack_.options.keeps_empty_file && pack_.content.index.is_empty()) {
    // Locked until the end. If the name comes back, as after a loss of power, it is that of an empty pack.
    ::unlink(pack_.path.c_str());
    if (pack_.options.syncs) {
      (void)sync_folder_of(pack_.path);
    }
  } else if (pack_.content.file->sync()) {
    (void)note_synced(pack_.content);
  }
}

const BackendTraits& PackWriter::traits() const noexcept {
  return backends::pack;
}

std::optional<Pack::Name> PackWriter::any_record() {
  const MutexLock lock(pack_.mutex);
  return pack_.content.index.any();
}

bool PackWriter::stays_open() {
  const MutexLock lock(pack_.mutex);
  return pack_.failure || pack_.is_compacting;
}

void PackWriter::load(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                      std::span<Result<LoadedRecord>> loaded, Deadline /*deadline*/) {
  load_records(
      keys, last_bytes, loaded,
      [&](std::span<PackIndex::Entry> entries) {
        const MutexLock lock(pack_.mutex);
        return place_in(pack_.content, keys, entries);
      },
      [&](const RecordKey& key, const PackFile& file, const PackIndex::Entry& entry) {
        const MutexLock lock(pack_.mutex);
        note_checked(pack_.content, key, file, entry);
      });
}

Result<std::vector<std::string>> PackWriter::list(std::string_view space, std::string_view prefix,
                                                  Deadline /*deadline*/) {
  const MutexLock lock(pack_.mutex);
  return names_like(pack_.content.index, space, prefix);
}

// All of them, or none: what was written of them is cut off again.
Result<void> PackWriter::append() {
  if (pack_.failure) {
    return *pack_.failure;
  }
  auto written = pack_.content.file->write(pack_.content.end, appending_.pieces());
  if (!written) {
    if (const auto is_cut = pack_.content.file->cut(pack_.content.end); !is_cut) {
      pack_.failure = is_cut.error();
    }
    return written;
  }
  pack_.content.end = appending_.end();
  ++pack_.changes;
  return {};
}

// The index has it at once: the next record of the same name in the batch is compared with this one.
Result<void> PackWriter::plan(PackIndex::Names& names, const RecordKey& key, const NewRecord& record,
                              Added& added) {
  if (key.space.size() > pack_longest_text || key.name.size() > pack_longest_text) {
    return name_too_long("a pack", pack_longest_text);
  }
  PackIndex& index = pack_.content.index;
  PackIndex::Entry* const there = PackIndex::find(&names, key.name);
  auto may = may_store(record, there != nullptr ? &there->revision : nullptr);
  if (!may) {
    return may;
  }
  PackIndex::Entry entry = PackIndex::entry_of(appending_.add(
      {.revision = record.revision, .body_bytes = record.bytes.size(), .body_checksum = added.body_checksum},
      key.space, key.name, record.bytes));
  entry.is_checked = true;
  added.is_added = true;
  if (there != nullptr) {
    added.before = *there;
    index.replace(*there, entry);
  } else {
    index.add(names, key.name, entry);
  }
  return {};
}

void PackWriter::take_back(const RecordKey& key, const Added& added) {
  if (!added.is_added) {
    return;
  }
  if (added.before.position != 0) {
    pack_.content.index.put(key.space, key.name, added.before);
  } else {
    pack_.content.index.erase(key.space, key.name);
  }
}

void PackWriter::store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                       std::span<Result<void>> stored, Deadline deadline) {
  Result<void> done = still_time(deadline);
  if (!done) {
    std::ranges::fill(stored, done);
    return;
  }
  Added alone;  // most calls store one
  std::vector<Added> several(keys.size() > 1 ? keys.size() : 0);
  const std::span<Added> added = keys.size() > 1 ? std::span(several) : std::span(&alone, keys.size());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    added[at].body_checksum = checksum(records[at].bytes);
  }
  std::uint64_t change = 0;
  bool compacts = false;
  {
    const MutexLock lock(pack_.mutex);
    begin_appending();
    PackIndex::Names* names = nullptr;
    for (std::size_t at = 0; at < keys.size(); ++at) {
      if (at == 0 || keys[at].space != keys[at - 1].space) {
        names = &pack_.content.index.space_made(keys[at].space);
      }
      stored[at] = plan(*names, keys[at], records[at], added[at]);
    }
    if (appending_.empty()) {
      return;
    }
    done = append();
    if (!done) {
      for (std::size_t at = keys.size(); at > 0; --at) {
        take_back(keys[at - 1], added[at - 1]);
      }
    }
    change = pack_.changes;
    compacts = pack_.is_worth_compacting();
  }
  if (compacts) {
    compactor_.compact_later();
  }
  if (done) {
    done = disk_.until_on_disk(change, deadline);
  }
  for (std::size_t at = 0; !done && at < keys.size(); ++at) {
    if (added[at].is_added) {
      stored[at] = done;
    }
  }
}

void PackWriter::remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                                  std::span<Result<bool>> removed, Deadline deadline) {
  Result<void> done = still_time(deadline);
  std::uint64_t change = 0;
  bool compacts = false;
  if (done) {
    const MutexLock lock(pack_.mutex);
    PackIndex& index = pack_.content.index;
    begin_appending();
    for (std::size_t at = 0; at < keys.size(); ++at) {
      const PackIndex::Entry* const there = index.find(keys[at].space, keys[at].name);
      removed[at] = there != nullptr && (revisions[at] == 0 || revisions[at] == there->revision);
      if (*removed[at]) {
        appending_.add({.kind = PackKind::removed}, keys[at].space, keys[at].name, {});
      }
    }
    if (appending_.empty()) {
      return;
    }
    done = append();
    for (std::size_t at = 0; done && at < keys.size(); ++at) {
      if (*removed[at]) {
        removed[at] = index.erase(keys[at].space, keys[at].name);  // once in a batch
      }
    }
    change = pack_.changes;
    compacts = pack_.is_worth_compacting();
  }
  if (compacts) {
    compactor_.compact_later();
  }
  if (done) {
    done = disk_.until_on_disk(change, deadline);
  }
  if (!done) {
    std::ranges::fill(removed, Result<bool>(done.error()));
  }
}

Result<std::uint64_t> PackWriter::drop(std::string_view space, Deadline deadline) {
  std::uint64_t count = 0;
  std::uint64_t change = 0;
  bool compacts = false;
  {
    const MutexLock lock(pack_.mutex);
    PackIndex& index = pack_.content.index;
    const auto* const names = index.names_in(space);
    if (names == nullptr || names->empty()) {
      return 0;
    }
    count = names->size();
    begin_appending();
    appending_.add({.kind = PackKind::dropped}, space, {}, {});
    if (auto done = append(); !done) {
      return done.error();
    }
    index.drop(space);
    change = pack_.changes;
    compacts = pack_.is_worth_compacting();
  }
  if (compacts) {
    compactor_.compact_later();
  }
  const auto done = disk_.until_on_disk(change, deadline);
  return done ? Result<std::uint64_t>(count) : done.error();
}

Result<std::shared_ptr<Pack>> open_pack_writer(const std::string& path, const PackWriterOptions& options) {
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
  return std::shared_ptr<Pack>(std::move(writer));
}

}  // namespace locum::storage
