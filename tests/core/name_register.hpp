#pragma once

#include <cstdint>
#include <optional>

#include "tests/core/history.hpp"

namespace locum::tests {

/// What stands under one name, as far as replies have told: what a single, sequential store would know.
struct NameRegister {
  bool bound = false;
  std::uint64_t value = 0;
  std::uint64_t generation = 0;  ///< 0: nobody has been told
  std::uint64_t last = 0;        ///< the highest generation known to have been before; they only grow

  friend bool operator==(const NameRegister&, const NameRegister&) = default;

  /// The register after this operation, or nothing if that could not have had this reply here. What is
  /// `unknown` stands for the operation having been done.
  [[nodiscard]] std::optional<NameRegister> after(const NameOperation& operation) const;
};

}  // namespace locum::tests
