#include "transport/ucx/limits.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include "core/base/background_thread.hpp"
#include "core/value/error.hpp"

namespace locum::ucx {
namespace {

// A worker takes 15 with all devices of a machine without a network (UCX 1.13.1).
constexpr std::size_t needed_descriptors = 32;
// Address space: for the worker itself, and for each rank that it reaches over shared memory, up to this
// number on one machine. The chunks that UCX maps are 4.3 MB each.
constexpr std::uint64_t worker_bytes = std::uint64_t{32} << 20U;
constexpr std::uint64_t rank_bytes = std::uint64_t{8} << 20U;
constexpr int most_ranks_here = 64;

void require_thread() {
  BackgroundThread().start("locum limits", [] {}).value();
}

void require_descriptors() {
  std::array<int, needed_descriptors> descriptors{};
  descriptors.fill(-1);
  int failure = 0;
  for (int& descriptor : descriptors) {
    descriptor = ::eventfd(0, EFD_CLOEXEC);
    if (descriptor < 0) {
      failure = errno;
      break;
    }
  }
  for (const int descriptor : descriptors) {
    if (descriptor >= 0) {
      ::close(descriptor);
    }
  }
  if (failure != 0) {
    throw system_error("links to other nodes take " + std::to_string(needed_descriptors) +
                           " descriptors and two for each connection over TCP; raise the hard limit on open "
                           "files (ulimit -Hn)",
                       failure);
  }
}

void require_address_space(int ranks) {
  const std::uint64_t bytes =
      worker_bytes + rank_bytes * static_cast<std::uint64_t>(std::clamp(ranks - 1, 0, most_ranks_here));
  void* const range = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) {
    throw Error(Errc::out_of_memory,
                "links to other nodes take " + std::to_string(bytes) +
                    " bytes of address space; raise the limit (ulimit -v, RLIMIT_AS), or lower reserve_bytes "
                    "(LOCUM_RESERVE_BYTES) or memory_bytes",
                std::generic_category().message(errno));
  }
  ::munmap(range, bytes);
}

}  // namespace

void require_limits(int ranks) {
  require_thread();
  require_descriptors();
  require_address_space(ranks);
}

}  // namespace locum::ucx
