#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/shm/kill_board.hpp"
#include "tests/shm/kill_run.hpp"

namespace locum::tests {

/// The points that all runs so far have reached, and where ranks died; draws the next run so that the points
/// with the fewest deaths come first.
class KillCoverage {
 public:
  explicit KillCoverage(std::uint64_t seed);

  [[nodiscard]] Plan next(std::uint32_t steps);
  void count(const Plan& plan, const Board& board);

  /// The names of points without a death, and of operations without a death.
  [[nodiscard]] std::vector<std::string> missing() const;
  /// All points with their places, how often they were reached, the number of deaths there, and in which
  /// acts.
  [[nodiscard]] std::string table() const;

 private:
  struct Wanted;
  struct Target {
    std::uint32_t point = 0;
    std::optional<Act> act;
  };
  struct Point {
    std::uint64_t reached = 0;
    std::uint64_t runs = 0;           ///< that reached it
    std::uint64_t peaceful_runs = 0;  ///< of these, those without a death, or without one elsewhere
    std::uint64_t aimed = 0;
    std::uint64_t deaths = 0;
    std::array<std::uint64_t, act_count> reached_in{};
    std::array<std::uint64_t, act_count> aimed_in{};
    std::array<std::uint64_t, act_count> deaths_in{};
    std::vector<Plan> met_in;  ///< a few of the runs that reached it, with their deaths
  };

  [[nodiscard]] static const std::vector<Wanted>& all_wanted();
  [[nodiscard]] std::uint64_t deaths_in(const Wanted& wanted) const;
  [[nodiscard]] Plan::Aim aim_at(const Target& target);
  [[nodiscard]] Target rarest();
  [[nodiscard]] std::vector<std::size_t> shuffled(std::size_t count);
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  std::mt19937_64 random_;
  std::vector<Point> points_;
  std::array<std::uint64_t, act_count> deaths_in_{};
  std::uint64_t runs_ = 0;
  std::array<std::uint64_t, 3> runs_with_{};  ///< by number of deaths
};

}  // namespace locum::tests
