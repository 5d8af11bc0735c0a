#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace steps_viewer {

/// Which indices of one dimension are shown: `count` of them from `start` on, `stride` apart.
struct Range {
  std::uint64_t start = 0;
  std::uint64_t count = 0;
  std::uint64_t stride = 1;
  bool is_index = false;  ///< written as a single number: the dimension is not shown

  /// The index of the n-th of them.
  std::uint64_t operator[](std::uint64_t n) const { return start + n * stride; }
  bool operator==(const Range&) const = default;
};

/// A range for each dimension, slowest first.
using Box = std::vector<Range>;

/// A part of an array as numpy writes it: `5`, `0:10`, `::2`, `-1`, `...`, one for each dimension, with
/// commas between. Positive strides only; dimensions that are left out at the end are taken whole.
class Slice {
 public:
  /// The whole array.
  Slice() = default;
  /// Throws std::invalid_argument, which names what is wrong.
  explicit Slice(std::string_view text);

  bool is_whole() const { return parts_.empty(); }
  /// Of an array with this shape. Bounds beyond it are cut off, as numpy does. Throws std::invalid_argument
  /// if there are more dimensions than the array has, an index is not in it, or nothing is left of a
  /// dimension that has elements.
  Box of(std::span<const std::uint64_t> shape) const;

 private:
  struct Part {
    std::string text;
    bool is_ellipsis = false;
    bool is_index = false;
    std::optional<std::int64_t> start;
    std::optional<std::int64_t> stop;
    std::uint64_t stride = 1;
  };
  static Part parse(std::string_view text);
  static Range resolve(const Part& part, std::uint64_t extent, std::size_t dimension);

  std::vector<Part> parts_;
};

/// The plane in the middle of an array: the last two dimensions whole, the others at half their extent.
Box middle_plane(std::span<const std::uint64_t> shape);

/// `48,:,0:96:2`: of an array with this shape.
std::string to_text(const Box& box, std::span<const std::uint64_t> shape);

}  // namespace steps_viewer
