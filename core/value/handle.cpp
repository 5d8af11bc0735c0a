#include "core/value/handle.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <ostream>
#include <span>

#include "core/base/checksum.hpp"
#include "core/value/promised_key.hpp"

namespace locum {

namespace {

std::uint32_t checksum_of(const Handle& handle) noexcept {
  const auto all = std::bit_cast<std::array<std::byte, sizeof(Handle)>>(handle);
  return checksum(std::span(all).first(offsetof(Handle, checksum)));
}

}  // namespace

void Handle::stamp() noexcept {
  checksum = checksum_of(*this);
}

Result<void> Handle::verify() const {
  if (checksum != checksum_of(*this)) {
    return Error(Errc::invalid_argument,
                 "these 64 bytes are not a handle, or were damaged in transfer; send all of sizeof(Handle) "
                 "as MPI_BYTE");
  }
  if (version != current_version) {
    return Error(Errc::invalid_argument, "the handle is of version " + std::to_string(version) +
                                             ", this program reads version " +
                                             std::to_string(current_version) +
                                             "; link all programs of a job with one version of locum");
  }
  if (!key.valid()) {
    return Error(Errc::invalid_argument, "the handle identifies no object; take it from a proxy");
  }
  const bool of_promise = (flags & promised) != 0;
  if ((flags & ~(named | promised | decoded_anew | from_file)) != 0 || (of_promise && !is_promised(key)) ||
      (is_from_file() && !of_promise)) {
    return Error(Errc::invalid_argument, "the handle has invalid flags; take it from a proxy");
  }
  return {};
}

std::ostream& operator<<(std::ostream& out, const Handle& handle) {
  out << "handle{" << handle.key << ", " << handle.size_bytes << " bytes";
  if ((handle.flags & Handle::named) != 0) {
    out << ", generation " << handle.generation;
  }
  return out << "}";
}

}  // namespace locum
