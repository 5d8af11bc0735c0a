#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/codec.hpp"
#include "core/detail/object_calls.hpp"
#include "core/element_type.hpp"
#include "core/room_policy.hpp"
#include "core/step_options.hpp"
#include "core/steps/step_output.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/written_boxes.hpp"
#include "core/value/deadline.hpp"
#include "core/writer.hpp"

namespace locum::detail {

/// What a rank has written of a step that it has not ended. Types are known at run time: OutputStep is typed.
/// One thread at a time.
class StepDraft {
 public:
  /// A step of that writer, whose begin() was successful.
  explicit StepDraft(std::shared_ptr<StepOutput> output);
  StepDraft(const StepDraft&) = delete;
  StepDraft& operator=(const StepDraft&) = delete;
  ~StepDraft() = default;

  [[nodiscard]] const std::shared_ptr<StepOutput>& output() const noexcept { return output_; }

  /// See OutputStep::create().
  [[nodiscard]] Result<std::span<std::byte>> create(std::string_view name, const ArrayType& type,
                                                    const GlobalBlock& block, Deadline deadline);
  /// See OutputStep::put(). \param type that the variable has \param steps which write the value
  [[nodiscard]] Result<void> put(std::string_view name, std::string_view type, const void* value,
                                 const WritingSteps& steps, const GlobalBlock& block, Deadline deadline);
  /// Returns a view of the block that create() returned at `first`; its memory stays as long as the view,
  /// also after end(), remove() and the end of the session. It must not be written from then on, and its
  /// variable is complete. `invalid_argument` if there is no such block, or it was kept before. After
  /// `closed` the block stays as long as this.
  [[nodiscard]] Result<ObjectView> keep(const std::byte* first, Deadline deadline);
  /// A variable could not be written: an error of end(), unless a later call writes it. Returns the error, as
  /// one about this variable.
  Error fail(std::string_view name, const Error& error);
  /// Ends the step, see OutputStep::end(). Whether it could or not, nothing more is written to this.
  [[nodiscard]] Result<void> end(Deadline deadline);
  /// Evicts what was written.
  void remove() noexcept;

 private:
  /// The result of an attempt to store something. Where the node has no memory, further ones follow while
  /// readers release steps of this stream.
  template <class Attempt>
  [[nodiscard]] auto with_memory(Deadline deadline, Attempt attempt) const
      -> decltype(attempt(RoomPolicy(), deadline));
  [[nodiscard]] Result<void> seal(Deadline deadline);
  /// Returns the record of a block that this rank has not written yet.
  [[nodiscard]] Result<BlockRecord> place(std::string_view name, std::string_view type,
                                          const GlobalBlock& block) const;
  void add(std::string_view name, std::string_view type, const Extents& shape, BlockRecord record);

  const std::shared_ptr<StepOutput> output_;
  const ObjectCalls calls_;
  StepRecord part_;
  std::vector<WrittenBoxes> boxes_;  ///< of the variables of part_; of a local array none
  std::vector<std::pair<std::size_t, OwnedDraft>> created_;  ///< blocks that were not put, by place in part_
  std::vector<std::pair<std::string, Error>> failed_;        ///< what could not be written, by name
};

}  // namespace locum::detail
