#include "core/detail/strided_bytes.hpp"

#include <algorithm>

#include "core/object/copy_runs.hpp"

namespace locum::detail {

namespace {

/// Nested loops over runs of bytes that lie side by side in the array; in packed memory all do.
struct Loops {
  std::uint64_t run_bytes;
  std::size_t depth = 0;
  std::array<std::uint64_t, max_rank> counts;  // the outermost one first
  std::array<std::int64_t, max_rank> steps;
};

Loops loops_of(const StridedBytes& array) noexcept {
  Loops loops{.run_bytes = array.element_bytes, .counts = {}, .steps = {}};
  std::size_t left = array.extents.size();
  // Inner dimensions without gaps make a longer run.
  while (left > 0 && (array.extents[left - 1] == 1 ||
                      array.strides[left - 1] == static_cast<std::int64_t>(loops.run_bytes))) {
    loops.run_bytes *= array.extents[--left];
  }
  for (std::size_t dimension = 0; dimension < left; ++dimension) {
    if (array.extents[dimension] != 1) {
      loops.counts[loops.depth] = array.extents[dimension];
      loops.steps[loops.depth++] = array.strides[dimension];
    }
  }
  return loops;
}

/// Calls `copy(run in the array, its distance to the next, number of runs)` for each innermost loop.
template <class Copy>
void for_each_row(const StridedBytes& array, Copy copy) noexcept {
  if (std::ranges::count(array.extents.span(), std::uint64_t{0}) != 0) {
    return;
  }
  const Loops loops = loops_of(array);
  if (loops.depth == 0) {
    return copy(array.first, std::int64_t{0}, loops.run_bytes, std::uint64_t{1});
  }
  std::array<std::uint64_t, max_rank> turns{};
  const std::size_t inner = loops.depth - 1;
  const std::byte* row = array.first;
  for (;;) {
    copy(row, loops.steps[inner], loops.run_bytes, loops.counts[inner]);
    std::size_t at = inner;
    for (; at > 0; --at) {
      const std::size_t outer = at - 1;
      row += loops.steps[outer];
      if (++turns[outer] < loops.counts[outer]) {
        break;
      }
      row -= loops.steps[outer] * static_cast<std::int64_t>(loops.counts[outer]);
      turns[outer] = 0;
    }
    if (at == 0) {
      return;
    }
  }
}

}  // namespace

void pack(const StridedBytes& array, std::byte* into) noexcept {
  for_each_row(
      array, [&into](const std::byte* row, std::int64_t step, std::uint64_t run_bytes, std::uint64_t count) {
        copy_runs(into, static_cast<std::int64_t>(run_bytes), row, step, run_bytes, count);
        into += run_bytes * count;
      });
}

void unpack(const std::byte* from, const StridedBytes& array) noexcept {
  for_each_row(
      array, [&from](const std::byte* row, std::int64_t step, std::uint64_t run_bytes, std::uint64_t count) {
        copy_runs(const_cast<std::byte*>(row), step, from, static_cast<std::int64_t>(run_bytes), run_bytes,
                  count);
        from += run_bytes * count;
      });
}

}  // namespace locum::detail
