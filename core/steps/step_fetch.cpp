#include "core/steps/step_fetch.hpp"

#include <algorithm>
#include <string>

namespace locum::detail {

bool StepFetch::are_here(const std::vector<BoxPiece>& pieces) const noexcept {
  return std::ranges::all_of(pieces, [this](const BoxPiece& piece) { return is_here(*piece.block); });
}

std::vector<BoxPiece> StepFetch::whole_pieces(const std::vector<const BlockRecord*>& blocks) {
  std::vector<BoxPiece> pieces(blocks.size());
  for (std::size_t at = 0; at < blocks.size(); ++at) {
    pieces[at].block = blocks[at];
  }
  return pieces;
}

bool StepFetch::is_whole(const BoxPiece& piece) noexcept {
  return !piece.slab.is_given() || piece.slab.count == extents_of(*piece.block);
}

Extents StepFetch::indices_of(const Coordinates& place) noexcept {
  Extents indices;
  indices.rank = static_cast<std::uint8_t>(place.size());
  for (std::size_t at = 0; at < place.size(); ++at) {
    indices.values[at] = place[at];
  }
  return indices;
}

std::size_t StepFetch::elements_of_box(const Extents& extents) noexcept {
  std::size_t elements = 1;
  for (const std::uint64_t extent : extents.span()) {
    elements *= extent;
  }
  return elements;
}

void StepFetch::note(std::string_view name, const Hyperslab& box, int writer, StepWish::Begin next) const {
  if (ahead_) {
    ahead_->wants(number_, {std::string(name), box, writer, next});
  }
}

}  // namespace locum::detail
