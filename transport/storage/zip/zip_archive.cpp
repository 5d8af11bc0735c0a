#include "transport/storage/zip/zip_archive.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "core/value/errors.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

Result<std::shared_ptr<const ZipArchive>> ZipArchive::open(const std::string& path) {
  // Without waiting: somebody may have put a pipe there.
  Descriptor file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  struct stat facts {};
  if (!file.is_open() || ::fstat(file.number(), &facts) != 0) {
    return errno == ENOENT || errno == ENOTDIR
               ? Error(Errc::not_found, "there is no archive '" + path +
                                            "'; check the path, or make one by the call pack of Files")
               : file_error("opening the archive", path, errno);
  }
  if (!S_ISREG(facts.st_mode)) {
    return Error(Errc::invalid_argument,
                 "'" + path + "' is no file; zip: takes the path of an archive, and file: that of a folder");
  }
  const std::shared_ptr<ZipArchive> archive(new ZipArchive(path, std::move(file), facts));
  ZipArchiveBytes bytes(*archive);
  auto entries = read_zip_directory(bytes, ZipNames::repeated);
  auto tree = entries ? ZipTree::of(std::move(*entries)) : Result<ZipTree>(entries.error());
  if (!tree) {
    return tree.error().about(path);
  }
  archive->tree_ = std::move(*tree);
  return std::shared_ptr<const ZipArchive>(archive);
}

Result<void> ZipArchive::read(std::uint64_t offset, std::span<std::byte> into) const {
  const std::int64_t read = read_at(file_, offset, into);
  if (read < 0) {
    return file_error("reading", path_, static_cast<int>(-read));
  }
  if (static_cast<std::uint64_t>(read) != into.size()) {
    return Error(Errc::corrupt, "the archive '" + path_ + "' ends at byte " +
                                    std::to_string(offset + static_cast<std::uint64_t>(read)) +
                                    ", within a member; it is incomplete, or was cut meanwhile");
  }
  return {};
}

// The time of change of the inode is set by the system alone: a program that changes the archive and sets its
// time back is seen all the same. No two members begin at the same byte.
AreaFacts ZipArchive::facts_of(const ZipEntry& entry) const {
  AreaFacts made;
  made.size_bytes = entry.bytes;
  made.changed_ns = changed_ns(facts_);
  made.identity = std::to_string(facts_.st_dev) + '.' + std::to_string(facts_.st_ino) + '.' +
                  std::to_string(facts_.st_size) + '.' + std::to_string(made.changed_ns) + '.' +
                  std::to_string(facts_.st_ctim.tv_sec) + '.' + std::to_string(facts_.st_ctim.tv_nsec) + '.' +
                  std::to_string(entry.at);
  return made;
}

// The inode's time changes, too, when another archive takes the path: this one is removed by that, and nobody
// opens it to write any more.
bool ZipArchive::is_unchanged() const noexcept {
  struct stat now {};
  if (::fstat(file_.number(), &now) != 0 || now.st_size != facts_.st_size ||
      changed_ns(now) != changed_ns(facts_)) {
    return false;
  }
  return now.st_nlink == 0 ||
         (now.st_ctim.tv_sec == facts_.st_ctim.tv_sec && now.st_ctim.tv_nsec == facts_.st_ctim.tv_nsec);
}

Result<FileBytes::InPlace> ZipArchiveBytes::in_place() {
  return Error(Errc::unsupported, "an archive is not loaded as a whole");
}

}  // namespace locum::storage
