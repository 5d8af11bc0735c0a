#include "core/hyperslab.hpp"

#include <memory>
#include <new>
#include <utility>

#include "core/held_part.hpp"
#include "core/strided_runs.hpp"

namespace locum {

namespace {

Path path_of_packed(Path path) {
  return path == Path::shm_view ? Path::shm_copy : path;
}

}  // namespace

// What shows all of an object may be a hyperslab that is all of it: asked for once more, it is the same.
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
  const ByteRange first = runs->run_at(0);
  facts.extents = slab.count;
  if (first.bytes == runs->bytes()) {
    const auto inside = bytes.subspan(first.offset, first.bytes);
    return HeldPart::view(facts, std::make_shared<HeldObject>(std::move(view), inside), path);
  }
  try {
    const auto packed = std::make_shared<HeldObject>(runs->bytes(), facts.size_bytes);
    runs->gather(bytes.data(), 0, packed->memory());
    return HeldPart::view(facts, packed, path_of_packed(path));
  } catch (const std::bad_alloc&) {
    return no_room_for(runs->bytes()).about(to_string(view.key()));
  }
}

}  // namespace locum
