#include "core/object/selection.hpp"

#include <utility>

namespace locum {

Result<ObjectView> selected(Result<ObjectView> found, const Selection& selection) {
  if (!found) {
    return found;
  }
  if (const auto* const range = std::get_if<ByteRange>(&selection)) {
    return part_of(std::move(*found), *range);
  }
  if (const auto* const elements = std::get_if<Elements>(&selection)) {
    return hyperslab_of(std::move(*found), elements->slab, elements->element_bytes);
  }
  return found;
}

}  // namespace locum
