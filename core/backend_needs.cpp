#include "core/backend_needs.hpp"

#include <algorithm>
#include <string>

#include "core/backend/record_format.hpp"
#include "core/ports/backend.hpp"

namespace locum {

Result<void> meets(const BackendTraits& traits, const BackendNeeds& needs) {
  const auto refused = [&](const char* what) {
    return Error(Errc::unsupported,
                 std::string(traits.scheme) + ": " + what +
                     ", which this program needs; docs/backends.md has a table of those that do");
  };
  if (needs.lists && !traits.lists) {
    return refused("cannot list the names that it keeps");
  }
  if (needs.is_atomic && !traits.is_atomic) {
    return refused("does not decide between two puts of one name");
  }
  if (needs.expires && !traits.expires) {
    return refused("does not remove what has expired");
  }
  if (needs.pushes && !traits.pushes) {
    return refused("does not wake who waits");
  }
  if (needs.in_place && !traits.in_place) {
    return refused("does not show the stored bytes themselves");
  }
  if (needs.is_durable && !traits.is_durable) {
    return refused("forgets everything when the process ends");
  }
  if (needs.no_default && !traits.default_name.empty()) {
    return Error(Errc::unsupported,
                 std::string(traits.scheme) +
                     ": shows a default in place of what is not there, which this program cannot do with; "
                     "open it without the wrapper default");
  }
  if (needs.shared_by > traits.shared_by) {
    return refused(needs.shared_by == SharedBy::hosts ? "is not shared between hosts"
                                                      : "is not shared between processes");
  }
  const std::uint64_t largest = traits.largest_record - std::min(traits.largest_record, usual_end_bytes);
  if (needs.largest_value > largest) {
    return refused("does not hold values of that size");
  }
  return {};
}

}  // namespace locum
