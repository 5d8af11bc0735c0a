#include "transport/storage/durable_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "core/value/error.hpp"

namespace locum::storage {

namespace {

[[noreturn]] void fail(const std::string& what, const std::string& path) {
  throw system_error(what + " '" + path + "' failed", errno);
}

Descriptor open_or_fail(const std::string& path, int flags) {
  Descriptor file = open_at(AT_FDCWD, path, flags, 0666);
  if (!file.is_open()) {
    fail("opening", path);
  }
  return file;
}

// A signal may interrupt the call: checkpoint_signal comes just when checkpoints are written.
template <class Call>
int repeated(const Call& call) {
  int result = 0;
  do {
    result = call();
  } while (result != 0 && errno == EINTR);
  return result;
}

// Where a file system cannot take room ahead, writing says it.
void take_room(const Descriptor& file, std::uint64_t bytes, const std::string& path) {
  if (bytes > 0 &&
      repeated([&] { return ::fallocate(file.number(), 0, 0, static_cast<::off_t>(bytes)); }) != 0 &&
      errno != EOPNOTSUPP && errno != ENOSYS) {
    fail("taking " + std::to_string(bytes) + " bytes of the disk for", path);
  }
}

// The system begins to write so much at a time, while the next bytes come.
constexpr std::uint64_t write_behind_bytes = std::uint64_t{8} << 20U;

}  // namespace

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string file_name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

void sync_folder(const std::string& folder) {
  if (const int error = sync_folder_at(AT_FDCWD, folder); error != 0) {
    errno = error;
    fail("writing the folder", folder);
  }
}

std::optional<FileIdentity> identity_of(const std::string& path) noexcept {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    return std::nullopt;
  }
  return FileIdentity{.inode = static_cast<std::uint64_t>(facts.st_ino),
                      .changed_ns = changed_ns(facts),
                      .bytes = static_cast<std::uint64_t>(facts.st_size)};
}

DurableFile::DurableFile(std::string path) : path_(std::move(path)), temporary_(temporary_of(path_)) {}

DurableFile::~DurableFile() {
  if (!published_) {
    ::unlink(temporary_.c_str());
  }
}

void DurableFile::try_room(std::uint64_t bytes) {
  const Descriptor file = open_or_fail(temporary_, O_RDWR | O_CREAT | O_TRUNC);
  take_room(file, bytes, temporary_);
  if (::ftruncate(file.number(), 0) != 0) {
    fail("emptying", temporary_);
  }
}

void DurableFile::open() {
  file_ = open_or_fail(temporary_, O_RDWR);
  struct stat facts {};
  if (::fstat(file_.number(), &facts) != 0) {
    fail("reading the size of", temporary_);
  }
  size_ = static_cast<std::uint64_t>(facts.st_size);
  take_room(file_, size_, temporary_);
}

void DurableFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bypasses_cache_ && !direct_ && bytes.size() >= DirectWrites::least_bytes) {
    direct_.emplace(temporary_);
  }
  while (!bytes.empty()) {
    std::int64_t written = direct_ ? direct_->write_some(offset, bytes) : 0;
    const bool bypassed = written != 0;
    if (!bypassed) {
      const int error = storage::write_at(file_, offset, bytes);
      written = error != 0 ? -error : static_cast<std::int64_t>(bytes.size());
    }
    if (written < 0) {
      errno = static_cast<int>(-written);
      fail("writing", temporary_);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
    if (!bypassed) {
      write_behind(offset - static_cast<std::uint64_t>(written), offset);
    }
  }
}

// Only a beginning: where it is refused, fsync() writes all. A gap is written with what is around it.
void DurableFile::write_behind(std::uint64_t from, std::uint64_t to) {
  if (from < behind_from_ || from - behind_from_ > 2 * write_behind_bytes) {
    behind_from_ = from;
  }
  if (to - behind_from_ >= write_behind_bytes) {
    (void)::sync_file_range(file_.number(), static_cast<::off64_t>(behind_from_),
                            static_cast<::off64_t>(to - behind_from_), SYNC_FILE_RANGE_WRITE);
    behind_from_ = to;
  }
}

void DurableFile::publish() {
  if (!file_.is_open()) {
    open();
  }
  if (const int error = direct_ ? direct_->finish() : 0; error != 0) {
    errno = error;
    fail("writing", temporary_);
  }
  direct_.reset();
  if (repeated([&] { return ::fsync(file_.number()); }) != 0) {
    fail("writing", temporary_);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail("renaming", temporary_);
  }
  published_ = true;
  sync_folder(folder_of(path_));
}

WritingLock::WritingLock(const std::string& path) : path_(path + ".lock") {
  // A reader that looks whether somebody writes has the lock for a moment.
  constexpr int looks = 20;
  constexpr std::chrono::milliseconds a_moment{10};
  if (path.empty()) {
    throw Error(Errc::invalid_argument, "the path of the file to be written is empty; give it a name");
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (std::error_code failed; !folder.empty() && !std::filesystem::exists(folder, failed) && !failed) {
    throw Error(Errc::system, "'" + path + "' cannot be written, because there is no folder '" +
                                  folder.string() +
                                  "'; make it, where all ranks see it, or give another path");
  }
  if (std::error_code failed; std::filesystem::is_directory(path, failed)) {
    throw Error(Errc::invalid_argument,
                "'" + path + "' cannot be written, because it is a folder; give the path of a file");
  }
  // The file that was locked may have been removed by who had it before: then once more.
  for (int refused = 0;;) {
    file_ = open_or_fail(path_, O_RDWR | O_CREAT);
    if (::flock(file_.number(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        (void)file_.close();
        if (++refused < looks) {
          std::this_thread::sleep_for(a_moment);
          continue;
        }
        throw Error(Errc::system,
                    "'" + path_.substr(0, path_.rfind('.')) +
                        "' is being written now, by another job or by this one; give each job a path of its "
                        "own, or wait until that one has ended");
      }
      return;  // no locks here
    }
    struct stat locked {};
    struct stat named {};
    if (::fstat(file_.number(), &locked) == 0 && ::stat(path_.c_str(), &named) == 0 &&
        locked.st_ino == named.st_ino) {
      holds_ = true;
      return;
    }
    (void)file_.close();
  }
}

WritingLock::~WritingLock() {
  ::unlink(path_.c_str());
}

}  // namespace locum::storage
