#include "core/handle.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <ostream>
#include <span>

namespace locum {

namespace {

using CheckedBytes = std::span<const std::byte, offsetof(Handle, checksum)>;

// The portable way looks up tables of 4 KiB, which a program that has just filled its memory no longer has
// in its caches. Where the processor computes CRC-32C itself, it is eight instructions.
#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(CheckedBytes bytes) noexcept {
  static_assert(CheckedBytes::extent % 8 == 4);
  std::uint64_t state = ~0U;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    state = __builtin_ia32_crc32di(state, word);
  }
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data() + at, 4);
  return ~__builtin_ia32_crc32si(static_cast<std::uint32_t>(state), word);
}
#endif

std::uint32_t checksum_of(const Handle& handle) noexcept {
  const auto all = std::bit_cast<std::array<std::byte, sizeof(Handle)>>(handle);
  const CheckedBytes bytes = std::span(all).first<CheckedBytes::extent>();
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    return crc32c_by_instruction(bytes);
  }
#endif
  return crc32c(bytes);
}

}  // namespace

void Handle::stamp() noexcept {
  checksum = checksum_of(*this);
}

Result<void> Handle::verify() const {
  if (checksum != checksum_of(*this)) {
    return Error(Errc::invalid_argument,
                 "these 64 bytes are not a handle, or were damaged on the way; send all of sizeof(Handle) as "
                 "MPI_BYTE");
  }
  if (version != current_version) {
    return Error(Errc::invalid_argument, "the handle is of version " + std::to_string(version) +
                                             ", this program reads version " +
                                             std::to_string(current_version) +
                                             "; link all programs of a job with one version of locum");
  }
  if (!key.valid()) {
    return Error(Errc::invalid_argument, "the handle identifies no object; take it from Proxy::handle()");
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
