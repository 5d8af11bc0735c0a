#pragma once

#include <cstdint>
#include <cstdlib>

#include "tests/core/sanitized.hpp"

namespace locum::tests {

/// What the environment says, `otherwise` where it says nothing.
[[nodiscard]] inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// How many trials of a search to make: a fifth where a sanitizer watches, which makes each of them take five
/// times as long.
[[nodiscard]] inline std::uint64_t trials_from(const char* variable, std::uint64_t usual) {
  return number_from(variable, sanitized ? usual / 5 : usual);
}

/// Which steps of a search that goes through all of them to play: each; each fifth where a sanitizer watches.
class StepsToPlay {
 public:
  [[nodiscard]] bool next() noexcept { return !sanitized || step_++ % 5 == 0; }

 private:
  std::uint64_t step_ = 0;
};

}  // namespace locum::tests
