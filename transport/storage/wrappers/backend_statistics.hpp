#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <locum/error.hpp>
#include <locum/time_histogram.hpp>

namespace locum::storage {

/// The calls of a backend that are counted.
enum class BackendCall : std::uint8_t { load, store, remove, list, drop };
inline constexpr std::array all_backend_calls{BackendCall::load, BackendCall::store, BackendCall::remove,
                                              BackendCall::list, BackendCall::drop};
[[nodiscard]] std::string_view to_string(BackendCall call) noexcept;

/// Counts of the calls of one kind. Times are at most a quarter too long.
struct CallStatistics {
  std::uint64_t calls = 0;
  std::uint64_t refused = 0;  ///< `not_found`, `key_exists` or `stale`: answers, no failures
  std::uint64_t errors = 0;   ///< all other errors
  std::uint64_t bytes = 0;    ///< loaded or stored
  std::chrono::nanoseconds median{0};
  std::chrono::nanoseconds p99{0};  ///< of a hundred calls, one takes longer
};

/// Counts the calls of a backend. Any thread may add and read, without a lock; a concurrent read may see a
/// part of a call.
class BackendStatistics {
 public:
  void add(BackendCall call, std::uint64_t bytes, std::chrono::nanoseconds time, Errc outcome) noexcept;
  [[nodiscard]] CallStatistics of(BackendCall call) const noexcept;

 private:
  struct Counts {
    std::atomic<std::uint64_t> calls{0};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> errors{0};
    std::atomic<std::uint64_t> bytes{0};
    TimeHistogram times;
  };

  std::array<Counts, all_backend_calls.size()> counts_;
};

/// Returns a line for each kind of call that was made, to be printed.
[[nodiscard]] std::string to_text(const BackendStatistics& statistics);
/// Returns the statistics of a URL's `stats.name`, while a backend that counts them is open; null otherwise.
[[nodiscard]] std::shared_ptr<const BackendStatistics> find_statistics(std::string_view name);
/// Returns the statistics of all open backends of this process that count, by their names.
[[nodiscard]] std::map<std::string, std::shared_ptr<const BackendStatistics>> all_statistics();
/// Returns the statistics of that name, made if needed: all backends that count by one name count together.
[[nodiscard]] std::shared_ptr<BackendStatistics> statistics_of(std::string_view name);

}  // namespace locum::storage
