#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/files/concurrent_calls.hpp"
#include "transport/storage/zarr/box_cuts.hpp"
#include "transport/storage/zarr/zarr.hpp"
#include "transport/storage/zarr/zarr_state.hpp"

namespace locum {

namespace {

constexpr std::chrono::minutes longest_wait_of_write{10};

Extents zarr_extents(const Extents& shape) {
  return shape.size() == 0 ? Extents(1) : shape;
}

std::string zarr_text(const Extents& extents) {
  std::string text = "{";
  for (const std::uint64_t extent : extents.span()) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + '}';
}

// The box that is meant, in an array of at least one dimension.
Result<Hyperslab> zarr_box(const Hyperslab& box, const Extents& shape) {
  Hyperslab whole{.start = {}, .count = zarr_extents(shape)};
  Extents zeros = whole.count;
  std::fill_n(zeros.values.begin(), zeros.size(), 0);
  whole.start = zeros;
  if (!box.is_given()) {
    return whole;
  }
  if (auto bytes = packed_bytes(box, 1); !bytes) {
    return bytes.error();
  }
  const bool has_rank = box.count.size() == shape.size();
  for (std::size_t at = 0; has_rank && at < shape.size(); ++at) {
    if (!has_elements(box.start[at], box.count[at], stride_of(box, at), shape[at])) {
      return Error(Errc::invalid_argument, "the box has elements outside of the array in dimension " +
                                               std::to_string(at) + "; its extents are " + zarr_text(shape));
    }
  }
  return has_rank
             ? Result<Hyperslab>(box)
             : Error(Errc::invalid_argument, "the box has " + std::to_string(box.count.size()) +
                                                 " dimensions, the array " + std::to_string(shape.size()));
}

/// Makes calls in threads, which pass on no exception, and keeps the first error.
template <class Call>
Result<void> each_of(std::size_t count, Call call) {
  Mutex mutex;
  Result<void> outcome;
  std::size_t failed = count;
  storage::call_concurrently(count, [&](std::size_t at) {
    auto done = guarded([&] { return call(at); });
    const MutexLock lock(mutex);
    if (!done && at < failed) {
      failed = at;
      outcome = std::move(done);
    }
  });
  return outcome;
}

detail::StridedBytes zarr_part(const detail::StridedBytes& array, const Extents& start,
                               const Extents& count) {
  detail::StridedBytes part = array;
  part.extents = count;
  for (std::size_t at = 0; at < count.size(); ++at) {
    part.first += static_cast<std::int64_t>(start[at]) * array.strides[at];
  }
  return part;
}

// An array without dimensions as one of one element.
detail::StridedBytes zarr_memory(const detail::StridedBytes& array) {
  detail::StridedBytes memory = array;
  if (memory.extents.size() == 0) {
    memory.extents = Extents(1);
    memory.strides[0] = memory.element_bytes;
  }
  return memory;
}

Error other_type(const ElementType& given, const ElementType& element) {
  return Error(Errc::type_mismatch,
               "the elements of the array are " + element.name() + ", those given " + given.name());
}

Result<void> read_zarr(const detail::ZarrState::Now& now, const Hyperslab& box,
                       const detail::StridedBytes& into, bool strict) {
  const storage::BoxCuts cuts(box, zarr_extents(now.metadata.chunk));
  return each_of(cuts.size(), [&](std::size_t at) {
    const storage::BoxCut cut = cuts[at];
    return now.files.read(cut, box.stride, zarr_part(into, cut.target, cut.count), strict);
  });
}

/// Reads one file after another: the processors are for those who compute meanwhile.
Result<Array> read_zarr_ahead(const detail::ZarrState::Now& now, const Hyperslab& box, bool strict,
                              const std::atomic<bool>& is_unwanted) {
  auto draft = ArrayDraft::make(now.metadata.element, now.metadata.shape.size() == 0 ? Extents() : box.count);
  if (!draft) {
    return draft.error();
  }
  const RawArray into(draft->bytes(), now.metadata.element, draft->extents());
  const auto memory = zarr_memory(into.memory());
  const storage::BoxCuts cuts(box, zarr_extents(now.metadata.chunk));
  for (std::size_t at = 0; at < cuts.size(); ++at) {
    if (is_unwanted) {
      return result_unwanted(Errc::cancelled);
    }
    const storage::BoxCut cut = cuts[at];
    auto done = now.files.read(cut, box.stride, zarr_part(memory, cut.target, cut.count), strict);
    if (!done) {
      return done.error();
    }
  }
  return std::move(*draft).finish();
}

Deadline zarr_deadline(const TimeLimit& given) {
  return Deadline(given).moment(longest_wait_of_write);
}

}  // namespace

ElementType ZarrArray::element() const {
  return state_->now()->metadata.element;
}

Extents ZarrArray::shape() const {
  return state_->now()->metadata.shape;
}

Extents ZarrArray::chunks() const {
  const auto now = state_->now();
  return now->metadata.shards ? now->metadata.shards->inner : now->metadata.chunk;
}

Extents ZarrArray::file_extents() const {
  return state_->now()->metadata.chunk;
}

int ZarrArray::version() const {
  return state_->now()->metadata.version;
}

std::vector<std::string> ZarrArray::dimensions() const {
  const auto now = state_->now();
  std::vector<std::string> names;
  for (const auto& name : now->metadata.dimension_names) {
    names.push_back(name.value_or(std::string()));
  }
  return names;
}

Record ZarrArray::attributes() const {
  return state_->now()->metadata.attributes;
}

Result<Array> ZarrArray::read(const Hyperslab& box, const ZarrRead& options) const {
  const auto now = state_->now();
  const auto meant = zarr_box(box, now->metadata.shape);
  if (!meant) {
    return meant.error().about(state_->path());
  }
  if (auto ahead = state_->ahead().take({*meant, options.strict}, Deadline())) {
    return *std::move(ahead);
  }
  const bool is_one = now->metadata.shape.size() == 0;
  auto draft = ArrayDraft::make(now->metadata.element, is_one ? Extents() : meant->count);
  if (!draft) {
    return draft.error().about(state_->path());
  }
  const RawArray into(draft->bytes(), now->metadata.element, draft->extents());
  auto done = read_zarr(*now, *meant, zarr_memory(into.memory()), options.strict);
  return done ? Result<Array>(std::move(*draft).finish()) : done.error();
}

Result<void> ZarrArray::read_to(const RawArray& into, const Hyperslab& box, const ZarrRead& options) const {
  const auto now = state_->now();
  const auto meant = zarr_box(box, now->metadata.shape);
  if (!meant || !into.is_valid()) {
    return (into.is_valid() ? meant.error() : invalid(into)).about(state_->path());
  }
  if (!(into.element() == now->metadata.element)) {
    return other_type(into.element(), now->metadata.element).about(state_->path());
  }
  const auto memory = zarr_memory(into.memory());
  if (!(memory.extents == meant->count)) {
    return Error(Errc::invalid_argument, "the box has the extents " + zarr_text(meant->count) +
                                             ", the array given has " + zarr_text(memory.extents))
        .about(state_->path());
  }
  return read_zarr(*now, *meant, memory, options.strict);
}

Result<void> ZarrArray::prefetch(const Hyperslab& box, const ZarrRead& options) const {
  auto now = state_->now();
  const auto meant = zarr_box(box, now->metadata.shape);
  if (!meant) {
    return meant.error().about(state_->path());
  }
  auto begun = state_->ahead().begin(
      {*meant, options.strict},
      [now = std::move(now), box = *meant, strict = options.strict](const std::atomic<bool>& is_unwanted) {
        return read_zarr_ahead(*now, box, strict, is_unwanted);
      });
  return begun ? begun : Result<void>(begun.error().about(state_->path()));
}

Result<void> ZarrArray::write(const ConstRawArray& values, const Coordinates& start,
                              const ZarrWrite& options) const {
  const auto now = state_->now();
  const storage::ZarrMetadata& metadata = now->metadata;
  if (!values.is_valid()) {
    return invalid(values).about(state_->path());
  }
  if (!(values.element() == metadata.element)) {
    return other_type(values.element(), metadata.element).about(state_->path());
  }
  const auto memory = zarr_memory(values.memory());
  Hyperslab given{.start = start, .count = memory.extents};
  if (start.size() == 0) {
    Extents zeros = memory.extents;
    std::fill_n(zeros.values.begin(), zeros.size(), 0);
    given.start = zeros;
  }
  const Extents shape = zarr_extents(metadata.shape);
  const auto box = zarr_box(given, shape);
  if (!box) {
    return box.error().about(state_->path());
  }
  const Extents extents = zarr_extents(metadata.chunk);
  const bool updates = options.partial == PartialFiles::read_modify_write;
  for (std::size_t at = 0; !updates && at < shape.size(); ++at) {
    const std::uint64_t first = box->start[at];
    const std::uint64_t end = first + box->count[at];
    if (first % extents[at] != 0 || (end % extents[at] != 0 && end != shape[at])) {
      return Error(Errc::invalid_argument, "the elements cover a file in part, in dimension " +
                                               std::to_string(at) + " from " + std::to_string(first) +
                                               " to " + std::to_string(end) +
                                               "; begin and end at multiples of " + zarr_text(extents) +
                                               ", or at the end of the array, or allow parts of files "
                                               "(read_modify_write; in Python and C: partial)")
          .about(state_->path());
    }
  }
  const Deadline until = zarr_deadline(options.deadline);
  const storage::BoxCuts cuts(*box, extents);
  storage::ChunkMemories memories;
  auto done = each_of(cuts.size(), [&](std::size_t at) {
    const storage::BoxCut cut = cuts[at];
    const auto part = zarr_part(memory, cut.target, cut.count);
    return memories.with_one([&](storage::ChunkMemory& own) {
      return updates ? now->files.update(cut, part, own, until) : now->files.write(cut.chunk, part, own);
    });
  });
  state_->ahead().drop();
  return done;
}

Result<void> ZarrArray::append(const ConstRawArray& values, const ZarrAppend& options) const {
  const Deadline until = zarr_deadline(options.deadline);
  const auto alone = state_->begin_change(until);
  if (!alone) {
    return alone.error().about(state_->path());
  }
  const auto now = state_->now();
  if (!values.is_valid()) {
    return invalid(values).about(state_->path());
  }
  if (!(values.element() == now->metadata.element)) {
    return other_type(values.element(), now->metadata.element).about(state_->path());
  }
  storage::ZarrMetadata grown = now->metadata;
  const Extents& shape = now->metadata.shape;
  const Extents& count = values.extents();
  if (shape.size() == 0) {
    return Error(Errc::invalid_argument, "an array without dimensions does not grow").about(state_->path());
  }
  bool fits =
      count.size() == shape.size() && count[0] <= std::numeric_limits<std::uint64_t>::max() - shape[0];
  for (std::size_t at = 1; fits && at < shape.size(); ++at) {
    fits = count[at] == shape[at];
  }
  if (!fits) {
    return Error(Errc::invalid_argument, "elements with the extents " + zarr_text(count) +
                                             " cannot follow those of an array of " + zarr_text(shape) +
                                             "; give the same ones, but for the first")
        .about(state_->path());
  }
  grown.shape.values[0] += count[0];
  Extents first = shape;
  std::fill_n(first.values.begin() + 1, shape.size() - 1, 0);
  const Hyperslab box{.start = first, .count = count};
  const storage::BoxCuts cuts(box, now->metadata.chunk);
  storage::ChunkMemories memories;
  auto done = each_of(cuts.size(), [&](std::size_t at) {
    const storage::BoxCut cut = cuts[at];
    const auto part = zarr_part(values.memory(), cut.target, cut.count);
    return memories.with_one([&](storage::ChunkMemory& own) {
      return cut.start[0] != 0 ? now->files.update(cut, part, own, until)
                               : now->files.write(cut.chunk, part, own);
    });
  });
  done = done && count[0] != 0 ? state_->replace(std::move(grown)) : std::move(done);
  state_->ahead().drop();
  return done;
}

Result<void> ZarrArray::resize(const Extents& shape) const {
  const auto alone = state_->begin_change(zarr_deadline({}));
  if (!alone) {
    return alone.error().about(state_->path());
  }
  auto metadata = state_->now()->metadata;
  if (shape.size() != metadata.shape.size()) {
    return Error(Errc::invalid_argument,
                 "an array keeps its number of dimensions, " + std::to_string(metadata.shape.size()))
        .about(state_->path());
  }
  metadata.shape = shape;
  auto done = state_->replace(std::move(metadata));
  state_->ahead().drop();
  return done;
}

Result<void> ZarrArray::set_attributes(const Record& attributes) const {
  const auto alone = state_->begin_change(zarr_deadline({}));
  if (!alone) {
    return alone.error().about(state_->path());
  }
  auto metadata = state_->now()->metadata;
  metadata.attributes = attributes;
  return state_->replace(std::move(metadata));
}

}  // namespace locum
