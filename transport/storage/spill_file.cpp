#include "transport/storage/spill_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t most_reserve_bytes = std::uint64_t{1} << 30U;
constexpr std::uint64_t reserve_share = 20;
constexpr std::uint64_t stat_block_bytes = 512;

class OpenSpillFile final : public SpillFile {
 public:
  OpenSpillFile(SpillOptions options, int descriptor) noexcept
      : options_(std::move(options)), file_(descriptor) {}

  Result<void> extend_to(std::uint64_t size_bytes) override;
  Result<void> write(std::uint64_t position, std::span<const std::byte> bytes) override;
  Result<void> read(std::uint64_t position, std::span<std::byte> into) override;
  void discard(std::uint64_t position, std::uint64_t size_bytes) noexcept override;
  [[nodiscard]] std::uint64_t stored_bytes() const noexcept override;
  [[nodiscard]] int descriptor() const noexcept override { return file_.number(); }

 private:
  [[nodiscard]] Result<void> has_room(std::uint64_t size_bytes) const;
  [[nodiscard]] Error full(const std::string& why) const;
  [[nodiscard]] Error failed(const std::string& what, int error_number) const;

  const SpillOptions options_;
  const Descriptor file_;
};

Error OpenSpillFile::full(const std::string& why) const {
  return Error(Errc::system,
               "the spill folder '" + options_.folder + "' has no room for this object: " + why);
}

Error OpenSpillFile::failed(const std::string& what, int error_number) const {
  return system_error(what + " the spill file in '" + options_.folder +
                          "' failed; look at that disk, or name another folder (spill_folder, "
                          "LOCUM_SPILL_FOLDER)",
                      error_number);
}

Result<void> OpenSpillFile::extend_to(std::uint64_t size_bytes) {
  if (const std::uint64_t most = largest_file(); most < size_bytes) {
    return over_file_limit("the spill file", size_bytes);
  }
  if (::ftruncate(file_.number(), static_cast<off_t>(size_bytes)) != 0) {
    return failed("extending", errno);
  }
  return {};
}

// Before a write, so that a full disk costs nothing, and other programs find room on it.
Result<void> OpenSpillFile::has_room(std::uint64_t size_bytes) const {
  if (options_.most_bytes != 0) {
    const std::uint64_t stored = stored_bytes();
    if (stored > options_.most_bytes || size_bytes > options_.most_bytes - stored) {
      return full("spill_bytes (LOCUM_SPILL_BYTES) is " + std::to_string(options_.most_bytes) +
                  ", of which " + std::to_string(stored) + " are used; evict objects, or raise it");
    }
    return {};
  }
  struct statvfs disk {};
  if (::fstatvfs(file_.number(), &disk) != 0) {
    return {};  // the write tells
  }
  const std::uint64_t all = std::uint64_t{disk.f_blocks} * disk.f_frsize;
  const std::uint64_t left = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::uint64_t reserve = std::min(all / reserve_share, most_reserve_bytes);
  if (left < reserve || size_bytes > left - reserve) {
    return full("its disk has " + std::to_string(left) + " bytes left, of which " + std::to_string(reserve) +
                " are kept free; evict objects, or make room there");
  }
  return {};
}

Result<void> OpenSpillFile::write(std::uint64_t position, std::span<const std::byte> bytes) {
  if (auto room = has_room(bytes.size()); !room) {
    return room;
  }
  const int error = write_at(file_, position, bytes);
  if (error == ENOSPC || error == EDQUOT) {
    return full("its disk, or a quota there, is full; evict objects, or make room there");
  }
  if (error != 0) {
    return failed("writing to", error);
  }
  // The disk writes while the next object is prepared. Where a file system refuses this, it writes later.
  static_cast<void>(::sync_file_range(file_.number(), static_cast<off_t>(position),
                                      static_cast<off_t>(bytes.size()), SYNC_FILE_RANGE_WRITE));
  return {};
}

Result<void> OpenSpillFile::read(std::uint64_t position, std::span<std::byte> into) {
  const std::int64_t read = read_at(file_, position, into);
  if (read < 0) {
    return failed("reading", static_cast<int>(-read));
  }
  return static_cast<std::uint64_t>(read) == into.size() ? Result<void>()
                                                         : failed("reading behind the end of", EIO);
}

// Where a file system has no holes, the disk comes back with the file.
void OpenSpillFile::discard(std::uint64_t position, std::uint64_t size_bytes) noexcept {
  while (::fallocate(file_.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(position),
                     static_cast<off_t>(size_bytes)) != 0 &&
         errno == EINTR) {
  }
}

std::uint64_t OpenSpillFile::stored_bytes() const noexcept {
  struct stat facts {};
  return ::fstat(file_.number(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_blocks) * stat_block_bytes
                                              : 0;
}

// O_EXCL: it can never be given a name later. Some file systems make no file without a name.
int open_without_name(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
    return descriptor;
  }
  std::string path = folder + "/.locum-spill-XXXXXX";
  const int named = ::mkostemp(path.data(), O_CLOEXEC);
  if (named >= 0) {
    ::unlink(path.c_str());
  }
  return named;
}

}  // namespace

std::shared_ptr<SpillFile> make_spill_file(const SpillOptions& options) {
  const int descriptor = open_without_name(options.folder);
  if (descriptor < 0) {
    throw system_error("no file can be made in the spill folder '" + options.folder +
                           "' (spill_folder, LOCUM_SPILL_FOLDER); name a folder on a disk of each node in "
                           "which the job may write",
                       errno);
  }
  return take_spill_file(options, descriptor);
}

std::shared_ptr<SpillFile> take_spill_file(const SpillOptions& options, int descriptor) {
  return std::make_shared<OpenSpillFile>(options, descriptor);
}

}  // namespace locum::storage
