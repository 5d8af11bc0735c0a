#pragma once

#include <cstdint>

#include "core/rpc/exchange.hpp"

namespace locum {

/// Whom an answer that comes later goes to: a rank, or what answers a question of a bundle (see Bundles). As
/// short as can be: functions that go on later keep it.
struct Asker {
  int rank = 0;            ///< below 0: of a bundle, -1 less its place there
  std::uint32_t call = 0;  ///< the rank's number for the question; or that of the bundle

  [[nodiscard]] bool is_bundled() const noexcept { return rank < 0; }
  [[nodiscard]] std::uint32_t place() const noexcept { return static_cast<std::uint32_t>(-1 - rank); }
};

[[nodiscard]] inline Asker asker_of(const Question& question) noexcept {
  return question.bundle == 0 ? Asker{question.from, question.call}
                              : Asker{-1 - static_cast<int>(question.place), question.bundle};
}

}  // namespace locum
