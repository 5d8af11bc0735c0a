#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/async_result.hpp"
#include "core/detail/object_calls.hpp"
#include "core/detail/read.hpp"
#include "core/element_type.hpp"
#include "core/steps/step_ahead.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/step_search.hpp"
#include "core/strided_array.hpp"
#include "core/value/deadline.hpp"
#include "core/value/hyperslab.hpp"
#include "core/value/result.hpp"
#include "core/view.hpp"

namespace locum::detail {

/// Reads the blocks of one step: those of this node in their memory, others by requests, unless they were
/// fetched ahead. Types are known at run time: InputStep makes views of them. Any thread.
class StepFetch {
 public:
  /// `ahead`: null if nothing is fetched ahead. `title`: of the stream or file, for errors.
  StepFetch(const Store& store, int node, std::shared_ptr<StepAhead> ahead, std::uint64_t number,
            View<StepRecord> record, std::string title)
      : calls_(store),
        node_(node),
        ahead_(std::move(ahead)),
        number_(number),
        record_(std::move(record)),
        title_(std::move(title)) {}

  [[nodiscard]] const ObjectCalls& calls() const noexcept { return calls_; }
  /// The number of the step in its stream.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] const StepRecord& record() const noexcept { return *record_; }
  /// The error, about this variable of the stream.
  [[nodiscard]] Error about(std::string_view variable, const Error& error) const {
    return error.about(title_ + ": " + std::string(variable));
  }
  /// Whether the block is on this node, or its bytes have come with the record of the step.
  [[nodiscard]] bool is_here(const BlockRecord& block) const noexcept {
    return block.node == node_ || find_enclosed(record(), block) != nullptr;
  }

  /// The only block of that name, or that of one writer. \param type of its object
  [[nodiscard]] Result<ObjectView> block(std::string_view name, std::string_view type, int writer,
                                         Deadline deadline) const;
  /// The same, of any type. Is not fetched ahead.
  [[nodiscard]] Result<ObjectView> bytes(std::string_view name, int writer, Deadline deadline) const;
  /// All blocks of that name, which are arrays of that type, ascending by writer.
  [[nodiscard]] Result<std::vector<ObjectView>> arrays(std::string_view name, const ArrayType& type,
                                                       Deadline deadline) const;
  /// A box of a global array (see InputStep::read()): in place if one block of this node has it, and
  /// contiguously. Its type is not checked beyond what the writers gave.
  [[nodiscard]] Result<ObjectView> box(std::string_view name, const ArrayType& type, const Hyperslab& box,
                                       Deadline deadline) const;
  /// Copies a box of a global array to memory of the caller: with the extents of the box, or by
  /// `Fit::elements` with one extent, its number of elements. Returns that.
  [[nodiscard]] Result<std::size_t> read(std::string_view name, const ArrayType& type, const Hyperslab& box,
                                         const StridedBytes& into, Fit fit, Deadline deadline) const;

  /// Begins to fetch what was wished of another step, as far as it is on other nodes.
  [[nodiscard]] StepTransfers begin(const StepWish& wish) const;

 private:
  using ComingObject = AsyncResult<ObjectView>;

  [[nodiscard]] bool are_here(const std::vector<BoxPiece>& pieces) const noexcept;
  void note(StepWish wish) const;
  [[nodiscard]] Result<ArrayBox> find(std::string_view name, const ArrayType& type,
                                      const Hyperslab& box) const;
  /// Copies all pieces to their places in an array. Those of other nodes are all on their way at a time.
  /// Returns the number of elements.
  [[nodiscard]] Result<std::size_t> copy(const ArrayBox& box, const ArrayType& type, const StridedBytes& into,
                                         Deadline deadline) const;
  /// One piece, in place if it is on this node and contiguous. \param type unless it is a whole block
  [[nodiscard]] Result<ObjectView> piece(const BoxPiece& piece, const ArrayType& type,
                                         Deadline deadline) const;
  /// What is selected of a block.
  [[nodiscard]] Result<ObjectView> get(const BlockRecord& block, const Result<Selection>& selection,
                                       Deadline deadline) const;
  /// What was fetched ahead of that; once.
  [[nodiscard]] std::optional<ComingObject> fetched(const BoxPiece& piece) const;
  /// Waits, and lets go of it. What was fetched ahead may have failed where a request now does not.
  [[nodiscard]] Result<ObjectView> result(ComingObject& coming, const BoxPiece& piece, const ArrayType& type,
                                          Deadline deadline) const;
  /// What is asked for of a block. `shares`: a whole block comes as a copy for all ranks of the node;
  /// otherwise only for this call.
  [[nodiscard]] static Result<Selection> selection_of(const BoxPiece& piece, const ArrayType& type,
                                                      bool shares);
  [[nodiscard]] std::vector<ComingObject> request(const std::vector<BoxPiece>& pieces, const ArrayType& type,
                                                  Deadline deadline, bool shares) const;
  /// An array of that type, of which all, or so many bytes are used: counts the path.
  [[nodiscard]] Result<void> use(const ObjectView& object, const ArrayType& type) const {
    return use(object, type, object.bytes().size());
  }
  [[nodiscard]] Result<void> use(const ObjectView& object, const ArrayType& type, std::uint64_t bytes) const;

  ObjectCalls calls_;
  int node_;
  std::shared_ptr<StepAhead> ahead_;
  std::uint64_t number_;
  View<StepRecord> record_;
  std::string title_;
};

}  // namespace locum::detail
