#include "transport/storage/pack/compaction.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/value/error.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/pack/appending.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t copied_at_once = std::uint64_t{1} << 20U;

}  // namespace

Result<PackCompaction> PackCompaction::begin(const std::string& path, bool locks, bool leaves_out_damage) {
  auto file = PackFile::open(temporary_of(path), PackFile::As::writer, locks);
  if (!file) {
    return file.error();
  }
  auto content = begin_pack(std::move(*file));
  if (!content) {
    return content.error();
  }
  return PackCompaction(path, std::move(*content), leaves_out_damage);
}

PackCompaction::~PackCompaction() {
  if (content_.file && !is_published_) {
    ::unlink(temporary_of(path_).c_str());
  }
}

std::vector<PackCompaction::Old> PackCompaction::missing(const PackIndex& index) const {
  std::vector<Old> missing;
  index.for_each([&](const std::string& space, const std::string& name, const PackIndex::Entry& entry) {
    if (!copied_.contains(entry.position)) {
      missing.push_back({space, name, entry});
    }
  });
  std::ranges::sort(missing, {}, [](const Old& old) { return old.entry.position; });
  return missing;
}

// Line and texts first, then the body piece by piece.
Result<PackRecord> PackCompaction::append(const PackRecord& told, std::string_view space,
                                          std::string_view name, const PackFile* body_from,
                                          std::uint64_t body_at) {
  PackAppending appending;
  appending.begin(content_.salt, content_.end, 0);
  const PackRecord record = appending.add(told, space, name, {});
  auto written = content_.file->write(content_.end, appending.pieces());
  std::vector<std::byte> piece(std::min(record.body_bytes, copied_at_once));
  std::uint32_t sum = 0;
  for (std::uint64_t done = 0; written && done < record.body_bytes; done += piece.size()) {
    piece.resize(std::min<std::uint64_t>(piece.size(), record.body_bytes - done));
    const auto read = body_from->read(body_at + done, piece);
    if (!read) {
      return read.error();
    }
    sum = checksum(std::span(piece).first(*read), sum);
    ::iovec all{piece.data(), piece.size()};
    written = content_.file->write(record.body_at() + done, {&all, 1});
  }
  if (!written) {
    return written.error();
  }
  if (sum != record.body_checksum) {
    return Error(Errc::corrupt, "the record at byte " + std::to_string(body_at) + " of the pack '" + path_ +
                                    "' is damaged; it cannot be compacted: open it with ?repair=1, which "
                                    "leaves out what is damaged");
  }
  content_.end = record.end();
  return record;
}

// What was written of one that is left out is overwritten by the next.
Result<void> PackCompaction::copy(const PackFile& from, const Old& old) {
  const PackRecord record{.revision = old.entry.revision,
                          .body_bytes = old.entry.body_bytes,
                          .body_checksum = old.entry.body_checksum};
  const auto appended = append(record, old.space, old.name, &from, old.entry.body_at);
  if (!appended && (appended.error().code() != Errc::corrupt || !leaves_out_damage_)) {
    return appended.error();
  }
  if (appended) {
    content_.index.put(old.space, old.name, PackIndex::entry_of(*appended));
  }
  copied_.emplace(old.entry.position, old);
  return {};
}

Result<PackCompaction::Published> PackCompaction::publish(PackIndex& index) {
  // What was copied and is no more shall not be read again.
  for (const auto& [position, old] : copied_) {
    if (index.find(old.space, old.name) == nullptr && content_.index.find(old.space, old.name) != nullptr) {
      if (auto told = append(PackRecord{.kind = PackKind::removed}, old.space, old.name, nullptr, 0); !told) {
        return told.error();
      }
      content_.index.erase(old.space, old.name);
    }
  }
  // The last body may end before its line does.
  auto done = content_.file->cut(content_.end);
  done = done ? content_.file->sync() : done;
  done = done ? note_synced(content_) : done;
  done = done ? content_.file->sync() : done;
  done = done ? content_.file->rename(path_) : done;
  if (!done) {
    return done.error();
  }
  is_published_ = true;
  return Published{std::move(content_), sync_folder_of(path_)};
}

}  // namespace locum::storage
