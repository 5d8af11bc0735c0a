#include "transport/storage/lock_state.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "transport/storage/file_calls.hpp"

namespace locum::storage {

LockState lock_state(const std::string& path, bool asks_for_writers_only) {
  const Descriptor file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  if (!file.is_open()) {
    return LockState::free;  // opening it says why
  }
  if (::flock(file.number(), (asks_for_writers_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) {
    ::flock(file.number(), LOCK_UN);
    return LockState::free;
  }
  return errno == EWOULDBLOCK ? LockState::taken : LockState::unknown;
}

}  // namespace locum::storage
