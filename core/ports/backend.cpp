#include "core/ports/backend.hpp"

#include <memory>
#include <new>
#include <utility>

namespace locum {

namespace {

constexpr std::uint64_t line_bytes = 64;
constexpr std::uint64_t page_bytes = 4096;

}  // namespace

Result<std::vector<std::string>> Backend::list(std::string_view /*space*/, std::string_view /*prefix*/,
                                               Deadline /*deadline*/) {
  return Error(Errc::unsupported,
               std::string(traits().scheme) +
                   ": cannot list what it keeps; keep the names yourself, or choose a backend "
                   "that lists");
}

Result<std::uint64_t> Backend::drop(std::string_view space, Deadline deadline) {
  const auto names = list(space, {}, deadline);
  if (!names) {
    return names.error();
  }
  std::uint64_t dropped = 0;
  for (const std::string& name : *names) {
    const auto removed = remove({space, name}, 0, deadline);
    if (!removed) {
      return removed.error();
    }
    dropped += *removed ? 1 : 0;
  }
  return dropped;
}

// Not aligned by the allocator: glibc learns from memory that was given back to keep as much for
// the next, but asks more of the system for aligned memory than it has learned. So each record would come
// with new pages, which cost more than a copy of it.
std::shared_ptr<std::byte> record_memory(std::uint64_t size_bytes) {
  if (size_bytes > std::uint64_t{1} << 62U) {
    return nullptr;
  }
  const std::uint64_t alignment = size_bytes < page_bytes ? line_bytes : page_bytes;
  const std::uint64_t rounded = (size_bytes + alignment) / alignment * alignment;
  std::uint64_t room = rounded + alignment;
  std::shared_ptr<std::byte[]> memory;
  try {
    memory = std::make_shared_for_overwrite<std::byte[]>(room);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  void* aligned = memory.get();
  auto* const first = static_cast<std::byte*>(std::align(alignment, rounded, aligned, room));
  return {std::move(memory), first};
}

Result<void> still_time(Deadline deadline) {
  if (!deadline.is_default() && deadline.moment(std::chrono::seconds(0)) <= Deadline::Clock::now()) {
    return Error(Errc::timeout, "the deadline passed before the backend could be asked; give more time");
  }
  return {};
}

}  // namespace locum
