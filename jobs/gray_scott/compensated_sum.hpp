#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace gray_scott {

/// A sum that keeps what rounding would lose, so that its error does not grow with the number of values.
///
/// Each lane carries the exact rounding error of its additions beside its sum (Knuth's TwoSum, The Art of
/// Computer Programming 2, 4.2.2); lanes let the compiler use vectors. A plain value; one thread at a time.
class CompensatedSum {
 public:
  void add(std::span<const double> values) {
    std::size_t i = 0;
    for (; i + lanes <= values.size(); i += lanes) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        add_to(lane, values[i + lane]);
      }
    }
    for (; i < values.size(); ++i) {
      add_to(0, values[i]);
    }
  }

  double value() const {
    CompensatedSum total;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      total.add_to(0, sums_[lane]);
      total.add_to(0, errors_[lane]);
    }
    return total.sums_[0] + total.errors_[0];
  }

 private:
  static constexpr std::size_t lanes = 8;

  void add_to(std::size_t lane, double value) {
    const double before = sums_[lane];
    const double after = before + value;
    const double added = after - before;
    errors_[lane] += (before - (after - added)) + (value - added);
    sums_[lane] = after;
  }

  std::array<double, lanes> sums_{};
  std::array<double, lanes> errors_{};
};

}  // namespace gray_scott
