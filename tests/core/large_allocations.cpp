#include "tests/core/large_allocations.hpp"

#include <limits>

#include "tests/core/operator_new.hpp"

namespace {

constexpr auto none = std::numeric_limits<std::size_t>::max();
std::size_t refused_from = none;
std::size_t refusals = 0;

}  // namespace

// The linker redirects all calls of aligned_alloc() to this function (--wrap): those of operator new, and the
// library's direct ones.
extern "C" {
void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);   // NOLINT: the linker's names
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {  // NOLINT: the same
  if (bytes < refused_from) {
    return __real_aligned_alloc(alignment, bytes);
  }
  ++refusals;
  return nullptr;
}
}

bool locum::tests::fails_to_allocate() noexcept {
  return false;
}

namespace locum::tests {

NoLargeAllocations::NoLargeAllocations(std::size_t from_bytes) noexcept {
  refused_from = from_bytes;
  refusals = 0;
}

NoLargeAllocations::~NoLargeAllocations() {
  refused_from = none;
}

std::size_t NoLargeAllocations::refused() const noexcept {
  return refusals;
}

}  // namespace locum::tests
