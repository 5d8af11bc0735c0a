#include "core/hyperslab.hpp"

#include <memory>
#include <string>
#include <utility>

#include "core/client/received_range.hpp"
#include "core/object/object.hpp"
#include "core/object/strided_runs.hpp"

namespace locum {

Result<Hyperslab> with_inner(const Hyperslab& slab, std::span<const std::uint64_t> inner) {
  const std::size_t most = max_rank - inner.size();
  if (slab.start.size() > most || slab.count.size() > most || slab.stride.size() > most) {
    return Error(Errc::invalid_argument,
                 "an array has 1 to " + std::to_string(max_rank) + " dimensions, with those of its elements");
  }
  Extents start;
  for (std::size_t dimension = 0; dimension < slab.start.size(); ++dimension) {
    start.values[start.rank++] = slab.start[dimension];
  }
  Hyperslab flat{.start = start, .count = slab.count, .stride = slab.stride};
  for (const std::uint64_t extent : inner) {
    start.values[start.rank++] = 0;
    flat.count.values[flat.count.rank++] = extent;
    if (slab.stride.size() > 0) {
      flat.stride.values[flat.stride.rank++] = 1;
    }
  }
  flat.start = start;
  return flat;
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

}  // namespace locum
