#include "core/value/metrics.hpp"

namespace locum {

std::uint64_t TimeHistogram::count() const noexcept {
  std::uint64_t all = 0;
  for (const auto& one : times_) {
    all += one.load(std::memory_order_relaxed);
  }
  return all;
}

std::chrono::nanoseconds TimeHistogram::quantile(double share) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count()));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    seen += times_[bucket].load(std::memory_order_relaxed);
    if (seen > wanted) {
      return std::chrono::nanoseconds(static_cast<std::int64_t>(longest_in(bucket)));
    }
  }
  return {};
}

}  // namespace locum
