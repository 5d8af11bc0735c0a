#include "tests/core/allocations.hpp"

#include <atomic>

#include "tests/core/operator_new.hpp"

namespace locum::tests {

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

bool fails_to_allocate() noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return false;
}

std::uint64_t allocations_so_far() noexcept {
  return allocations.load(std::memory_order_relaxed);
}

}  // namespace locum::tests
