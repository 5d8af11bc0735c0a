#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <locum/deadline.hpp>
#include <locum/metrics.hpp>

namespace locum {

/// Counters and memory of one rank: plain numbers, so that ranks can gather them.
struct RankReport {
  /// Operations, bytes and times by one path.
  struct Traffic {
    std::uint64_t operations = 0;
    std::uint64_t bytes = 0;
    std::uint64_t timed = 0;  ///< times that were taken: see Metrics::read_times
    std::uint64_t median_ns = 0;
    std::uint64_t p99_ns = 0;  ///< of a hundred, one took longer
  };

  std::int32_t rank = 0;
  std::int32_t node = 0;
  MemoryUsage memory;
  std::array<Traffic, path_count> reads;
  std::array<Traffic, path_count> writes;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
  std::uint64_t decodes = 0;
  std::uint64_t decoded_hits = 0;
  std::uint64_t decoded_bytes = 0;  ///< stored bytes of the kept decoded values
  std::uint64_t messages = 0;
  std::uint64_t turned_away = 0;       ///< requests of other ranks: see Metrics
  std::uint64_t transfer_ns = 0;       ///< objects were on their way from other nodes: see Metrics
  std::uint64_t waited_ns = 0;         ///< threads waited for them
  std::uint64_t foreign_messages = 0;  ///< dropped: see Metrics
};
static_assert(std::is_trivially_copyable_v<RankReport>);

/// \cond library
/// Returns the current values of a rank's counters.
[[nodiscard]] RankReport snapshot(const Metrics& metrics);
/// \endcond

/// Returns a table for the terminal: memory per node, objects and traffic per rank and in total, and how long
/// objects of other nodes and of storage took, by path. Unused paths are left out.
[[nodiscard]] std::string to_text(std::span<const RankReport> ranks);

/// \cond library
/// Returns the part of the time of transfers during which no thread waited: 0 to 1; 0 if there were none.
[[nodiscard]] double hidden_share(std::uint64_t transfer_ns, std::uint64_t waited_ns) noexcept;
/// \endcond

/// Formats a time for people: "12.5 us".
[[nodiscard]] std::string human_time(std::chrono::nanoseconds time);
/// Formats a size for people: "1.50 GiB", "17 B".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

}  // namespace locum
