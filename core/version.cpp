#include "core/version.hpp"

namespace locum {

std::string_view version() noexcept {
  return LOCUM_VERSION;
}

}  // namespace locum
