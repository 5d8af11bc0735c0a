// A member of an archive as a file of an area.

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/zip/zip_archive.hpp"
#include "transport/storage/zip/zip_fields.hpp"
#include "transport/storage/zip/zip_member.hpp"

namespace locum::storage {

namespace {

/// A few bytes may claim to be a thousand times as many.
constexpr std::uint64_t most_inflated_bytes = std::uint64_t{1} << 30U;
constexpr std::uint64_t mapped_alignment = 64;

Error wrong_zip_sum() {
  return Error(Errc::corrupt, "the checksum of the member is not that of the archive; the file is damaged");
}

std::uint32_t zip_sum_of(std::span<const std::byte> bytes) noexcept {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// What stored and deflated members have in common.
class ZippedFile : public AreaFile {
 public:
  ZippedFile(std::shared_ptr<const ZipArchive> archive, const ZipEntry& entry, OpenedHow how)
      : archive_(std::move(archive)),
        entry_(entry),
        facts_(archive_->facts_of(entry)),
        how_(std::move(how)) {}

  [[nodiscard]] const AreaFacts& facts() const noexcept override { return facts_; }
  [[nodiscard]] bool is_unchanged() const noexcept override { return archive_->is_unchanged(); }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return facts_.size_bytes; }
  [[nodiscard]] bool is_mapped() const noexcept override { return how_.maps; }
  [[nodiscard]] const std::string& path() const noexcept override { return path_; }
  void concurrently(std::size_t count, const std::function<void(std::size_t)>& call) override {
    call_concurrently(count, call, how_.lent);
  }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) final {
    if (offset > size_bytes() || into.size() > size_bytes() - offset) {
      return Error(Errc::corrupt, "the file ends at byte " + std::to_string(size_bytes()) +
                                      ", within what is expected; it is incomplete");
    }
    return read_within(offset, into);
  }

 protected:
  [[nodiscard]] virtual Result<void> read_within(std::uint64_t offset, std::span<std::byte> into) = 0;

  const std::shared_ptr<const ZipArchive> archive_;
  const ZipEntry& entry_;  ///< of the archive
  const AreaFacts facts_;
  const OpenedHow how_;

 private:
  const std::string path_;  ///< empty: it is none of the operating system
};

class StoredZippedFile final : public ZippedFile {
 public:
  StoredZippedFile(std::shared_ptr<const ZipArchive> archive, const ZipEntry& entry, const OpenedHow& how,
                   std::uint64_t bytes_at)
      : ZippedFile(std::move(archive), entry, how), bytes_at_(bytes_at) {}

  [[nodiscard]] Result<InPlace> in_place() override {
    if (all_.owner != nullptr || size_bytes() == 0) {
      return all_;
    }
    return how_.maps ? map() : read_all();
  }

