#include "core/rpc/creditors.hpp"

namespace locum {

void Creditors::lands(int rank, std::uint64_t bytes) noexcept {
  ++of(rank).landing;
  of(rank).landing_bytes += bytes;
}

void Creditors::landed(int rank, std::uint64_t bytes) noexcept {
  --of(rank).landing;
  of(rank).landing_bytes -= bytes;
}

void Creditors::defer(const Asking& asking, bool counted) noexcept {
  open_.try_emplace(asking, counted);
  of(asking.first).deferred += counted ? 1U : 0U;
}

void Creditors::undefer(const Asking& asking) noexcept {
  if (const auto at = open_.find(asking); at != open_.end()) {
    of(asking.first).deferred -= at->second ? 1U : 0U;
    open_.erase(at);
  }
}

void Creditors::forget(int rank) noexcept {
  open_.erase(open_.lower_bound({rank, 0}), open_.lower_bound({rank + 1, 0}));
  of(rank).deferred = 0;
}

}  // namespace locum
