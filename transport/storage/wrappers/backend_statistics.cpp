#include "transport/storage/wrappers/backend_statistics.hpp"

#include <functional>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/report.hpp"

namespace locum::storage {

namespace {

struct NamedStatistics {
  Mutex mutex;
  std::map<std::string, std::weak_ptr<BackendStatistics>, std::less<>> all LOCUM_GUARDED_BY(mutex);
};

// Never destroyed: backends may close after static objects.
NamedStatistics& named_statistics() {
  static auto* const made = new NamedStatistics;
  return *made;
}

}  // namespace

std::string_view to_string(BackendCall call) noexcept {
  switch (call) {
    case BackendCall::load:
      return "load";
    case BackendCall::store:
      return "store";
    case BackendCall::remove:
      return "remove";
    case BackendCall::list:
      return "list";
    case BackendCall::drop:
      return "drop";
  }
  return "unknown";
}

void BackendStatistics::add(BackendCall call, std::uint64_t bytes, std::chrono::nanoseconds time,
                            Errc outcome) noexcept {
  Counts& counts = counts_[static_cast<std::size_t>(call)];
  counts.calls.fetch_add(1, std::memory_order_relaxed);
  counts.bytes.fetch_add(bytes, std::memory_order_relaxed);
  const bool is_answer = outcome == Errc::not_found || outcome == Errc::key_exists || outcome == Errc::stale;
  if (outcome != Errc{}) {
    (is_answer ? counts.refused : counts.errors).fetch_add(1, std::memory_order_relaxed);
  }
  counts.times.add(time);
}

CallStatistics BackendStatistics::of(BackendCall call) const noexcept {
  const Counts& counts = counts_[static_cast<std::size_t>(call)];
  return {.calls = counts.calls.load(std::memory_order_relaxed),
          .refused = counts.refused.load(std::memory_order_relaxed),
          .errors = counts.errors.load(std::memory_order_relaxed),
          .bytes = counts.bytes.load(std::memory_order_relaxed),
          .median = counts.times.quantile(0.5),
          .p99 = counts.times.quantile(0.99)};
}

std::string to_text(const BackendStatistics& statistics) {
  std::string text;
  for (const BackendCall call : all_backend_calls) {
    const CallStatistics one = statistics.of(call);
    if (one.calls != 0) {
      text += std::string(to_string(call)) + ": " + std::to_string(one.calls) + " calls, " +
              std::to_string(one.refused) + " refused, " + std::to_string(one.errors) + " failed, " +
              std::to_string(one.bytes) + " bytes, median " + human_time(one.median) + ", p99 " +
              human_time(one.p99) + "\n";
    }
  }
  return text;
}

std::shared_ptr<const BackendStatistics> find_statistics(std::string_view name) {
  NamedStatistics& named = named_statistics();
  const MutexLock lock(named.mutex);
  const auto found = named.all.find(name);
  return found == named.all.end() ? nullptr : found->second.lock();
}

std::map<std::string, std::shared_ptr<const BackendStatistics>> all_statistics() {
  NamedStatistics& named = named_statistics();
  std::map<std::string, std::shared_ptr<const BackendStatistics>> all;
  const MutexLock lock(named.mutex);
  for (const auto& [name, known] : named.all) {
    if (auto statistics = known.lock()) {
      all.emplace(name, std::move(statistics));
    }
  }
  return all;
}

std::shared_ptr<BackendStatistics> statistics_of(std::string_view name) {
  NamedStatistics& named = named_statistics();
  const MutexLock lock(named.mutex);
  std::erase_if(named.all, [](const auto& one) { return one.second.expired(); });
  std::weak_ptr<BackendStatistics>& known = named.all[std::string(name)];
  auto statistics = known.lock();
  if (!statistics) {
    statistics = std::make_shared<BackendStatistics>();
    known = statistics;
  }
  return statistics;
}

}  // namespace locum::storage
