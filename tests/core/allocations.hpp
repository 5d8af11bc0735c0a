#pragma once

#include <cstdint>

namespace locum::tests {

/// How often this program has called operator new so far; a program that counts links allocations.cpp and
/// operator_new.cpp.
[[nodiscard]] std::uint64_t allocations_so_far() noexcept;

/// Allocations that `call` makes, those of other threads meanwhile included.
template <class Call>
[[nodiscard]] std::uint64_t allocations_of(Call&& call) {
  const std::uint64_t before = allocations_so_far();
  call();
  return allocations_so_far() - before;
}

}  // namespace locum::tests
