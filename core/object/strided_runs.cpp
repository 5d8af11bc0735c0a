#include "core/object/strided_runs.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/object/copy_runs.hpp"
#include "core/value/errors.hpp"
#include "core/value/extents_text.hpp"

namespace locum {

namespace {

/// Whether the array has these elements. REQUIRES: packed_bytes() has accepted the hyperslab.
Result<void> check_elements(const Hyperslab& slab, std::uint64_t element_bytes, const ObjectFacts& facts) {
  if (facts.layout != Layout::array) {
    return Error(Errc::invalid_argument,
                 "only arrays have hyperslabs; this object is of type " + std::string(facts.type_name));
  }
  if (facts.element_bytes != element_bytes) {
    return Error(Errc::type_mismatch, "the call asks for elements of " + std::to_string(element_bytes) +
                                          " bytes, those of this object, which is of type " +
                                          std::string(facts.type_name) + ", have " +
                                          std::to_string(facts.element_bytes));
  }
  if (slab.count.size() != facts.extents.size()) {
    return Error(Errc::invalid_argument,
                 "this object has " + std::to_string(facts.extents.size()) + " dimensions, the hyperslab " +
                     std::to_string(slab.count.size()) + "; give a start and a count for each");
  }
  for (std::size_t dimension = 0; dimension < slab.count.size(); ++dimension) {
    const std::uint64_t extent = facts.extents[dimension];
    const std::uint64_t start = slab.start[dimension];
    const std::uint64_t count = slab.count[dimension];
    const std::uint64_t stride = stride_of(slab, dimension);
    if (start > std::uint64_t{1} << 63U) {
      return Error(Errc::invalid_argument, "the hyperslab begins before dimension " +
                                               std::to_string(dimension) +
                                               " of this object; its start is negative");
    }
    if (!has_elements(start, count, stride, extent)) {
      return Error(Errc::invalid_argument, "this object has " + extents_text(facts.extents) +
                                               " elements; the call asks for " + box_text(slab) +
                                               "; give a start and a count within its extents");
    }
  }
  return {};
}

}  // namespace

// From the fastest dimension to the slowest. No overflow: all products are at most those of the extents,
// which match the object's size.
Result<StridedRuns> StridedRuns::of(const Hyperslab& slab, std::uint64_t element_bytes,
                                    const ObjectFacts& facts) {
  const auto bytes = packed_bytes(slab, element_bytes);
  if (!bytes) {
    return bytes.error();
  }
  if (auto right = check_elements(slab, element_bytes, facts); !right) {
    return right.error();
  }
  StridedRuns runs;
  runs.run_bytes_ = element_bytes;
  runs.bytes_ = *bytes;
  if (*bytes == 0) {
    return runs;
  }
  std::uint64_t pitch = element_bytes;
  for (std::size_t dimension = slab.count.size(); dimension-- > 0;) {
    const std::uint64_t extent = facts.extents[dimension];
    if (pitch > facts.size_bytes / extent) {
      return end_overwritten("the array of extents of this object");
    }
    runs.begin_ += slab.start[dimension] * pitch;
    if (slab.count[dimension] > 1) {
      runs.add_outer({slab.count[dimension], stride_of(slab, dimension) * pitch});
    }
    pitch *= extent;
  }
  if (!facts.whole || pitch != facts.size_bytes) {
    return end_overwritten("the array of extents of this object");
  }
  return runs;
}

void StridedRuns::add_outer(const Loop& loop) noexcept {
  if (depth_ == 0 && loop.step == run_bytes_) {
    run_bytes_ *= loop.count;
  } else if (depth_ > 0 && loop.step == loops_[depth_ - 1].count * loops_[depth_ - 1].step) {
    loops_[depth_ - 1].count *= loop.count;
  } else {
    loops_[depth_++] = loop;
  }
}

StridedRuns::Cursor StridedRuns::cursor_at(std::uint64_t run) const noexcept {
  Cursor cursor{.begin = begin_, .turns = {}};
  for (std::size_t depth = 0; depth < depth_; ++depth) {
    const Loop& loop = loops_[depth];
    cursor.turns[depth] = run % loop.count;
    cursor.begin += cursor.turns[depth] * loop.step;
    run /= loop.count;
  }
  return cursor;
}

// REQUIRES: the innermost loop has that many iterations left. A finished loop restarts in the next iteration
// of the one around it.
void StridedRuns::advance(Cursor& cursor, std::uint64_t runs) const noexcept {
  std::uint64_t turns = runs;
  for (std::size_t depth = 0; depth < depth_; ++depth) {
    const Loop& loop = loops_[depth];
    cursor.turns[depth] += turns;
    cursor.begin += turns * loop.step;
    if (cursor.turns[depth] < loop.count) {
      return;
    }
    cursor.turns[depth] = 0;
    cursor.begin -= loop.count * loop.step;
    turns = 1;
  }
}

ByteRange StridedRuns::run_at(std::uint64_t position) const noexcept {
  const std::uint64_t inside = position % run_bytes_;
  return {cursor_at(position / run_bytes_).begin + inside, run_bytes_ - inside};
}

// The rest of a run, whole runs, as many at a time as the innermost loop has, and the beginning of one.
void StridedRuns::gather(const std::byte* array, std::uint64_t position,
                         std::span<std::byte> into) const noexcept {
  Cursor cursor = cursor_at(position / run_bytes_);
  std::uint64_t inside = position % run_bytes_;
  const Loop innermost = depth_ == 0 ? Loop{} : loops_[0];
  while (!into.empty()) {
    std::uint64_t runs = 1;
    std::uint64_t copied = std::min<std::uint64_t>(run_bytes_ - inside, into.size());
    if (copied == run_bytes_) {
      runs = std::min(innermost.count - cursor.turns[0], into.size() / run_bytes_);
      copy_runs(into.data(), static_cast<std::int64_t>(run_bytes_), array + cursor.begin,
                static_cast<std::int64_t>(innermost.step), run_bytes_, runs);
      copied = runs * run_bytes_;
    } else {
      std::memcpy(into.data(), array + cursor.begin + inside, copied);
    }
    inside = 0;
    into = into.subspan(copied);
    advance(cursor, runs);
  }
}

}  // namespace locum
