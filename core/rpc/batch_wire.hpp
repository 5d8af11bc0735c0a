#pragma once

#include <cstdint>

#include "core/object/object_wire.hpp"
#include "core/ports/batches.hpp"

namespace locum {

/// Most objects in one batched request: the server handles it in one progress step, and others wait
/// meanwhile. The next request is served while the reply is received.
inline constexpr std::uint32_t most_in_a_batch = 256;
/// Most object bytes in one reply: with the default of `inline_bytes`, enough for every object it can name.
inline constexpr std::uint64_t most_batch_bytes = std::uint64_t{1} << 20U;

/// Many objects by key; the bulk is that many keys.
struct BatchWords {
  std::uint32_t count = 0;  ///< 1 to most_in_a_batch
  std::uint32_t facts = 0;  ///< not 0: only the tail of each object
};
static_assert(sizeof(BatchWords) == 8);

/// The bulk of the reply starts with one of these per object, in their order.
struct BatchRow {
  ObjectWire object;         ///< undefined if there is none
  std::uint32_t status = 0;  ///< its Errc; 0: found
  /// Where its block, or the requested part of it, begins: in units of batch_alignment from the start of the
  /// bulk. 0: not included, because it has more than `inline_bytes`, or because the reply is full.
  std::uint32_t at = 0;
};
static_assert(sizeof(BatchRow) == 80);

/// The reply; the bulk is that many rows and the blocks that they point to.
struct BatchReplyWords {
  std::uint32_t count = 0;
  std::uint32_t unused = 0;
};
static_assert(sizeof(BatchReplyWords) == 8);

}  // namespace locum
