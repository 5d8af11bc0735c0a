#include "core/step_writer.hpp"

#include <algorithm>
#include <exception>

#include "core/base/resolved_path.hpp"
#include "core/element_type.hpp"
#include "core/raw_array.hpp"
#include "core/steps/step_draft.hpp"
#include "core/steps/step_output.hpp"

namespace locum {

namespace {

Error ended_before() {
  return Error(Errc::invalid_argument, "this step has been ended, discarded or moved; begin the next one");
}

Error moved_away() {
  return Error(Errc::closed, "this writer of steps was moved from; use the one that it was moved to");
}

StepWriterOptions with_resolved_file(StepWriterOptions options) {
  options.file = resolved_path(options.file);
  return options;
}

}  // namespace

OutputStep::OutputStep(std::shared_ptr<detail::StepOutput> output)
    : draft_(std::make_unique<detail::StepDraft>(std::move(output))),
      exceptions_(std::uncaught_exceptions()) {}

OutputStep::OutputStep(OutputStep&& other) noexcept
    : draft_(std::move(other.draft_)), ended_of_(std::move(other.ended_of_)), exceptions_(other.exceptions_) {
  other.ended_of_ = draft_ ? draft_->output() : ended_of_.lock();
}

OutputStep& OutputStep::operator=(OutputStep&& other) noexcept {
  std::swap(draft_, other.draft_);
  std::swap(ended_of_, other.ended_of_);
  std::swap(exceptions_, other.exceptions_);
  return *this;
}

OutputStep::~OutputStep() {
  if (draft_) {
    using Cause = detail::StreamFailure::Cause;
    draft_->remove();
    draft_->output()->abandon(std::uncaught_exceptions() > exceptions_ ? Cause::thrown : Cause::not_ended);
  }
}

std::uint64_t OutputStep::number() const noexcept {
  return draft_ ? draft_->output()->next() : 0;
}

Error OutputStep::lost_with_its_step(std::string_view name) const {
  const Error error = ended_before();
  if (const auto writer = ended_of_.lock()) {
    Error named = writer->about(name, error);
    writer->note(named);
    return named;
  }
  return error.about(name);
}

void OutputStep::let_go() noexcept {
  ended_of_ = draft_->output();
  draft_.reset();
}

Result<std::span<std::byte>> OutputStep::create(std::string_view name, const ElementType& element,
                                                const GlobalBlock& block, const CallOptions& options) {
  if (draft_ && !element) {
    return draft_->fail(name, no_element_type());
  }
  return create_block(name, detail::RuntimeArrayType(element, block.count.size() == 0), block,
                      options.deadline);
}

Written OutputStep::put_encoded(std::string_view name, const ElementType& element,
                                std::span<const std::byte> bytes, const GlobalBlock& block,
                                const CallOptions& options) {
  const auto size_bytes =
      detail::array_bytes(block.count, detail::RuntimeArrayType(element, block.count.size() == 0));
  if (element && size_bytes && *size_bytes != bytes.size()) {
    return other_count(name);
  }
  return put_encoded(name, {bytes.data(), element, block.count}, block, options);
}

Written OutputStep::put_encoded(std::string_view name, const ConstRawArray& array, const GlobalBlock& block,
                                const CallOptions& options) {
  if (draft_ && !array.is_valid()) {
    return Result<void>(draft_->fail(name, invalid(array)));
  }
  const auto memory = create(name, array.element(),
                             {.shape = block.shape, .start = block.start, .count = array.extents()}, options);
  if (!memory) {
    return Result<void>(memory.error());
  }
  detail::pack(array.memory(), memory->data());
  return Result<void>();
}

Result<RawView> OutputStep::keep(const std::byte* first, const CallOptions& options) {
  if (!draft_) {
    return ended_before();
  }
  auto kept = draft_->keep(first, options.deadline);
  return kept ? Result<RawView>(RawView(*std::move(kept))) : kept.error();
}

Result<std::span<std::byte>> OutputStep::create_block(std::string_view name, const detail::ArrayType& type,
                                                      const GlobalBlock& block, TimeLimit deadline) {
  return draft_ ? draft_->create(name, type, block, deadline) : lost_with_its_step(name);
}

Written OutputStep::put_block(std::string_view name, std::string_view type, const void* value,
                              const detail::WritingSteps& steps, const GlobalBlock& block,
                              TimeLimit deadline) {
  return draft_ ? draft_->put(name, type, value, steps, block, deadline)
                : Result<void>(lost_with_its_step(name));
}

Written OutputStep::fail(std::string_view name, const Error& error) {
  return Result<void>(draft_ ? draft_->fail(name, error) : lost_with_its_step(name));
}

Written OutputStep::other_count(std::string_view name) {
  return fail(name, Error(Errc::invalid_argument,
                          "the count of this block is not the number of elements given; give the extents of "
                          "the block"));
}

void OutputStep::discard() noexcept {
  if (draft_) {
    draft_->remove();
    draft_->output()->discard();
    let_go();
  }
}

Written OutputStep::end(const CallOptions& options) {
  if (!draft_) {
    return Result<void>(ended_before());
  }
  auto ended = draft_->end(options.deadline);
  let_go();
  return ended;
}

StepWriter::StepWriter(const StepSide& side, std::string_view stream, const StepWriterOptions& options)
    : output_(detail::StepOutput::open(side, stream, with_resolved_file(options)).value()) {}

Result<OutputStep> StepWriter::begin(const CallOptions& options) {
  if (!output_) {
    return moved_away();
  }
  const auto begun = output_->begin(options.deadline);
  return begun ? Result<OutputStep>(OutputStep(output_)) : Result<OutputStep>(begun.error());
}

Result<void> StepWriter::close(const CallOptions& options) {
  if (!output_) {
    return moved_away();
  }
  return output_->close(options.deadline);
}

void StepWriter::abandon() noexcept {
  if (output_) {
    output_->abandon();
  }
}

}  // namespace locum