 private:
  // A part has no checksum of its own.
  [[nodiscard]] Result<void> read_within(std::uint64_t offset, std::span<std::byte> into) override {
    if (into.size() < size_bytes() || into.empty()) {
      return read_in_pieces(
          into,
          [&](std::size_t at, std::span<std::byte> piece) {
            return archive_->read(bytes_at_ + offset + at, piece);
          },
          how_.lent);
    }
    std::vector<std::uint32_t> sums((into.size() - 1) / read_piece_bytes + 1);
    auto done = read_in_pieces(
        into,
        [&](std::size_t at, std::span<std::byte> piece) {
          auto read = archive_->read(bytes_at_ + at, piece);
          sums[at / read_piece_bytes] = read ? zip_sum_of(piece) : 0;
          return read;
        },
        how_.lent);
    return !done || has_sum(sums, into.size()) ? done : Result<void>(wrong_zip_sum());
  }
  /// \param sums of the pieces; those of less than two pieces are read at once
  [[nodiscard]] bool has_sum(const std::vector<std::uint32_t>& sums, std::size_t size) const {
    uLong sum = sums.front();
    for (std::size_t piece = 1; piece < sums.size() && size >= 2 * read_piece_bytes; ++piece) {
      const std::size_t bytes = std::min(read_piece_bytes, size - piece * read_piece_bytes);
      sum = ::crc32_combine(sum, sums[piece], static_cast<z_off_t>(bytes));
    }
    return sum == entry_.crc;
  }
  [[nodiscard]] Result<InPlace> read_all() {
    const auto memory = record_memory(size_bytes());
    if (!memory) {
      return no_memory_left();
    }
    const std::span<std::byte> bytes(memory.get(), static_cast<std::size_t>(size_bytes()));
    if (auto done = read(0, bytes); !done) {
      return done.error();
    }
    all_ = {memory, bytes};
    return all_;
  }
  // From the page on in which the member begins.
  [[nodiscard]] Result<InPlace> map() {
    const auto before =
        static_cast<std::size_t>(bytes_at_ % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    const std::size_t mapped_bytes = before + static_cast<std::size_t>(size_bytes());
    void* const at = ::mmap(nullptr, mapped_bytes, PROT_READ, MAP_SHARED, archive_->file().number(),
                            static_cast<off_t>(bytes_at_ - before));
    if (at == MAP_FAILED) {
      return file_error("mapping", archive_->path(), errno);
    }
    all_ = {
        std::shared_ptr<const void>(
            at, [mapped_bytes](const void* mapped) { ::munmap(const_cast<void*>(mapped), mapped_bytes); }),
        {static_cast<const std::byte*>(at) + before, static_cast<std::size_t>(size_bytes())}};
    return all_;
  }

  const std::uint64_t bytes_at_;
  InPlace all_;
};

class DeflatedZippedFile final : public ZippedFile {
 public:
  using ZippedFile::ZippedFile;

  [[nodiscard]] Result<InPlace> in_place() override { return inflated(); }

 private:
  [[nodiscard]] Result<void> read_within(std::uint64_t offset, std::span<std::byte> into) override {
    if (into.empty()) {
      return {};
    }
    const auto all = inflated();
    if (!all) {
      return all.error();
    }
    std::ranges::copy(all->bytes.subspan(static_cast<std::size_t>(offset), into.size()), into.begin());
    return {};
  }
  // The memory is used as bytes come: a size that is too large takes none.
  [[nodiscard]] Result<InPlace> inflated() LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (all_.owner != nullptr) {
      return all_;
    }
    ZipArchiveBytes file(*archive_);
    const auto member = ZipMember::open(file, entry_);
    if (!member) {
      return member.error();
    }
    const auto memory = record_memory(size_bytes());
    if (!memory) {
      return no_memory_left();
    }
    const std::span<std::byte> bytes(memory.get(), static_cast<std::size_t>(size_bytes()));
    auto done = (*member)->read(0, bytes);
    done = done ? (*member)->check() : std::move(done);
    if (!done) {
      return done.error();
    }
    all_ = {memory, bytes};
    return all_;
  }

  Mutex mutex_;
  InPlace all_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<AreaFile>> open_zipped_file(std::shared_ptr<const ZipArchive> archive,
                                                   const ZipEntry& entry, const OpenedHow& how) {
  ZipArchiveBytes file(*archive);
  const auto bytes_at = zip_bytes_at(file, entry);
  if (!bytes_at) {
    return bytes_at.error();
  }
  const bool is_stored = entry.method == zip_stored;
  if (how.maps && (!is_stored || *bytes_at % mapped_alignment != 0)) {
    return Error(Errc::unsupported,
                 is_stored ? "the bytes of this file begin at byte " + std::to_string(*bytes_at) +
                                 " of the archive, no multiple of 64, where they are not mapped; leave out "
                                 ".map, or make the archive by the call pack of Files"
                           : "this file is deflated in its archive, and is not mapped; leave out .map");
  }
  if (is_stored) {
    return std::unique_ptr<AreaFile>(
        std::make_unique<StoredZippedFile>(std::move(archive), entry, how, *bytes_at));
  }
  if (entry.bytes > most_inflated_bytes) {
    return Error(Errc::unsupported, "this file is deflated in its archive, and has " +
                                        std::to_string(entry.bytes) +
                                        " bytes, more than 1 GiB; unpack the archive, or make one whose "
                                        "members are stored, as pack of Files makes them");
  }
  return std::unique_ptr<AreaFile>(std::make_unique<DeflatedZippedFile>(std::move(archive), entry, how));
}

}  // namespace locum::storage
