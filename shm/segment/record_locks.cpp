#include "shm/segment/record_locks.hpp"

#include <fcntl.h>
#include <sys/types.h>

#include <optional>

namespace locum::shm {
namespace {

struct flock write_lock_on(std::uint64_t byte) noexcept {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  return lock;
}

// None if the kernel cannot say.
std::optional<bool> held_by_another_process(int descriptor, std::uint64_t byte) noexcept {
  struct flock lock = write_lock_on(byte);
  if (::fcntl(descriptor, F_GETLK, &lock) != 0) {
    return std::nullopt;
  }
  return lock.l_type != F_UNLCK;
}

}  // namespace

bool RecordLocks::hold(std::uint64_t byte) const noexcept {
  const struct flock lock = write_lock_on(byte);
  return ::fcntl(descriptor_, F_SETLK, &lock) == 0;
}

bool RecordLocks::held_by_another(std::uint64_t byte) const noexcept {
  return held_by_another_process(descriptor_, byte).value_or(false);
}

bool RecordLocks::free_of_others(std::uint64_t byte) const noexcept {
  return !held_by_another_process(descriptor_, byte).value_or(true);
}

}  // namespace locum::shm
