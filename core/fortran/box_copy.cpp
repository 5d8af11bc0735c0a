#include "core/fortran/box_copy.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "core/fortran/outcome.hpp"

namespace locum::fortran {

namespace {

// Numbers of the C interface as a list in the order of Fortran, "3 x 2".
class List {
 public:
  List(const std::int64_t* numbers, int rank, const char* between, int more = 0) noexcept {
    std::size_t length = 0;
    text_[0] = '\0';
    for (int at = rank; at-- > 0;) {
      const int added = std::snprintf(text_.data() + length, text_.size() - length, "%lld%s",
                                      static_cast<long long>(numbers[at]) + more, at == 0 ? "" : between);
      length += added > 0 ? static_cast<std::size_t>(added) : 0;
    }
  }
  [[nodiscard]] const char* text() const noexcept { return text_.data(); }

 private:
  std::array<char, 24 * LOCUM_MAX_RANK> text_;
};

// What is copied, in each dimension of C: `count` elements, which are so many bytes apart.
struct Dimension {
  std::int64_t count;
  std::int64_t from_step;
  std::int64_t into_step;
};

bool has_elements(std::int64_t extent, std::int64_t start, std::int64_t count, std::int64_t stride) noexcept {
  return start <= extent && (count == 0 || (start < extent && (count - 1) <= (extent - 1 - start) / stride));
}

locum_status check_shape(const locum_array& from, const std::int64_t* count,
                         const locum_array& into) noexcept {
  return std::equal(count, count + into.rank, into.extents)
             ? LOCUM_OK
             : refuse(LOCUM_INVALID_ARGUMENT,
                      "there are %s elements to read, of %s, and the array is of %s; give one of that shape",
                      List(count, into.rank, " x ").text(), List(from.extents, from.rank, " x ").text(),
                      List(into.extents, into.rank, " x ").text());
}

locum_status check_box(const locum_array& from, const locum_box& box) noexcept {
  bool is_within = true;
  for (int at = 0; at < from.rank; ++at) {
    is_within = is_within && has_elements(from.extents[at], box.start[at], box.count[at], box.stride[at]);
  }
  return is_within
             ? LOCUM_OK
             : refuse(LOCUM_INVALID_ARGUMENT,
                      "there are %s elements; the call asks for %s elements from (%s) on, %s apart; give a "
                      "start and a count within the extents",
                      List(from.extents, from.rank, " x ").text(), List(box.count, from.rank, " x ").text(),
                      List(box.start, from.rank, ", ", 1).text(), List(box.stride, from.rank, " x ").text());
}

// Copies `dimensions`, the slowest one first, of runs of `bytes`. REQUIRES: no count is 0.
void copy_runs(const char* from, char* into, const Dimension* dimensions, int rank,
               std::size_t bytes) noexcept {
  std::array<std::int64_t, LOCUM_MAX_RANK> done{};
  while (true) {
    std::memcpy(into, from, bytes);
    int at = rank - 1;
    for (; at >= 0; --at) {
      const auto place = static_cast<std::size_t>(at);
      from += dimensions[at].from_step;
      into += dimensions[at].into_step;
      if (++done[place] < dimensions[at].count) {
        break;
      }
      from -= dimensions[at].from_step * dimensions[at].count;
      into -= dimensions[at].into_step * dimensions[at].count;
      done[place] = 0;
    }
    if (at < 0) {
      return;
    }
  }
}

}  // namespace

locum_status copy_box(const locum_array& from, const locum_box& box, const locum_array& into,
                      std::size_t element_bytes) noexcept {
  const bool is_whole = box.rank == 0;
  const locum_status wrong = check_shape(from, is_whole ? from.extents : box.count, into);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  if (!is_whole && check_box(from, box) != LOCUM_OK) {
    return LOCUM_INVALID_ARGUMENT;
  }
  if (std::find(into.extents, into.extents + into.rank, 0) != into.extents + into.rank) {
    return LOCUM_OK;
  }
  // The fastest dimensions of which the elements follow each other in both memories are one run.
  const bool is_packed =
      std::all_of(into.strides, into.strides + into.rank, [](auto each) { return each == 0; });
  std::array<Dimension, LOCUM_MAX_RANK> dimensions{};
  std::int64_t offset = 0;
  auto from_pitch = static_cast<std::int64_t>(element_bytes);
  std::int64_t into_pitch = from_pitch;
  std::size_t run = element_bytes;
  int outer = into.rank;
  for (int at = into.rank; at-- > 0;) {
    Dimension& each = dimensions[static_cast<std::size_t>(at)];
    each.count = into.extents[at];
    each.from_step = each.count == 1 ? 0 : from_pitch * (is_whole ? 1 : box.stride[at]);
    each.into_step = is_packed ? into_pitch : into.strides[at];
    offset += is_whole ? 0 : box.start[at] * from_pitch;
    const auto bytes = static_cast<std::int64_t>(run);
    if (outer == at + 1 && (each.count == 1 || (each.from_step == bytes && each.into_step == bytes))) {
      run *= static_cast<std::size_t>(each.count);
      outer = at;
    }
    from_pitch *= from.extents[at];
    into_pitch *= into.extents[at];
  }
  copy_runs(static_cast<const char*>(from.data) + offset, static_cast<char*>(into.data), dimensions.data(),
            outer, run);
  return LOCUM_OK;
}

}  // namespace locum::fortran
