#pragma once

#include <atomic>

namespace locum {

/// Makes an atomic number at least as large as `value`: for the most that something ever was. It orders no
/// other memory.
template <class Number>
void raise_to(std::atomic<Number>& highest, Number value) noexcept {
  Number known = highest.load(std::memory_order_relaxed);
  while (known < value && !highest.compare_exchange_weak(known, value, std::memory_order_relaxed)) {
  }
}

}  // namespace locum
