#include "transport/storage/file/record_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "core/backend/record_format.hpp"
#include "core/value/error.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

namespace {

/// Smaller ones are faster copied.
constexpr std::uint64_t smallest_in_place = 16 * 1024;
constexpr mode_t write_bits = 0222;
/// Of a file that changes while it is read.
constexpr int most_rounds = 20;

/// A file that is open, and what it was like then.
struct OpenRecord {
  Descriptor file;
  struct stat facts {};

  [[nodiscard]] std::uint64_t size_bytes() const noexcept {
    return static_cast<std::uint64_t>(facts.st_size);
  }
  [[nodiscard]] bool is_fixed() const noexcept { return (facts.st_mode & write_bits) == 0; }
  /// Whether it ends as records of this library do, unless it was cut.
  [[nodiscard]] bool has_end() const noexcept { return is_fixed() && (facts.st_mode & S_ISVTX) != 0; }
};

Result<OpenRecord> open_record(const FileRoot& root, const std::string& path) {
  OpenRecord record;
  // Without waiting: somebody may have put a pipe there.
  record.file = open_at(root.folder.number(), path, O_RDONLY | O_NONBLOCK);
  if (!record.file.is_open() || ::fstat(record.file.number(), &record.facts) != 0) {
    return errno == ENOENT || errno == ENOTDIR || errno == ENXIO
               ? no_such_object()
               : file_error("opening", full_path(root, path), errno);
  }
  return S_ISREG(record.facts.st_mode) ? Result<OpenRecord>(std::move(record)) : no_such_object();
}

// Some file systems and archives keep whole seconds, or so many digits: then the end of the record has the
// rest.
std::uint64_t revision_of(const OpenRecord& record) noexcept {
  const auto changed = static_cast<std::uint64_t>(std::max<std::int64_t>(changed_ns(record.facts), 1));
  std::array<std::byte, sizeof(RecordWords)> end{};
  if (changed % 100 != 0 || record.size_bytes() < end.size() ||
      read_at(record.file, record.size_bytes() - end.size(), end) != std::int64_t{end.size()} ||
      record_end_bytes(end) == 0) {
    return changed;
  }
  RecordWords words;
  std::memcpy(&words, end.data(), end.size());
  for (const std::uint64_t unit : {100, 1'000, 1'000'000, 1'000'000'000}) {
    if (words.generation - words.generation % unit == changed) {
      return words.generation;
    }
  }
  return changed;
}

std::optional<LoadedRecord> in_place(const OpenRecord& record) {
  const auto size = static_cast<std::size_t>(record.size_bytes());
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, record.file.number(), 0);
  if (at == MAP_FAILED) {
    return std::nullopt;  // as when a process has very many: it is copied
  }
  std::shared_ptr<const void> owner(at, [size](void* mapped) { ::munmap(mapped, size); });
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(at), size);
  return LoadedRecord{std::move(owner), bytes, size, 0};
}

// None: it was changed meanwhile.
Result<std::optional<LoadedRecord>> copy_of(const OpenRecord& record, std::uint64_t shown,
                                            const FileRoot& root, const std::string& path,
                                            Deadline deadline) {
  const auto memory = record_memory(shown);
  if (!memory) {
    return no_memory_left();
  }
  const std::span<std::byte> all(memory.get(), static_cast<std::size_t>(shown));
  const std::uint64_t from = record.size_bytes() - shown;
  for (std::uint64_t at = 0; at < shown; at += most_bytes_at_once) {
    const auto part = all.subspan(at, std::min(most_bytes_at_once, shown - at));
    const std::int64_t read = read_at(record.file, from + at, part);
    if (read == -ESTALE || (read >= 0 && static_cast<std::uint64_t>(read) < part.size())) {
      return std::optional<LoadedRecord>();
    }
    if (read < 0) {
      return file_error("reading", full_path(root, path), static_cast<int>(-read));
    }
    if (at + part.size() < shown) {
      if (auto time = still_time(deadline); !time) {
        return time.error();
      }
    }
  }
  struct stat now {};
  if (!record.is_fixed() &&
      (::fstat(record.file.number(), &now) != 0 || now.st_size != record.facts.st_size ||
       changed_ns(now) != changed_ns(record.facts))) {
    return std::optional<LoadedRecord>();
  }
  return std::optional<LoadedRecord>(LoadedRecord{memory, all, record.size_bytes(), 0});
}

}  // namespace

Result<LoadedRecord> load_file(const FileRoot& root, const std::string& path, std::uint64_t last_bytes,
                               Deadline deadline) {
  last_bytes = std::max<std::uint64_t>(last_bytes, sizeof(RecordWords));  // which show whether it was cut
  for (int round = 0; round < most_rounds; ++round) {
    const auto opened = open_record(root, path);
    if (!opened) {
      return opened.error();
    }
    const std::uint64_t size = opened->size_bytes();
    std::optional<LoadedRecord> record;
    if (size >= smallest_in_place && last_bytes >= size && root.maps && opened->is_fixed()) {
      record = in_place(*opened);
    }
    if (!record) {
      auto copied = copy_of(*opened, std::min(size, last_bytes), root, path, deadline);
      if (!copied) {
        return copied.error();
      }
      record = std::move(*copied);
    }
    if (record && opened->has_end() && record_end_bytes(record->bytes) == 0) {
      return Error(Errc::corrupt,
                   "the file '" + full_path(root, path) +
                       "' was cut; store it again, or make it writable (chmod u+w) to read what is "
                       "left as an object of raw bytes");
    }
    if (record) {
      record->revision = revision_of(*opened);
      return std::move(*record);
    }
    if (auto time = still_time(deadline); !time) {
      return time.error();
    }
  }
  return Error(Errc::system,
               "another program was writing '" + full_path(root, path) +
                   "' in each attempt to read it; have it write another file, and rename that one");
}

Result<std::uint64_t> revision_at(const FileRoot& root, const std::string& path) {
  const auto opened = open_record(root, path);
  return opened ? Result<std::uint64_t>(revision_of(*opened)) : opened.error();
}

}  // namespace locum::storage
