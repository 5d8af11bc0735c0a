#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>

namespace scaling {

/// Numbers 0 … count-1, of which 0 is the most frequent: number k has a probability that is proportional to
/// 1/(k+1)^skew. The generator of YCSB (Gray et al., Quickly Generating Billion-Record Synthetic Databases,
/// 1994). It is exact for 0 and 1, and approximates the others.
class Zipf {
 public:
  static constexpr double ycsb_skew = 0.99;

  explicit Zipf(std::uint64_t count, double skew = ycsb_skew) : count_(count), skew_(skew) {
    if (count == 0 || !(skew > 0 && skew < 1)) {
      throw std::invalid_argument("Zipf: a count above 0, and a skew between 0 and 1");
    }
    for (std::uint64_t k = 0; k < count; ++k) {
      sum_ += std::pow(static_cast<double>(k + 1), -skew);
    }
    const double of_two = 1 + std::pow(0.5, skew);
    eta_ = count < 3 ? 0 : (1 - std::pow(2.0 / static_cast<double>(count), 1 - skew)) / (1 - of_two / sum_);
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }

  template <class Generator>
  [[nodiscard]] std::uint64_t operator()(Generator& generator) const {
    const double u = std::uniform_real_distribution<double>(0, 1)(generator);
    const double scaled = u * sum_;
    if (scaled < 1 || count_ == 1) {
      return 0;
    }
    if (scaled < 1 + std::pow(0.5, skew_) || count_ == 2) {
      return 1;
    }
    const double place = static_cast<double>(count_) * std::pow(eta_ * u - eta_ + 1, 1 / (1 - skew_));
    const auto number = static_cast<std::uint64_t>(place);
    return number < count_ ? number : count_ - 1;
  }

 private:
  std::uint64_t count_;
  double skew_;
  double sum_ = 0;
  double eta_ = 0;
};

}  // namespace scaling
