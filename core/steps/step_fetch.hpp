#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/deadline.hpp>
#include <locum/detail/steps/step_ahead.hpp>
#include <locum/detail/steps/step_record.hpp>
#include <locum/detail/steps/step_search.hpp>
#include <locum/hyperslab.hpp>
#include <locum/result.hpp>
#include <locum/store.hpp>
#include <locum/strided_array.hpp>
#include <locum/view.hpp>

namespace locum::detail {

/// Reads the blocks of one step: those of this node in their memory, others by requests, unless they were
/// fetched ahead. Any thread.
class StepFetch {
 public:
  /// `ahead`: null if nothing is fetched ahead.
  StepFetch(Store store, int node, std::shared_ptr<StepAhead> ahead, std::uint64_t number,
            View<StepRecord> record)
      : store_(std::move(store)),
        node_(node),
        ahead_(std::move(ahead)),
        number_(number),
        record_(std::move(record)) {}

  [[nodiscard]] const Store& store() const noexcept { return store_; }
  [[nodiscard]] const StepRecord& record() const noexcept { return *record_; }
  [[nodiscard]] bool is_here(const BlockRecord& block) const noexcept { return block.node == node_; }

  /// The only block of that name, or that of one writer.
  template <class T>
  [[nodiscard]] Result<View<T>> block(std::string_view name, int writer, TimeLimit deadline) const {
    const auto found = find_block(record(), name, type_name<T>, writer);
    if (!found) {
      return found.error();
    }
    if (!is_here(**found)) {
      note(name, {}, writer, [](const StepWish& wish, const StepFetch& from) {
        const auto next = find_block(from.record(), wish.name, type_name<T>, wish.writer);
        return next ? from.begin<T>({{*next, {}, {}}}) : StepTransfers();
      });
    }
    return view<T>({*found, {}, {}}, deadline);
  }
  /// The same, of any type. Is not fetched ahead.
  [[nodiscard]] Result<View<std::byte[]>> bytes(std::string_view name, int writer, TimeLimit deadline) const {
    const auto found = find_block(record(), name, {}, writer);
    return found ? store_.get_bytes((*found)->key, {.part = {}, .deadline = deadline})
                 : Result<View<std::byte[]>>(found.error());
  }
  /// All blocks of that name, ascending by writer.
  template <class T>
  [[nodiscard]] Result<std::vector<View<T>>> blocks(std::string_view name, TimeLimit deadline) const {
    const auto found = find_blocks(record(), name, type_name<T>);
    if (!found) {
      return found.error();
    }
    const auto pieces = whole_pieces(*found);
    if (!are_here(pieces)) {
      note(name, {}, -1, [](const StepWish& wish, const StepFetch& from) {
        const auto next = find_blocks(from.record(), wish.name, type_name<T>);
        return next ? from.begin<T>(whole_pieces(*next)) : StepTransfers();
      });
    }
    std::vector<View<T>> views;
    auto coming = request<T>(pieces, deadline, true);
    for (std::size_t at = 0; at < pieces.size(); ++at) {
      auto one = result(coming[at], pieces[at], deadline);
      if (!one) {
        return one.error();
      }
      views.push_back(std::move(*one));
    }
    return views;
  }
  /// The pieces of a box of a global array.
  template <class T>
  [[nodiscard]] Result<ArrayBox> box(std::string_view name, const Hyperslab& box) const {
    auto found = find_box(record(), name, type_name<T[]>, box);
    if (found && !are_here(found->pieces)) {
      note(name, box, -1, [](const StepWish& wish, const StepFetch& from) {
        const auto next = find_box(from.record(), wish.name, type_name<T[]>, wish.box);
        return next ? from.begin<T[]>(next->pieces) : StepTransfers();
      });
    }
    return found;
  }
  /// One piece, in place if it is on this node and contiguous.
  template <class T>
  [[nodiscard]] Result<View<T>> view(const BoxPiece& piece, TimeLimit deadline) const {
    if (auto coming = fetched<T>(piece)) {
      return result(*coming, piece, deadline);
    }
    return requested<T>(piece, deadline, true,
                        [&](const auto& options) { return store_.get<T>(piece.block->key, options); });
  }
  /// Copies all pieces to their places in an array. Those of other nodes are all on their way at a time.
  /// Returns the number of elements.
  template <class T>
  [[nodiscard]] Result<std::size_t> copy(const ArrayBox& box, const StridedArray<T>& into,
                                         TimeLimit deadline) const {
    std::vector<BoxPiece> away;
    for (const BoxPiece& piece : box.pieces) {
      if (!is_here(*piece.block)) {
        away.push_back(piece);
      }
    }
    auto coming = request<T[]>(away, deadline, false);
    for (const BoxPiece& piece : box.pieces) {
      if (!is_here(*piece.block)) {
        continue;
      }
      const auto whole = store_.get<T[]>(piece.block->key, {.codec = {}, .deadline = deadline});
      if (!whole) {
        return whole.error();
      }
      const Extents extents = extents_of(*piece.block);
      if (!extents.has(whole->size())) {
        return Error(Errc::corrupt, "a block does not have the extents that its writer gave");
      }
      copy_elements(strided(locum::array(whole->data(), extents), indices_of(piece.slab.start),
                            piece.slab.count, piece.slab.stride),
                    strided(into, piece.place, piece.slab.count, {}));
    }
    for (std::size_t at = 0; at < away.size(); ++at) {
      const auto part = result(coming[at], away[at], deadline);
      if (!part) {
        return part.error();
      }
      const Extents& count = away[at].slab.count;
      if (!count.has(part->size())) {
        return Error(Errc::corrupt, "a block does not have the extents that its writer gave");
      }
      copy_elements(locum::array(part->data(), count), strided(into, away[at].place, count, {}));
    }
    return elements_of_box(box.extents);
  }

