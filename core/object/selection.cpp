#include "core/object/selection.hpp"

#include <memory>
#include <utility>

#include "core/object/received_range.hpp"
#include "core/object/strided_runs.hpp"

namespace locum {

namespace {

Result<ObjectView> part_of(ObjectView view, const ByteRange& range) {
  const std::uint64_t size_bytes = view.facts().size_bytes;
  if (view.bytes().size() != size_bytes) {
    return view;
  }
  if (auto inside = check_range(range, size_bytes); !inside) {
    return inside.error().about(to_string(view.key()));
  }
  view.narrow(range.offset, range.bytes);
  return view;
}

// A view of a whole object may already be a hyperslab of all of it: the same hyperslab again is the view
// itself.
Result<ObjectView> hyperslab_of(ObjectView view, const Hyperslab& slab, std::uint64_t element_bytes) {
  ObjectFacts facts = view.facts();
  if (view.bytes().size() != facts.size_bytes) {
    return view;
  }
  const auto runs = StridedRuns::of(slab, element_bytes, facts);
  if (!runs) {
    return runs.error().about(to_string(view.key()));
  }
  const auto bytes = view.bytes();
  const Path path = view.path();
  const ByteRange first = runs->bytes() > 0 ? runs->run_at(0) : ByteRange();
  facts.extents = slab.count;
  if (first.bytes == runs->bytes()) {
    const auto inside = bytes.subspan(first.offset, first.bytes);
    return ReceivedRange::view(facts, std::make_shared<ReceivedBlock>(std::move(view), inside), path);
  }
  const auto packed = ReceivedBlock::make(runs->bytes(), facts.size_bytes);
  if (!packed) {
    return no_room_for(runs->bytes()).about(to_string(view.key()));
  }
  runs->gather(bytes.data(), 0, packed->memory());
  return ReceivedRange::view(facts, packed, path_of_copy(path));
}

}  // namespace

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
