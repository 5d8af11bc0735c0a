#pragma once

#include <cstdint>
#include <optional>

#include "tests/core/history.hpp"

namespace locum::tests {

/// The state of one name as far as replies have shown it: what a single, sequential store would contain.
struct NameRegister {
  bool bound = false;
  std::uint64_t value = 0;
  std::uint64_t generation = 0;  ///< 0: not known
  std::uint64_t last = 0;        ///< the highest earlier generation known; they only grow

  friend bool operator==(const NameRegister&, const NameRegister&) = default;

  /// The state after this operation, or nothing if the operation cannot have had this outcome here. An
  /// `unknown` one counts as done.
  [[nodiscard]] std::optional<NameRegister> after(const NameOperation& operation) const;
};

}  // namespace locum::tests
