#include "core/rpc/inbound_quota.hpp"

namespace locum {

void InboundQuota::lands(int rank, std::uint64_t bytes) noexcept {
  ++of(rank).landing;
  of(rank).landing_bytes += bytes;
}

void InboundQuota::landed(int rank, std::uint64_t bytes) noexcept {
  --of(rank).landing;
  of(rank).landing_bytes -= bytes;
}

void InboundQuota::defer(const Asking& asking, bool counted) noexcept {
  open_.try_emplace(asking, counted);
  of(asking.first).deferred += counted ? 1U : 0U;
}

void InboundQuota::undefer(const Asking& asking) noexcept {
  if (const auto at = open_.find(asking); at != open_.end()) {
    of(asking.first).deferred -= at->second ? 1U : 0U;
    open_.erase(at);
  }
}

void InboundQuota::forget(int rank) noexcept {
  open_.erase(open_.lower_bound({rank, 0}), open_.lower_bound({rank + 1, 0}));
  of(rank).deferred = 0;
}

}  // namespace locum
