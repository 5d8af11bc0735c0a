#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/hyperslab.hpp"
#include "core/part.hpp"

namespace locum {

/// Where the bytes of a hyperslab lie in its array: runs of bytes side by side, reached by nested loops of
/// even steps. What can be merged is: dimensions that are covered wholly make a run longer, or a loop; those
/// of one element are no loop at all. A value; makes no reads but in gather().
class StridedRuns {
 public:
  /// Of an array that these facts describe. Errors as hyperslab_of(), and `corrupt` where the facts
  /// contradict each other: what it hands out lies within the object's bytes.
  [[nodiscard]] static Result<StridedRuns> of(const Hyperslab& slab, std::uint64_t element_bytes,
                                              const ObjectFacts& facts);

  /// Of the hyperslab, packed.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// Which bytes of the array stand from `position` of the packed hyperslab on, as far as they lie side by
  /// side. REQUIRES: position < bytes().
  [[nodiscard]] ByteRange run_at(std::uint64_t position) const noexcept;
  /// Packs what stands from `position` on. REQUIRES: position + into.size() <= bytes(); `array` has all bytes
  /// of the object.
  void gather(const std::byte* array, std::uint64_t position, std::span<std::byte> into) const noexcept;

 private:
  /// So many steps of so many bytes.
  struct Loop {
    std::uint64_t count = 1;
    std::uint64_t step = 0;
  };

  /// A run: where it begins in the array, and how many turns each loop has made before it.
  struct Cursor {
    std::uint64_t begin = 0;
    std::array<std::uint64_t, max_rank> turns;
  };

  StridedRuns() = default;
  void add_outer(const Loop& loop) noexcept;
  [[nodiscard]] Cursor cursor_at(std::uint64_t run) const noexcept;
  void advance(Cursor& cursor, std::uint64_t runs) const noexcept;

  std::uint64_t begin_ = 0;  ///< of the first run
  std::uint64_t run_bytes_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t depth_ = 0;
  std::array<Loop, max_rank> loops_;  ///< the first `depth_` of them, the innermost one first
};

}  // namespace locum
