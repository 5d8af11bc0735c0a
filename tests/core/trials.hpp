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

/// Selects the steps of an exhaustive search: all; with a sanitizer every thirtieth.
class StepsToPlay {
 public:
  [[nodiscard]] bool next() noexcept { return !sanitized || step_++ % 30 == 0; }

 private:
  std::uint64_t step_ = 0;
};

}  // namespace locum::tests
