#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/call_options.hpp>
#include <locum/detail/steps/box_pieces.hpp>
#include <locum/detail/steps/step_record.hpp>
#include <locum/step_options.hpp>
#include <locum/step_side.hpp>
#include <locum/step_variable.hpp>
#include <locum/store.hpp>

namespace locum {

namespace detail {
class StepInput;
}

/// Which block of a variable InputStep::get() reads, and until when.
struct BlockOptions {
  /// Index of the rank that wrote it, among those of the writer. -1: there is only one block.
  int writer = -1;
  TimeLimit deadline = {};
};

/// A step that this rank reads: made by StepReader. Its destructor releases it; what was read stays. Movable;
/// any thread may read.
class InputStep {
 public:
  /// Called by StepReader. `released`: sealed when it is.
  InputStep(std::shared_ptr<detail::StepInput> input, std::uint64_t number, View<detail::StepRecord> record,
            Writer<std::uint8_t> released);
  InputStep(InputStep&& other) noexcept = default;
  InputStep& operator=(InputStep&& other) noexcept;
  /// release().
  ~InputStep();

  /// The number of the step in its stream.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// What was written, ascending by name.
  [[nodiscard]] std::vector<Variable> variables() const;

  /// A block as it was written, in place if it is on this node: a value, or a local array of one writer.
  /// `not_found` if nobody wrote it; `invalid_argument` if several ranks did and no `writer` is given;
  /// otherwise as Store::get().
  template <class T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const BlockOptions& options = {}) const {
    const auto block = block_of(name, options.writer);
    return block ? store().get<T>((*block)->key, {.codec = {}, .deadline = options.deadline})
                 : Result<View<T>>(about(name, block.error()));
  }
  /// A box of a global array (see Hyperslab; none: all of it), out of all blocks that it meets: as one array
  /// with the extents of the box. In place if one block has it, on this node and contiguously; otherwise in
  /// memory of this node, for the time of the view. Only elements of the box come from other nodes.
  /// `invalid_argument` if the array does not have the box, two blocks have an element, or writers disagree
  /// about the array; `not_found` if an element was not written, or there is no such array.
  template <Flat T>
  [[nodiscard]] Result<View<T[]>> read(std::string_view name, const Hyperslab& box = {},
                                       const CallOptions& options = {}) const {
    const auto pieces = pieces_of(name, box);
    if (!pieces) {
      return about(name, pieces.error());
    }
    if (pieces->pieces.size() == 1) {
      const auto& [block, slab, place] = pieces->pieces.front();
      return is_whole(*block, slab)
                 ? store().get<T[]>(block->key, {.codec = {}, .deadline = options.deadline})
                 : store().get<T[]>(block->key, {.slab = slab, .codec = {}, .deadline = options.deadline});
    }
    auto joined = store().create<T>(pieces->extents, options);
    if (!joined) {
      return about(name, joined.error());
    }
    const auto filled = fill<T>(*pieces, locum::array(joined->data(), pieces->extents), options.deadline);
    if (!filled) {
      return about(name, filled.error());
    }
    return taken<T>(joined->seal(options.deadline));
  }
  /// The same into memory of the caller, with gaps if need be: `read("V", locum::array(&mine[nx + 3], {ny,
  /// nx}, {nx + 2, 1}), box)`. Its extents are those of the box. Returns the number of elements.
  template <Flat T>
  [[nodiscard]] Result<std::size_t> read(std::string_view name, const StridedArray<T>& into,
                                         const Hyperslab& box = {}, const CallOptions& options = {}) const {
    const auto pieces = pieces_of(name, box);
    if (!pieces) {
      return about(name, pieces.error());
    }
    if (pieces->extents != into.extents()) {
      return about(name, Error(Errc::invalid_argument, "the memory does not have the extents of the box"));
    }
    const auto filled = fill<T>(*pieces, into, options.deadline);
    return filled ? filled : about(name, filled.error());
  }
  /// The same into memory without gaps. `invalid_argument` if the box has another number of elements.
  template <Flat T, std::size_t N>
  [[nodiscard]] Result<std::size_t> read(std::string_view name, std::span<T, N> into,
                                         const Hyperslab& box = {}, const CallOptions& options = {}) const {
    const auto pieces = pieces_of(name, box);
    if (!pieces) {
      return about(name, pieces.error());
    }
    if (!pieces->extents.has(into.size())) {
      return about(name, Error(Errc::invalid_argument, "the memory does not have the size of the box"));
    }
    const auto filled = fill<T>(*pieces, locum::array(into.data(), pieces->extents), options.deadline);
    return filled ? filled : about(name, filled.error());
  }
  /// The local arrays of all writers, one after the other, in order of the writers' indices.
  template <Flat T>
  [[nodiscard]] Result<std::vector<T>> joined(std::string_view name, const CallOptions& options = {}) const {
    const auto blocks = blocks_of(name);
    if (!blocks) {
      return about(name, blocks.error());
    }
    std::vector<Key> keys;
    for (const detail::BlockRecord* block : *blocks) {
      keys.push_back(block->key);
    }
    std::vector<T> elements;
    for (const auto& part : store().get_async<T[]>(keys, {.codec = {}, .deadline = options.deadline})) {
      const auto view = part.get(options.deadline);
      if (!view) {
        return about(name, view.error());
      }
      elements.insert(elements.end(), view->begin(), view->end());
    }
    return elements;
  }
  /// This rank does not need the step any more; the writer gets its room back when no rank does. Views stay
  /// valid.
  void release() noexcept;

