#include "core/creditors.hpp"

#include "core/unless_out_of_memory.hpp"

namespace locum {

void Creditors::lands(int rank, std::uint64_t bytes) noexcept {
  ++of(rank).landing;
  of(rank).landing_bytes += bytes;
}

void Creditors::landed(int rank, std::uint64_t bytes) noexcept {
  --of(rank).landing;
  of(rank).landing_bytes -= bytes;
}

void Creditors::defer(const Asking& asking) noexcept {
  unless_out_of_memory([&] { of(asking.first).deferred += deferred_.insert(asking).second ? 1U : 0U; });
}

void Creditors::undefer(const Asking& asking) noexcept {
  if (deferred_.erase(asking) != 0) {
    --of(asking.first).deferred;
  }
}

void Creditors::forget(int rank) noexcept {
  for (auto at = deferred_.lower_bound({rank, 0}); at != deferred_.end() && at->first == rank;) {
    at = deferred_.erase(at);
    --of(rank).deferred;
  }
}

}  // namespace locum
