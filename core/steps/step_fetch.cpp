#include "core/steps/step_fetch.hpp"

#include <algorithm>

#include "core/async/posts_together.hpp"
#include "core/detail/session_state.hpp"
#include "core/steps/enclosed_blocks.hpp"
#include "core/value/errors.hpp"
#include "core/value/extents_text.hpp"
#include "core/value/metrics.hpp"

namespace locum::detail {

namespace {

std::vector<BoxPiece> whole_pieces(const std::vector<const BlockRecord*>& blocks) {
  std::vector<BoxPiece> pieces(blocks.size());
  for (std::size_t at = 0; at < blocks.size(); ++at) {
    pieces[at].block = blocks[at];
  }
  return pieces;
}

bool is_whole(const BoxPiece& piece) noexcept {
  return !piece.slab.is_given() || piece.slab.count == extents_of(*piece.block);
}

std::size_t count_of(const Extents& extents) noexcept {
  std::size_t elements = 1;
  for (const std::uint64_t extent : extents.span()) {
    elements *= extent;
  }
  return elements;
}

/// Of an array every stride-th element from `first` on.
template <class Indices>
StridedBytes strided(const StridedBytes& array, const Indices& first, const Extents& count,
                     const Extents& stride) noexcept {
  StridedBytes part = array;
  part.extents = count;
  for (std::size_t at = 0; at < count.size(); ++at) {
    part.first += array.strides[at] * static_cast<std::int64_t>(first[at]);
    part.strides[at] = array.strides[at] * static_cast<std::int64_t>(stride.size() == 0 ? 1 : stride[at]);
  }
  return part;
}

/// Where the node is lost that has a block, the error names the rank that wrote it.
Error of_its_writer(const BlockRecord& block, const Error& error) {
  return error.code() == Errc::peer_lost ? error.at_rank(static_cast<int>(block.key.creator)) : error;
}

/// Elements of an object, row-major. \param extents which its writer gave, or that were asked for
Result<StridedBytes> elements_in(const ObjectView& object, const Extents& extents,
                                 std::uint32_t element_bytes) {
  if (!extents.has(object.bytes().size() / element_bytes)) {
    return memory_damaged("the extents of a block are not those that its writer gave");
  }
  return row_major(object.bytes().data(), extents, element_bytes);
}

}  // namespace

bool StepFetch::are_here(const std::vector<BoxPiece>& pieces) const noexcept {
  return std::ranges::all_of(pieces, [this](const BoxPiece& piece) { return is_here(*piece.block); });
}

void StepFetch::note(StepWish wish) const {
  if (ahead_) {
    ahead_->wants(number_, std::move(wish));
  }
}

Result<ObjectView> StepFetch::block(std::string_view name, std::string_view type, int writer,
                                    Deadline deadline) const {
  const auto found = find_block(record(), name, type, writer);
  if (!found) {
    return found.error();
  }
  if (!is_here(**found)) {
    note({.of = StepWish::Of::block, .name = std::string(name), .type = std::string(type), .writer = writer});
  }
  return piece({*found, {}, {}}, {}, deadline);
}

Result<ObjectView> StepFetch::bytes(std::string_view name, int writer, Deadline deadline) const {
  const auto found = find_block(record(), name, {}, writer);
  return found ? get(**found, Selection(), deadline) : found.error();
}

Result<std::vector<ObjectView>> StepFetch::arrays(std::string_view name, const ArrayType& type,
                                                  Deadline deadline) const {
  const auto found = find_blocks(record(), name, type.name);
  if (!found) {
    return found.error();
  }
  const auto pieces = whole_pieces(*found);
  if (!are_here(pieces)) {
    note({.of = StepWish::Of::blocks, .name = std::string(name), .type = std::string(type.name)});
  }
  std::vector<ObjectView> objects;
  auto coming = request(pieces, type, deadline, true);
  for (std::size_t at = 0; at < pieces.size(); ++at) {
    auto one = result(coming[at], pieces[at], type, deadline);
    const auto right = one ? use(*one, type) : one.error();
    if (!right) {
      return right.error();
    }
    objects.push_back(std::move(*one));
  }
  return objects;
}

Result<ArrayBox> StepFetch::find(std::string_view name, const ArrayType& type, const Hyperslab& box) const {
  auto found = find_box(record(), name, type.name, box);
  if (found && !are_here(found->pieces)) {
    note({.of = StepWish::Of::box,
          .name = std::string(name),
          .type = std::string(type.name),
          .flat_bytes = type.flat_bytes,
          .inner = type.inner,
          .box = box});
  }
  return found;
}

Result<ObjectView> StepFetch::box(std::string_view name, const ArrayType& type, const Hyperslab& box,
                                  Deadline deadline) const {
  const auto found = find(name, type, box);
  if (!found) {
    return found.error();
  }
  if (found->pieces.size() == 1) {
    return piece(found->pieces.front(), type, deadline);
  }
  auto joined = calls_.create(type, found->extents, {}, deadline);
  if (!joined) {
    return joined.error();
  }
  const auto into = row_major(joined->bytes().data(), found->extents, type.element_bytes);
  const auto filled = copy(*found, type, into, deadline);
  const auto key = filled ? seal_writer(*joined, {}, deadline) : Result<Key>(filled.error());
  if (!key) {
    return key.error();
  }
  auto object = calls_.get(*key, Selection(), deadline);
  calls_.evict(*key);
  return object;
}

Result<std::size_t> StepFetch::read(std::string_view name, const ArrayType& type, const Hyperslab& box,
                                    const StridedBytes& into, Fit fit, Deadline deadline) const {
  const auto found = find(name, type, box);
  if (!found) {
    return found.error();
  }
  const bool fits =
      fit == Fit::elements ? found->extents.has(into.extents[0]) : found->extents == into.extents;
  if (!fits) {
    return Error(Errc::invalid_argument, "the box has " + extents_text(found->extents) +
                                             " elements, and the memory " + extents_text(into.extents) +
                                             "; give an array of the extents of the box");
  }
  return copy(*found, type,
              fit == Fit::elements ? row_major(into.first, found->extents, type.element_bytes) : into,
              deadline);
}

Result<std::size_t> StepFetch::copy(const ArrayBox& box, const ArrayType& type, const StridedBytes& into,
                                    Deadline deadline) const {
  std::vector<BoxPiece> away;
  for (const BoxPiece& piece : box.pieces) {
    if (!is_here(*piece.block)) {
      away.push_back(piece);
    }
  }
  auto coming = request(away, type, deadline, false);
  const auto place = [&](const BoxPiece& piece, const Result<StridedBytes>& elements) -> Result<void> {
    if (!elements) {
      return elements.error();
    }
    copy_strided(*elements, strided(into, piece.place, piece.slab.count, {}));
    return {};
  };
  for (const BoxPiece& piece : box.pieces) {
    if (!is_here(*piece.block)) {
      continue;
    }
    const auto whole = get(*piece.block, Selection(), deadline);
    const bool is_enclosed = piece.block->node != node_;
    auto placed = !whole        ? whole.error()
                  : is_enclosed ? use(*whole, type, count_of(piece.slab.count) * type.element_bytes)
                                : use(*whole, type);
    if (placed) {
      auto elements = elements_in(*whole, extents_of(*piece.block), type.element_bytes);
      if (elements) {
        elements = strided(*elements, piece.slab.start, piece.slab.count, piece.slab.stride);
      }
      placed = place(piece, elements);
    }
    if (!placed) {
      return placed.error();
    }
  }
  for (std::size_t at = 0; at < away.size(); ++at) {
    const auto part = result(coming[at], away[at], type, deadline);
    auto placed = part ? use(*part, type) : part.error();
    if (placed) {
      placed = place(away[at], elements_in(*part, away[at].slab.count, type.element_bytes));
    }
    if (!placed) {
      return placed.error();
    }
  }
  return count_of(box.extents);
}

Result<ObjectView> StepFetch::piece(const BoxPiece& piece, const ArrayType& type, Deadline deadline) const {
  if (auto coming = fetched(piece)) {
    return result(*coming, piece, type, deadline);
  }
  return get(*piece.block, selection_of(piece, type, true), deadline);
}

Result<ObjectView> StepFetch::get(const BlockRecord& block, const Result<Selection>& selection,
                                  Deadline deadline) const {
  if (block.node != node_ && selection) {
    if (auto enclosed = enclosed_block(record(), block)) {
      return selected(std::move(*enclosed), *selection);
    }
  }
  auto there = calls_.get(block.key, selection, deadline);
  return there ? std::move(there) : Result<ObjectView>(of_its_writer(block, there.error()));
}

std::optional<AsyncResult<ObjectView>> StepFetch::fetched(const BoxPiece& piece) const {
  return ahead_ && !is_here(*piece.block) ? ahead_->take(number_, piece) : std::nullopt;
}

Result<ObjectView> StepFetch::result(ComingObject& coming, const BoxPiece& piece, const ArrayType& type,
                                     Deadline deadline) const {
  const ComingObject mine = std::exchange(coming, {});
  auto there = mine.get(deadline);
  if (!there && mine.ready() && ahead_) {
    return this->piece(piece, type, deadline);
  }
  return there ? std::move(there) : Result<ObjectView>(of_its_writer(*piece.block, there.error()));
}

Result<Selection> StepFetch::selection_of(const BoxPiece& piece, const ArrayType& type, bool shares) {
  const bool all = !piece.slab.is_given() || (shares && is_whole(piece));
  return all ? Result<Selection>(Selection()) : ObjectCalls::selection_of(piece.slab, type);
}

std::vector<AsyncResult<ObjectView>> StepFetch::request(const std::vector<BoxPiece>& pieces,
                                                        const ArrayType& type, Deadline deadline,
                                                        bool shares) const {
  std::vector<ComingObject> coming(pieces.size());
  for (std::size_t at = 0; at < pieces.size(); ++at) {
    const BoxPiece& piece = pieces[at];
    if (is_here(*piece.block)) {
      coming[at] = ComingObject(get(*piece.block, selection_of(piece, type, shares), deadline));
    }
  }
  const PostsTogether requests;
  for (std::size_t at = 0; at < pieces.size(); ++at) {
    const BoxPiece& piece = pieces[at];
    if (!is_here(*piece.block)) {
      auto there = fetched(piece);
      coming[at] = there ? std::move(*there)
                         : calls_.get_async(piece.block->key, selection_of(piece, type, shares), deadline);
    }
  }
  return coming;
}

StepTransfers StepFetch::begin(const StepWish& wish) const {
  std::vector<BoxPiece> pieces;
  if (wish.of == StepWish::Of::block) {
    if (const auto found = find_block(record(), wish.name, wish.type, wish.writer)) {
      pieces = {{*found, {}, {}}};
    }
  } else if (wish.of == StepWish::Of::blocks) {
    if (const auto found = find_blocks(record(), wish.name, wish.type)) {
      pieces = whole_pieces(*found);
    }
  } else if (auto found = find_box(record(), wish.name, wish.type, wish.box)) {
    pieces = std::move(found->pieces);
  }
  const ArrayType type{.flat_bytes = wish.flat_bytes, .inner = wish.inner};
  StepTransfers transfers;
  for (const BoxPiece& piece : pieces) {
    if (!is_here(*piece.block)) {
      transfers.add(piece, std::move(request({piece}, type, {}, pieces.size() == 1).front()));
    }
  }
  return transfers;
}

Result<void> StepFetch::use(const ObjectView& object, const ArrayType& type, std::uint64_t bytes) const {
  auto right = check_array(calls_.session(), object, type);
  if (right) {
    calls_.session().metrics().count_read(object.path(), bytes);
  }
  return right;
}

}  // namespace locum::detail
