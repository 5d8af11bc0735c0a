#pragma once

#include <cstdint>
#include <cstdlib>

#include "tests/core/sanitized.hpp"

namespace locum::tests {

/// The value of an environment variable, `otherwise` if it is not set.
[[nodiscard]] inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Number of trials of a search: a tenth with a sanitizer, which makes each of them five times slower.
[[nodiscard]] inline std::uint64_t trials_from(const char* variable, std::uint64_t usual) {
  return number_from(variable, sanitized ? usual / 10 : usual);
}

/// Selects the steps of an exhaustive search: all where the variable is set, else every fifth one, with a
/// sanitizer every hundred and first. Primes: what is varied at one step changes in other periods, so that
/// all of it has its turn.
class StepsToPlay {
 public:
  explicit StepsToPlay(const char* variable)
      : interval_(number_from(variable, 0) != 0 ? 1
                  : sanitized                   ? 101
                                                : 5) {}
  [[nodiscard]] bool next() noexcept { return step_++ % interval_ == 0; }
  [[nodiscard]] std::uint64_t interval() const noexcept { return interval_; }

 private:
  std::uint64_t interval_;
  std::uint64_t step_ = 0;
};

}  // namespace locum::tests
