#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/object/object.hpp"
#include "core/value/hyperslab.hpp"

namespace locum {

/// The bytes of a hyperslab in its array: contiguous runs, iterated by nested loops of constant stride.
/// Merged as far as possible: fully covered dimensions extend a run, or a loop; dimensions of one element
/// need no loop. Reads no memory except in gather().
class StridedRuns {
 public:
  /// For an array with this metadata. Errors as of selected(), and `corrupt` if the metadata is
  /// inconsistent: returned ranges always lie within the object's bytes.
  [[nodiscard]] static Result<StridedRuns> of(const Hyperslab& slab, std::uint64_t element_bytes,
                                              const ObjectFacts& facts);

  /// Size of the packed hyperslab; may be 0.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// The bytes of the array at `position` of the packed hyperslab, as far as they are contiguous. REQUIRES:
  /// position < bytes().
  [[nodiscard]] ByteRange run_at(std::uint64_t position) const noexcept;
  /// Packs bytes from `position` on. REQUIRES: position + into.size() <= bytes(); `array` has all bytes of
  /// the object.
  void gather(const std::byte* array, std::uint64_t position, std::span<std::byte> into) const noexcept;

 private:
  /// That many steps of that many bytes.
  struct Loop {
    std::uint64_t count = 1;
    std::uint64_t step = 0;
  };

  /// A run: its offset in the array, and the iterations completed of each loop.
  struct Cursor {
    std::uint64_t begin = 0;
    std::array<std::uint64_t, max_rank> turns;
  };

  StridedRuns() = default;
  void add_outer(const Loop& loop) noexcept;
  [[nodiscard]] Cursor cursor_at(std::uint64_t run) const noexcept;
  void advance(Cursor& cursor, std::uint64_t runs) const noexcept;

  std::uint64_t begin_ = 0;  ///< offset of the first run
  std::uint64_t run_bytes_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t depth_ = 0;
  std::array<Loop, max_rank> loops_;  ///< the first `depth_` are used, the innermost first
};

}  // namespace locum
