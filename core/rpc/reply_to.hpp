#pragma once

#include <cstdint>

#include "core/rpc/rpc_channel.hpp"

namespace locum {

/// Destination of a later reply: a rank, or a request of a batch (see BatchDispatcher). Kept small, because
/// continuations store it.
struct ReplyTo {
  int rank = 0;            ///< negative: of a batch; -1 - position in it
  std::uint32_t call = 0;  ///< the rank's number for the request; or that of the batch

  [[nodiscard]] bool is_batched() const noexcept { return rank < 0; }
  [[nodiscard]] std::uint32_t place() const noexcept { return static_cast<std::uint32_t>(-1 - rank); }
};

[[nodiscard]] inline ReplyTo reply_to_of(const Request& request) noexcept {
  return request.batch == 0 ? ReplyTo{request.from, request.call}
                            : ReplyTo{-1 - static_cast<int>(request.place), request.batch};
}

}  // namespace locum
