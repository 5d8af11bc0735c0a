#include "core/strided_array.hpp"

#include <algorithm>
#include <cstring>

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

void copy_from(std::size_t dimension, std::size_t depth, std::uint64_t run_bytes, const StridedBytes& from,
               const StridedBytes& to, const std::byte* source, std::byte* target) noexcept {
  if (depth == 0) {
    std::memcpy(target, source, run_bytes);
  } else if (dimension + 1 == depth) {
    copy_runs(target, to.strides[dimension], source, from.strides[dimension], run_bytes,
              from.extents[dimension]);
  } else {
    for (std::uint64_t at = 0; at < from.extents[dimension]; ++at) {
      copy_from(dimension + 1, depth, run_bytes, from, to, source, target);
      source += from.strides[dimension];
      target += to.strides[dimension];
    }
  }
}

}  // namespace

StridedBytes row_major(const std::byte* first, const Extents& extents, std::uint32_t element_bytes) noexcept {
  StridedBytes array{first, extents.size() <= max_rank ? extents : Extents(), {}, element_bytes};
  std::uint64_t stride = element_bytes;  // wraps where the extents are of more bytes than there can be
  for (std::size_t at = array.extents.size(); at-- > 0;) {
    array.strides[at] = static_cast<std::int64_t>(stride);
    stride *= array.extents[at];
  }
  return array;
}

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

void copy_strided(const StridedBytes& from, const StridedBytes& to) noexcept {
  if (std::ranges::count(from.extents.span(), std::uint64_t{0}) != 0) {
    return;
  }
  // Inner dimensions without gaps in both make a longer run.
  std::uint64_t run_bytes = from.element_bytes;
  std::size_t depth = from.extents.size();
  const auto is_run = [&](const StridedBytes& array) {
    return from.extents[depth - 1] == 1 || array.strides[depth - 1] == static_cast<std::int64_t>(run_bytes);
  };
  while (depth > 0 && is_run(from) && is_run(to)) {
    run_bytes *= from.extents[--depth];
  }
  copy_from(0, depth, run_bytes, from, to, from.first, const_cast<std::byte*>(to.first));
}

}  // namespace locum::detail
