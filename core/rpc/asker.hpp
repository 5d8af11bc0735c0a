#pragma once

#include <cstdint>

#include "core/rpc/exchange.hpp"

namespace locum {

/// Destination of a later reply: a rank, or a request of a batch (see Bundles). Kept small, because
/// continuations store it.
struct Asker {
  int rank = 0;            ///< negative: of a batch; -1 - position in it
  std::uint32_t call = 0;  ///< the rank's number for the request; or that of the batch

  [[nodiscard]] bool is_bundled() const noexcept { return rank < 0; }
  [[nodiscard]] std::uint32_t place() const noexcept { return static_cast<std::uint32_t>(-1 - rank); }
};

[[nodiscard]] inline Asker asker_of(const Question& question) noexcept {
  return question.bundle == 0 ? Asker{question.from, question.call}
                              : Asker{-1 - static_cast<int>(question.place), question.bundle};
}

}  // namespace locum
