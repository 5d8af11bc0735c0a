#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/value/error.hpp"
#include "core/value/result.hpp"
#include "core/view.hpp"

namespace locum {

/// How a checkpoint that is written in the background has ended, or one node's part of it, as ranks tell each
/// other.
struct CheckpointOutcome {
  using Words = std::uint8_t[];

  enum class End : std::uint8_t {
    complete,
    failed,   ///< the older checkpoint is there
    unknown,  ///< the older or the new one is there
  };

  End end = End::unknown;
  std::optional<Error> error;

  /// The end, the rank where the error arose, the error.
  [[nodiscard]] std::vector<std::uint8_t> packed() const;
  /// What another rank has told, or why it has not. Its bytes are not trusted.
  [[nodiscard]] static CheckpointOutcome heard(const Result<View<Words>>& told);
};

}  // namespace locum
