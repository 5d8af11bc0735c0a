#pragma once

#include <cstdint>

#include "core/object/object_wire.hpp"
#include "core/ports/batches.hpp"

namespace locum {

/// A question after many objects names so many at most: who answers does that in one step, and others wait
/// meanwhile. While the answer lands the next question is answered.
inline constexpr std::uint32_t most_in_a_batch = 256;
/// The bytes of objects that come with one answer: with the default of `inline_bytes`, all that it can name.
inline constexpr std::uint64_t most_batch_bytes = std::uint64_t{1} << 20U;

/// Many objects by key; the bulk is as many keys.
struct BatchWords {
  std::uint32_t count = 0;  ///< 1 to most_in_a_batch
  std::uint32_t facts = 0;  ///< not 0: of each object no more than what stands behind its payload
};
static_assert(sizeof(BatchWords) == 8);

/// What the bulk of the answer begins with for each of them, in their order.
struct BatchRow {
  ObjectWire object;         ///< of no meaning where there is none
  std::uint32_t status = 0;  ///< its Errc; 0: it is there
  /// Where its block begins, or what of that was asked for, in batch_alignment from the beginning of the
  /// bulk. 0: that stays where it is, because it has more than `inline_bytes`, or because the answer is full.
  std::uint32_t at = 0;
};
static_assert(sizeof(BatchRow) == 80);

/// What answers it; the bulk is as many rows and what they say where it is.
struct BatchAnswerWords {
  std::uint32_t count = 0;
  std::uint32_t unused = 0;
};
static_assert(sizeof(BatchAnswerWords) == 8);

}  // namespace locum