 private:
  struct Pieces {
    std::vector<detail::BoxPiece> pieces;
    Extents extents;  ///< of the box
  };

  [[nodiscard]] const Store& store() const noexcept;
  [[nodiscard]] Result<Pieces> pieces_of(std::string_view name, const Hyperslab& box) const;
  [[nodiscard]] Result<const detail::BlockRecord*> block_of(std::string_view name, int writer) const;
  [[nodiscard]] Result<std::vector<const detail::BlockRecord*>> blocks_of(std::string_view name) const;
  [[nodiscard]] bool is_here(const detail::BlockRecord& block) const noexcept;
  [[nodiscard]] static bool is_whole(const detail::BlockRecord& block, const Hyperslab& slab) noexcept;
  [[nodiscard]] static Error about(std::string_view name, const Error& error) { return error.about(name); }

  /// Blocks of this node are copied from their memory. Of others, the pieces are all on their way at a time.
  template <class T>
  [[nodiscard]] Result<std::size_t> fill(const Pieces& box, const StridedArray<T>& into,
                                         TimeLimit deadline) const {
    std::vector<Future<T[]>> coming;
    std::vector<StridedArray<T>> places;
    std::size_t count = 0;
    for (const auto& [block, slab, place] : box.pieces) {
      StridedArray<T> target = part_of(into, place, slab.count, {});
      count += target_size(slab.count);
      if (!is_here(*block)) {
        coming.push_back(
            store().get_async<T[]>(block->key, {.slab = slab, .codec = {}, .deadline = deadline}));
        places.push_back(target);
        continue;
      }
      const auto whole = store().get<T[]>(block->key, {.codec = {}, .deadline = deadline});
      if (!whole) {
        return whole.error();
      }
      const Extents extents = detail::extents_of(*block);
      if (!extents.has(whole->size())) {
        return Error(Errc::corrupt, "a block does not have the extents that its writer gave");
      }
      Extents first;
      first.rank = extents.rank;
      for (std::size_t at = 0; at < extents.size(); ++at) {
        first.values[at] = slab.start[at];
      }
      detail::copy_strided(
          detail::bytes_of(part_of(locum::array(whole->data(), extents), first, slab.count, slab.stride)),
          detail::bytes_of(target));
    }
    for (std::size_t at = 0; at < coming.size(); ++at) {
      const auto part = coming[at].get(deadline);
      if (!part) {
        return part.error();
      }
      detail::copy_strided(detail::bytes_of(locum::array(part->data(), places[at].extents())),
                           detail::bytes_of(places[at]));
      coming[at] = {};
    }
    return count;
  }
  /// Every stride-th element from `first` on.
  template <class T>
  [[nodiscard]] static StridedArray<T> part_of(const StridedArray<T>& array, const Extents& first,
                                               const Extents& count, const Extents& stride) {
    T* data = array.data();
    Extents strides = count;
    for (std::size_t at = 0; at < count.size(); ++at) {
      data += array.stride(at) * static_cast<std::int64_t>(first[at]);
      strides.values[at] =
          static_cast<std::uint64_t>(array.stride(at)) * (stride.size() == 0 ? 1 : stride[at]);
    }
    return {data, count, strides};
  }
  [[nodiscard]] static std::size_t target_size(const Extents& count) noexcept {
    std::size_t size = 1;
    for (const std::uint64_t extent : count.span()) {
      size *= extent;
    }
    return size;
  }
  template <class T>
  [[nodiscard]] Result<View<T[]>> taken(const Result<Key>& key) const {
    auto view = key ? store().get<T[]>(*key) : Result<View<T[]>>(key.error());
    if (key) {
      (void)store().evict(*key);
    }
    return view;
  }

  std::shared_ptr<detail::StepInput> input_;
  std::uint64_t number_ = 0;
  View<detail::StepRecord> record_;
  Writer<std::uint8_t> released_;
};

/// Reads a stream of steps (see StepWriter). Each rank of a communicator has one; together they are one
/// reader: all its ranks see the same steps, in order. Several readers do not disturb each other. A reader
/// joins the stream with its first step, and leaves it when it is destroyed; a step stays in memory until all
/// ranks of all readers have released it. Used by one thread at a time.
///
/// `while (auto step = in.next(30s)) { const double t = *step->get<double>("time").value(); … }`
class StepReader {
 public:
  /// Opens nothing yet. Throws Error `invalid_argument`.
  StepReader(const StepSide& side, std::string_view stream, const StepReaderOptions& options = {});
  /// The same for the ranks of a communicator: collective over it.
  template <class Runtime, class Communicator>
    requires requires(Runtime& runtime, Communicator ranks) { runtime.step_side(ranks); }
  StepReader(Runtime& runtime, std::string_view stream, Communicator ranks,
             const StepReaderOptions& options = {})
      : StepReader(runtime.step_side(ranks), stream, options) {}

  /// The next step; waits for it. The first call waits for the writer to open the stream, and for all ranks
  /// of the reader. `end_of_stream` after the last step; `peer_lost` if a rank of the writer was lost and all
  /// steps that had ended were read, naming that rank; `timeout`.
  [[nodiscard]] Result<InputStep> next(TimeLimit limit = {});
  /// The newest step, at least the next one: waits if there is none. Those in between are released unread.
  /// For a viewer that is one rank; ranks of a reader with several would get different steps.
  [[nodiscard]] Result<InputStep> latest(TimeLimit limit = {});

 private:
  std::shared_ptr<detail::StepInput> input_;
};

}  // namespace locum
