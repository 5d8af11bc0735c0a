#include "core/steps/written_boxes.hpp"

#include <algorithm>

namespace locum::detail {

namespace {

std::optional<Extents> common_of(const BlockRecord& one, const BlockRecord& other) noexcept {
  Extents element;
  element.rank = static_cast<std::uint8_t>(one.rank);
  for (std::size_t at = 0; at < one.rank; ++at) {
    const std::uint64_t begin = std::max(one.start[at], other.start[at]);
    const std::uint64_t end = std::min(one.start[at] + one.count[at], other.start[at] + other.count[at]);
    if (begin >= end) {
      return std::nullopt;
    }
    element.values[at] = begin;
  }
  return element;
}

}  // namespace

std::optional<Extents> WrittenBoxes::common_element(const BlockRecord& block) const {
  const std::uint64_t begin = block.start[0];
  const auto last = by_start_.lower_bound(begin + block.count[0]);
  for (auto near = by_start_.lower_bound(begin - std::min(begin, longest_)); near != last; ++near) {
    if (auto element = common_of(near->second, block)) {
      return element;
    }
  }
  return std::nullopt;
}

void WrittenBoxes::add(const BlockRecord& block) {
  by_start_.emplace(block.start[0], block);
  longest_ = std::max(longest_, block.count[0]);
}

}  // namespace locum::detail