 private:
  /// That a writer gives a variable of such values.
  template <class T>
  static constexpr std::string_view type_name = type_identity<Stored<T>>.name;

  [[nodiscard]] bool are_here(const std::vector<BoxPiece>& pieces) const noexcept;
  [[nodiscard]] static std::vector<BoxPiece> whole_pieces(const std::vector<const BlockRecord*>& blocks);
  [[nodiscard]] static bool is_whole(const BoxPiece& piece) noexcept;
  [[nodiscard]] static Extents indices_of(const Coordinates& place) noexcept;
  [[nodiscard]] static std::size_t elements_of_box(const Extents& extents) noexcept;

  void note(std::string_view name, const Hyperslab& box, int writer, StepWish::Begin next) const;
  /// What was fetched ahead of that; once.
  template <class T>
  [[nodiscard]] std::optional<Future<T>> fetched(const BoxPiece& piece) const {
    return ahead_ && !is_here(*piece.block) ? ahead_->take<T>(number_, piece) : std::nullopt;
  }
  /// Waits, and lets go of the future. What was fetched ahead may have failed where a request now does not.
  template <class T>
  [[nodiscard]] Result<View<T>> result(Future<T>& future, const BoxPiece& piece, TimeLimit deadline) const {
    const Future<T> coming = std::exchange(future, {});
    auto there = coming.get(deadline);
    return there || !coming.ready() || !ahead_ ? there : view<T>(piece, deadline);
  }
  /// `get` with the options for that piece. `shares`: a whole block comes as a copy for all ranks of the
  /// node; otherwise only for this call.
  template <class T, class Get>
  [[nodiscard]] static auto requested(const BoxPiece& piece, TimeLimit deadline, bool shares, Get get) {
    GetOptions<T> options;
    options.deadline = deadline;
    if constexpr (requires { options.slab; }) {
      if (piece.slab.is_given() && !(shares && is_whole(piece))) {
        options.slab = piece.slab;
      }
    }
    return get(options);
  }
  template <class T>
  [[nodiscard]] std::vector<Future<T>> request(const std::vector<BoxPiece>& pieces, TimeLimit deadline,
                                               bool shares) const {
    std::vector<Future<T>> coming;
    coming.reserve(pieces.size());
    for (const BoxPiece& piece : pieces) {
      auto there = fetched<T>(piece);
      coming.push_back(there ? std::move(*there)
                             : requested<T>(piece, deadline, shares, [&](const auto& options) {
                                 return store_.get_async<T>(piece.block->key, options);
                               }));
    }
    return coming;
  }
  /// Begins to fetch those that are on other nodes.
  template <class T>
  [[nodiscard]] StepTransfers begin(const std::vector<BoxPiece>& pieces) const {
    StepTransfers transfers;
    for (const BoxPiece& piece : pieces) {
      if (!is_here(*piece.block)) {
        transfers.add(piece, request<T>({piece}, {}, pieces.size() == 1).front());
      }
    }
    return transfers;
  }
  /// Every stride-th element from `first` on.
  template <class T>
  [[nodiscard]] static StridedArray<T> strided(const StridedArray<T>& array, const Extents& first,
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
  template <class From, class To>
  static void copy_elements(const StridedArray<From>& from, const StridedArray<To>& into) {
    copy_strided(bytes_of(from), bytes_of(into));
  }

  Store store_;
  int node_;
  std::shared_ptr<StepAhead> ahead_;
  std::uint64_t number_;
  View<StepRecord> record_;
};

}  // namespace locum::detail
