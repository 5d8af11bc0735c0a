#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "core/value/errors.hpp"
#include "core/value/extents_text.hpp"
#include "transport/storage/files/concurrent_calls.hpp"
#include "transport/storage/large_pages.hpp"
#include "transport/storage/zarr/box_cuts.hpp"
#include "transport/storage/zarr/chunk_elements.hpp"
#include "transport/storage/zarr/zarr.hpp"
#include "transport/storage/zarr/zarr_state.hpp"

namespace locum {

namespace {

constexpr std::chrono::minutes longest_wait_of_write{10};

Extents zarr_extents(const Extents& shape) {
  return shape.size() == 0 ? Extents(1) : shape;
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
      return Error(Errc::invalid_argument, "a box of " + box_text(box) +
                                               " has elements outside of the array, whose extents are " +
                                               extents_text(shape));
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
                       const detail::StridedBytes& into, const ZarrRead& options) {
  const storage::BoxCuts cuts(box, zarr_extents(now.metadata.chunk));
  const std::size_t first = now.files.first_of(cuts.size(), options);
  return each_of(cuts.size(), [&](std::size_t at) {
    const storage::BoxCut cut = cuts[(at + first) % cuts.size()];
    return now.files.read(cut, box.stride, storage::strided_part(into, cut.target, cut.count), options);
  });
}

/// Reads one file after another: the processors are for those who compute meanwhile.
Result<Array> read_zarr_ahead(const detail::ZarrState::Now& now, const Hyperslab& box,
                              const ZarrRead& options, const std::atomic<bool>& is_unwanted) {
  auto draft = ArrayDraft::make(now.metadata.element, now.metadata.shape.size() == 0 ? Extents() : box.count);
  if (!draft) {
    return draft.error();
  }
  storage::ask_for_large_pages(draft->bytes());
  const RawArray into(draft->bytes(), now.metadata.element, draft->extents());
  const auto memory = zarr_memory(into.memory());
  const storage::BoxCuts cuts(box, zarr_extents(now.metadata.chunk));
  for (std::size_t at = 0; at < cuts.size(); ++at) {
    if (is_unwanted) {
      return result_unwanted(Errc::cancelled);
    }
    const storage::BoxCut cut = cuts[at];
    auto done =
        now.files.read(cut, box.stride, storage::strided_part(memory, cut.target, cut.count), options);
    if (!done) {
      return done.error();
    }
  }
  return std::move(*draft).finish();
}

/// Writes elements from `first` on, where nothing is shown yet.
Result<void> write_behind(const detail::ZarrState::Now& now, const ConstRawArray& values,
                          const Extents& first, Deadline until) {
  const storage::BoxCuts cuts({.start = first, .count = values.extents()}, now.metadata.chunk);
  storage::ChunkMemories memories;
  return each_of(cuts.size(), [&](std::size_t at) {
    const storage::BoxCut cut = cuts[at];
    const auto part = storage::strided_part(values.memory(), cut.target, cut.count);
    return memories.with_one([&](storage::ChunkMemory& own) {
      // What is not whole may by now have elements behind these, of another program.
      return cut.count[0] != now.metadata.chunk[0] ? now.files.update(cut, part, own, until)
                                                   : now.files.write(cut.chunk, part, own);
    });
  });
}

/// Names the array in an error that names nothing: of memory that was not to be had within a call.
Result<void> of_zarr(Result<void>&& done, const detail::ZarrState& state) {
  return done || !done.error().key().empty() ? std::move(done)
                                             : Result<void>(done.error().about(state.path()));
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
  if (const storage::BoxCuts cuts(*meant, zarr_extents(now->metadata.chunk)); !is_one && cuts.size() == 1) {
    if (auto shown = now->files.shown(cuts[0], meant->stride, options)) {
      return *std::move(shown);
    }
  }
  auto draft = ArrayDraft::make(now->metadata.element, is_one ? Extents() : meant->count);
  if (!draft) {
    return draft.error().about(state_->path());
  }
  storage::ask_for_large_pages(draft->bytes());
  const RawArray into(draft->bytes(), now->metadata.element, draft->extents());
  auto done = of_zarr(read_zarr(*now, *meant, zarr_memory(into.memory()), options), *state_);
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
    return Error(Errc::invalid_argument, "the box has the extents " + extents_text(meant->count) +
                                             ", the array given has " + extents_text(memory.extents))
        .about(state_->path());
  }
  if (const auto ahead = state_->ahead().take({*meant, options.strict}, Deadline())) {
    detail::copy_strided(zarr_memory(ahead->raw().memory()), memory);
    return {};
  }
  return of_zarr(read_zarr(*now, *meant, memory, options), *state_);
}

Result<void> ZarrArray::prefetch(const Hyperslab& box, const ZarrRead& options) const {
  auto now = state_->now();
  const auto meant = zarr_box(box, now->metadata.shape);
  if (!meant) {
    return meant.error().about(state_->path());
  }
  auto begun = state_->ahead().begin({*meant, options.strict}, [now = std::move(now), box = *meant, options](
                                                                   const std::atomic<bool>& is_unwanted) {
    return read_zarr_ahead(*now, box, options, is_unwanted);
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
  bool ends_in_file = false;
  for (std::size_t at = 0; !updates && at < shape.size(); ++at) {
    const std::uint64_t first = box->start[at];
    const std::uint64_t end = first + box->count[at];
    if (first % extents[at] != 0 || (end % extents[at] != 0 && end != shape[at])) {
      return Error(
                 Errc::invalid_argument,
                 box_text(*box) + " cover a file in part; begin and end at multiples of " +
                     extents_text(extents) +
                     " elements, or at the end of the array, or allow parts of files (read_modify_write; in "
                     "Python, C and Fortran: partial)")
          .about(state_->path());
    }
    ends_in_file = ends_in_file || end % extents[at] != 0;
  }
  if (ends_in_file && state_->has_grown(*now)) {
    return Error(Errc::stale,
                 "the array has grown since it was opened, and elements behind these are in the same file; "
                 "write whole files of the array as it is now, or allow parts of files")
        .about(state_->path());
  }
  const Deadline until = zarr_deadline(options.deadline);
  const storage::BoxCuts cuts(*box, extents);
  storage::ChunkMemories memories;
  auto done = each_of(cuts.size(), [&](std::size_t at) {
    const storage::BoxCut cut = cuts[at];
    const auto part = storage::strided_part(memory, cut.target, cut.count);
    return memories.with_one([&](storage::ChunkMemory& own) {
      return updates ? now->files.update(cut, part, own, until) : now->files.write(cut.chunk, part, own);
    });
  });
  state_->ahead().drop();
  return of_zarr(std::move(done), *state_);
}

Result<void> ZarrArray::append(const ConstRawArray& values, const ZarrAppend& options) const {
  const Deadline until = zarr_deadline(options.deadline);
  auto done = state_->change(until, [&](const detail::ZarrState::Now& now) -> Result<storage::ZarrMetadata> {
    if (!values.is_valid()) {
      return invalid(values);
    }
    if (!(values.element() == now.metadata.element)) {
      return other_type(values.element(), now.metadata.element);
    }
    storage::ZarrMetadata grown = now.metadata;
    const Extents& shape = now.metadata.shape;
    const Extents& count = values.extents();
    if (shape.size() == 0) {
      return Error(Errc::invalid_argument, "an array without dimensions does not grow");
    }
    bool fits =
        count.size() == shape.size() && count[0] <= std::numeric_limits<std::uint64_t>::max() - shape[0];
    for (std::size_t at = 1; fits && at < shape.size(); ++at) {
      fits = count[at] == shape[at];
    }
    if (!fits) {
      return Error(Errc::invalid_argument,
                   "elements with the extents " + extents_text(count) +
                       " cannot follow those of an array of " + extents_text(shape) +
                       "; only in the slowest dimension, which grows, may there be more or fewer");
    }
    grown.shape.values[0] += count[0];
    Extents first = shape;
    std::fill_n(first.values.begin() + 1, shape.size() - 1, 0);
    auto written = write_behind(now, values, first, until);
    return written ? Result<storage::ZarrMetadata>(std::move(grown)) : written.error();
  });
  state_->ahead().drop();
  return of_zarr(std::move(done), *state_);
}

Result<void> ZarrArray::resize(const Extents& shape) const {
  auto done = state_->change(zarr_deadline({}), [&](const detail::ZarrState::Now& now) {
    storage::ZarrMetadata metadata = now.metadata;
    const std::size_t dimensions = metadata.shape.size();
    metadata.shape = shape;
    return shape.size() == dimensions
               ? Result<storage::ZarrMetadata>(std::move(metadata))
               : Error(Errc::invalid_argument,
                       "an array keeps its number of dimensions, " + std::to_string(dimensions));
  });
  state_->ahead().drop();
  return of_zarr(std::move(done), *state_);
}

Result<void> ZarrArray::set_attributes(const Record& attributes) const {
  auto done = state_->set_attributes(zarr_deadline({}), attributes);
  return of_zarr(std::move(done), *state_);
}

}  // namespace locum
