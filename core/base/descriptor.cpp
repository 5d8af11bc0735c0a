#include "core/base/descriptor.hpp"

#include <unistd.h>

#include <cerrno>

namespace locum {

int Descriptor::close() noexcept {
  if (!is_open()) {
    return 0;
  }
  // Whatever it says, the descriptor is closed; after a signal as well.
  return ::close(release()) == 0 || errno == EINTR ? 0 : errno;
}

}  // namespace locum
