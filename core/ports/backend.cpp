#include "core/ports/backend.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "core/base/warm_memory.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

constexpr std::uint64_t page_bytes = 4096;
/// Of larger blocks the C library may return the pages to the system.
constexpr std::uint64_t least_warm_bytes = std::uint64_t{64} << 10U;

// One allocation, which is aligned here and not by the C library: that takes aligned memory anew each time,
// and keeps other blocks of up to 32 MiB.
std::shared_ptr<std::byte> allocated_memory(std::uint64_t size_bytes, std::uint64_t alignment) {
  std::uint64_t room = size_bytes + alignment;
  auto memory = std::make_shared_for_overwrite<std::byte[]>(room);
  void* aligned = memory.get();
  auto* const first = static_cast<std::byte*>(std::align(alignment, size_bytes, aligned, room));
  return {std::move(memory), first};
}

std::shared_ptr<std::byte> warm_memory(std::uint64_t size_bytes) {
  std::byte* const memory = WarmMemory::of_process().take(size_bytes, page_bytes);
  if (memory == nullptr) {
    return nullptr;
  }
  return {memory, [size_bytes](std::byte* used) {
            WarmMemory::of_process().give_back(used, size_bytes, page_bytes);
          }};
}

}  // namespace

Result<std::vector<std::string>> Backend::list(std::string_view /*space*/, std::string_view /*prefix*/,
                                               Deadline /*deadline*/) {
  return Error(Errc::unsupported,
               std::string(traits().scheme) +
                   ": cannot list its records; keep their names in the program, or choose a backend "
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

std::shared_ptr<std::byte> record_memory(std::uint64_t size_bytes) {
  if (size_bytes > std::uint64_t{1} << 62U) {
    return nullptr;
  }
  const std::uint64_t alignment = size_bytes < page_bytes ? record_alignment : page_bytes;
  const std::uint64_t rounded = (size_bytes + alignment) / alignment * alignment;
  try {
    const bool is_kept_warm = rounded >= least_warm_bytes && rounded <= WarmMemory::most_kept_bytes;
    return is_kept_warm ? warm_memory(rounded) : allocated_memory(rounded, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

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
    return Error(Errc::unsupported, std::string(traits.scheme) +
                                        ": shows a default in place of a record that does not exist, which "
                                        "this program excludes; open it without the wrapper default");
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

Result<void> still_time(Deadline deadline) {
  if (!deadline.is_default() && deadline.moment(std::chrono::seconds(0)) <= Deadline::Clock::now()) {
    return deadline_passed("the backend did not finish the call");
  }
  return {};
}

}  // namespace locum
