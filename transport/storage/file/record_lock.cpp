#include "transport/storage/file/record_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "core/base/back_off.hpp"
#include "core/base/hash.hpp"
#include "core/value/errors.hpp"

namespace locum::storage {

namespace {

constexpr std::chrono::microseconds shortest_pause{20};
constexpr std::chrono::milliseconds longest_pause{1};
/// What every protocol for locks can say are 31 bits: the highest one is that of outer locks.
constexpr std::uint64_t offset_bits = 0x3FFFFFFF;
constexpr std::uint64_t outer_bit = offset_bits + 1;

// Whether the path still leads to this file.
bool is_at(const FileRoot& root, const std::string& path, const Descriptor& file) noexcept {
  struct stat opened {};
  struct stat found {};
  return ::fstat(file.number(), &opened) == 0 &&
         ::fstatat(root.folder.number(), path.c_str(), &found, 0) == 0 && opened.st_ino == found.st_ino &&
         opened.st_dev == found.st_dev;
}

}  // namespace

Result<RecordLock> RecordLock::take(const FileRoot& root, const RecordKey& key, Deadline deadline) {
  return take_byte(root, root.lock, hash64(key.name, hash64(key.space)) & offset_bits, path_of(key),
                   deadline);
}

// Who has removed the lock file has taken it from those who hold a lock of it: one more look excludes only
// that a lock is taken of a file that nobody else opens any more.
Result<RecordLock> RecordLock::take_of_file(const FileRoot& root, const Place& place, Deadline deadline) {
  const std::uint64_t byte = (hash64(place.name) & offset_bits) + (place.is_outer ? outer_bit : 0);
  const std::size_t folder_bytes = place.lock_file.rfind('/') + 1;  // 0: there is no folder
  const std::string locked = place.lock_file.substr(0, folder_bytes) + place.name;
  const auto end = deadline.moment(std::chrono::hours(1));
  for (;;) {
    auto lock = take_byte(root, place.lock_file, byte, locked, end);
    if (!lock || !lock->holds() || is_at(root, place.lock_file, lock->file_)) {
      return lock;
    }
    if (Deadline::Clock::now() >= end) {
      return deadline_passed("'" + full_path(root, place.lock_file) + "' was replaced again and again",
                             "leave the file to those who take its locks");
    }
  }
}

Result<RecordLock> RecordLock::take_byte(const FileRoot& root, const std::string& lock_file,
                                         std::uint64_t byte, const std::string& locked, Deadline deadline) {
  // A file of its own for each taker: what one thread has, another of this process has not.
  Descriptor file = open_at(root.folder.number(), lock_file, O_RDWR | O_CREAT, 0666);
  if (!file.is_open() && errno == ENOENT) {
    return Error(Errc::not_found, "the folder of '" + full_path(root, lock_file) + "' is not there");
  }
  if (!file.is_open()) {
    return file_error("opening", full_path(root, lock_file), errno);
  }
  struct flock place {};
  place.l_type = F_WRLCK;
  place.l_whence = SEEK_SET;
  place.l_start = static_cast<off_t>(byte);
  place.l_len = 1;
  const auto end = deadline.moment(std::chrono::hours(1));
  for (BackOff pauses(shortest_pause, longest_pause); ::fcntl(file.number(), F_OFD_SETLK, &place) != 0;) {
    if (errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN && errno != EACCES) {
      return RecordLock(std::move(file), false);
    }
    if (Deadline::Clock::now() >= end) {
      return deadline_passed("another process did not release the lock of '" + full_path(root, locked) + "'",
                             "look for one that is stopped");
    }
    std::this_thread::sleep_for(pauses.next());
  }
  return RecordLock(std::move(file), true);
}

// Said, and not left to closing: a process that was forked meanwhile has the file open, too.
RecordLock::~RecordLock() {
  if (file_.is_open() && holds_) {
    struct flock all {};
    all.l_type = F_UNLCK;
    all.l_whence = SEEK_SET;
    (void)::fcntl(file_.number(), F_OFD_SETLK, &all);
  }
}

}  // namespace locum::storage
