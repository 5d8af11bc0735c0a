#include "core/value/path.hpp"

namespace locum {

std::string_view to_string(Path path) noexcept {
  switch (path) {
    case Path::shm_view:
      return "shm_view";
    case Path::shm_copy:
      return "shm_copy";
    case Path::inline_value:
      return "inline";
    case Path::rma:
      return "rma";
    case Path::rendezvous:
      return "rendezvous";
    case Path::emulated:
      return "emulated";
    case Path::storage:
      return "storage";
  }
  return "unknown";
}

}  // namespace locum
