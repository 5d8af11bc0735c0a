#include "transport/storage/file/new_file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>

#include "core/base/hash.hpp"
#include "core/value/error.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/file/folder_names.hpp"

namespace locum::storage {

namespace {

// Processes with one value know each other's numbers: they run on one host, since it started, and in one
// container.
std::string known_processes() {
  std::ifstream boot("/proc/sys/kernel/random/boot_id");
  std::string text{std::istreambuf_iterator<char>(boot), {}};
  std::array<char, 256> host{};
  (void)::gethostname(host.data(), host.size() - 1);
  struct stat space {};
  (void)::stat("/proc/self/ns/pid", &space);
  text += host.data();
  text += std::to_string(space.st_dev) + ':' + std::to_string(space.st_ino);
  return std::to_string(hash64(text));
}

const std::string& own_host() {
  static const std::string* const host = new std::string(known_processes());
  return *host;
}

// "HOST.PROCESS.NUMBER"
std::string next_name() {
  static std::atomic<std::uint64_t> last{0};
  return own_host() + '.' + std::to_string(::getpid()) + '.' +
         std::to_string(last.fetch_add(1, std::memory_order_relaxed) + 1);
}

Result<Descriptor> create(const FileRoot& root, mode_t mode, std::string& path) {
  for (;;) {
    path = std::string(unfinished_folder) + '/' + next_name();
    Descriptor file = open_at(root.folder.number(), path, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (file.is_open()) {
      return file;
    }
    if (errno == EEXIST) {
      continue;  // of a process that died, and had the same number
    }
    if (errno != ENOENT ||
        (::mkdirat(root.folder.number(), unfinished_folder, 0777) != 0 && errno != EEXIST)) {
      return file_error("making", full_path(root, path), errno);
    }
  }
}

bool is_left_over(const FileRoot& root, const std::string& name, std::chrono::seconds unchanged) noexcept {
  const std::string& host = own_host();
  if (name.starts_with(host + '.')) {
    pid_t process = 0;
    const char* const first = name.data() + host.size() + 1;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(first, end, process);
    // It may be one of another user, of which nothing else is told.
    return read.ec == std::errc() && process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
  }
  // Its time of change is set by us; that of its record of files is the system's.
  struct stat facts {};
  const std::string path = std::string(unfinished_folder) + '/' + name;
  return ::fstatat(root.folder.number(), path.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(facts.st_mode) && ::time(nullptr) - facts.st_ctim.tv_sec > unchanged.count();
}

}  // namespace

Result<NewFile> NewFile::write(const FileRoot& root, std::span<const std::byte> bytes, mode_t mode,
                               std::uint64_t changed_ns, Deadline deadline) {
  if (const std::uint64_t most = largest_file(); bytes.size() > most) {
    return over_file_limit("the record", bytes.size());
  }
  auto file = begin(root, mode);
  if (!file) {
    return file;
  }
  auto written = write_all(file->file_, bytes, file->path(), deadline);
  written = written ? file->finish(changed_ns) : std::move(written);
  return written ? std::move(file) : written.error();
}

Result<NewFile> NewFile::begin(const FileRoot& root, mode_t mode) {
  std::string path;
  auto opened = create(root, mode, path);
  return opened ? Result<NewFile>(NewFile(root, std::move(path), std::move(*opened))) : opened.error();
}

Result<void> NewFile::finish(std::uint64_t changed_ns) {
  constexpr std::uint64_t second = 1'000'000'000;
  const timespec changed{.tv_sec = static_cast<time_t>(changed_ns / second),
                         .tv_nsec = static_cast<long>(changed_ns % second)};
  const timespec as_it_is{.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  const std::array<timespec, 2> times{as_it_is, changed};
  if (changed_ns != 0 && ::futimens(file_.number(), times.data()) != 0) {
    return file_error("setting the time of", path(), errno);
  }
  int error = root_->syncs ? sync_file(file_) : 0;
  if (const int closed = file_.close(); error == 0) {
    error = closed;
  }
  return error == 0 ? Result<void>() : file_error("writing", path(), error);
}

NewFile::~NewFile() {
  if (!path_.empty()) {
    ::unlinkat(root_->folder.number(), path_.c_str(), 0);
  }
}

int NewFile::take_free(const std::string& path) noexcept {
  const int root = root_->folder.number();
  if (::renameat2(root, path_.c_str(), root, path.c_str(), RENAME_NOREPLACE) == 0) {
    path_.clear();
    return 0;
  }
  return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ? link_free(path) : errno;
}

// The first name is removed with this object.
int NewFile::link_free(const std::string& path) noexcept {
  const int root = root_->folder.number();
  if (::linkat(root, path_.c_str(), root, path.c_str(), 0) == 0) {
    return 0;
  }
  const int error = errno;
  // A server may have made the link, and its answer was lost, and the question was sent once more.
  struct stat own {};
  struct stat found {};
  const bool is_made = error == EEXIST && ::fstatat(root, path_.c_str(), &own, AT_SYMLINK_NOFOLLOW) == 0 &&
                       ::fstatat(root, path.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
                       own.st_ino == found.st_ino && own.st_dev == found.st_dev;
  return is_made ? 0 : error;
}

int NewFile::take(const std::string& path) noexcept {
  const int root = root_->folder.number();
  if (::renameat(root, path_.c_str(), root, path.c_str()) != 0) {
    return errno;
  }
  path_.clear();
  return 0;
}

void remove_leftovers(const FileRoot& root, std::chrono::seconds unchanged) noexcept {
  // What cannot be looked at, or removed, stays until somebody can.
  const auto names = names_in_folder(root.folder.number(), unfinished_folder);
  if (!names) {
    return;
  }
  for (const std::string& name : *names) {
    if (is_left_over(root, name, unchanged)) {
      const std::string path = std::string(unfinished_folder) + '/' + name;
      ::unlinkat(root.folder.number(), path.c_str(), 0);
    }
  }
}

}  // namespace locum::storage
