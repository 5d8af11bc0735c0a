#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace scaling {

/// Seconds of an operation: those of a repetition on its slowest rank, divided by the operations of a rank.
struct Times {
  double p50 = 0;
  double p99 = 0;
  double p99_9 = 0;
  std::vector<double> batches;  ///< the medians of batches of consecutive repetitions
};

/// What is known of one case, of one mode and size, after its repetitions.
struct Row {
  std::string name;
  std::string mode;  ///< weak, strong
  std::size_t bytes = 0;
  std::uint64_t repetitions = 0;
  std::size_t operations = 0;      ///< of a rank in a repetition
  std::size_t all_operations = 0;  ///< of all ranks in a repetition
  std::size_t all_bytes = 0;       ///< of all ranks in a repetition
  Times ours;
  bool has_twin = false;
  std::string no_twin;    ///< why
  std::string twin_note;  ///< what is unusual about it
  Times twin;
  double ratio = 0;                   ///< ours / twin: the median of the pairs
  std::vector<double> ratio_batches;  ///< as those of Times

  /// In a second, of all ranks.
  [[nodiscard]] double operations_rate() const { return static_cast<double>(all_operations) / seconds(); }
  [[nodiscard]] double bytes_rate() const { return static_cast<double>(all_bytes) / seconds(); }

 private:
  [[nodiscard]] double seconds() const { return ours.p50 * static_cast<double>(operations); }
};

/// A row that there is not, and why.
struct SkippedRow {
  std::string name;
  std::string mode;
  std::size_t bytes = 0;
  std::string why;
};

}  // namespace scaling
