#include "core/step_writer.hpp"

#include <algorithm>
#include <exception>

#include "core/base/resolved_path.hpp"
#include "core/steps/step_output.hpp"
#include "core/steps/step_search.hpp"

namespace locum {

namespace {

Error ended_before() {
  return Error(Errc::invalid_argument, "this step has been ended, discarded or moved; begin() the next one");
}

Error moved_away() {
  return Error(Errc::closed, "this StepWriter was moved from; use the one that it was moved to");
}

StepWriterOptions with_resolved_file(StepWriterOptions options) {
  options.file = resolved_path(options.file);
  return options;
}

}  // namespace

OutputStep::OutputStep(std::shared_ptr<detail::StepOutput> output)
    : output_(std::move(output)), exceptions_(std::uncaught_exceptions()) {}

OutputStep::OutputStep(OutputStep&& other) noexcept
    : output_(std::move(other.output_)),
      ended_of_(std::move(other.ended_of_)),
      part_(std::move(other.part_)),
      drafts_(std::move(other.drafts_)),
      failed_(std::move(other.failed_)),
      exceptions_(other.exceptions_) {
  other.ended_of_ = output_ ? output_ : ended_of_.lock();
}

OutputStep& OutputStep::operator=(OutputStep&& other) noexcept {
  std::swap(output_, other.output_);
  std::swap(ended_of_, other.ended_of_);
  std::swap(part_, other.part_);
  std::swap(drafts_, other.drafts_);
  std::swap(failed_, other.failed_);
  std::swap(exceptions_, other.exceptions_);
  return *this;
}

OutputStep::~OutputStep() {
  if (output_) {
    using Cause = detail::StreamFailure::Cause;
    remove();
    output_->abandon(std::uncaught_exceptions() > exceptions_ ? Cause::thrown : Cause::not_ended);
  }
}

Deadline OutputStep::patience(Deadline deadline) const {
  return output_->stream().patience(deadline);
}

std::optional<Deadline> OutputStep::await_memory(Deadline until) {
  const auto slice = output_->await_memory(output_->stream().moment(until));
  return slice ? std::optional<Deadline>(*slice) : std::nullopt;
}

const Store& OutputStep::store() const noexcept {
  return output_->stream().store();
}

std::uint64_t OutputStep::number() const noexcept {
  return output_ ? output_->next() : 0;
}

Result<detail::BlockRecord> OutputStep::checked(const GlobalBlock& block) {
  detail::BlockRecord record;
  if (block.count.size() > max_rank || block.shape.size() > max_rank) {
    return Error(Errc::invalid_argument, "an array has at most " + std::to_string(max_rank) + " dimensions");
  }
  record.rank = static_cast<std::uint32_t>(block.count.size());
  std::ranges::copy(block.count.span(), record.count.begin());
  if (block.shape.size() == 0 && block.start.size() == 0) {
    return record;
  }
  bool fits = block.shape.size() == block.count.size() && block.start.size() == block.count.size();
  for (std::size_t at = 0; fits && at < block.count.size(); ++at) {
    record.start[at] = block.start[at];
    fits = block.start[at] <= block.shape[at] && block.count[at] <= block.shape[at] - block.start[at];
  }
  return fits ? Result<detail::BlockRecord>(record)
              : Error(Errc::invalid_argument,
                      "this block is not within the shape of the array; give shape, start and count with one "
                      "number for each dimension");
}

Error OutputStep::without_memory(const Error& error) const {
  return output_->without_memory(error);
}

Error OutputStep::about(std::string_view name, const Error& error) const {
  return output_->about(name, error);
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
  ended_of_ = output_;
  output_.reset();
}

Written OutputStep::failed(std::string_view name, const Error& error) {
  return Result<void>(failed_.emplace_back(name, about(name, error)).second);
}

void OutputStep::add(std::string_view name, std::string_view type, const Extents& shape,
                     detail::BlockRecord record, std::unique_ptr<Draft> draft) {
  std::erase_if(failed_, [name](const auto& one) { return one.first == name; });
  const std::vector<std::uint64_t> extents(shape.span().begin(), shape.span().end());
  const detail::VariableRecord variable{std::string(name), std::string(type), extents};
  const auto known = std::ranges::find(part_.variables, variable);
  record.variable = static_cast<std::uint32_t>(known - part_.variables.begin());
  if (known == part_.variables.end()) {
    const auto other = std::ranges::find(part_.variables, variable.name, &detail::VariableRecord::name);
    if (other != part_.variables.end()) {
      (void)failed(name, detail::disagreement(*other, "this rank", variable, "then"));
    }
    part_.variables.push_back(variable);
  }
  record.writer = static_cast<std::uint32_t>(output_->side().index);
  record.node = output_->stream().session().options().node;
  part_.blocks.push_back(record);
  drafts_.push_back(std::move(draft));
}

void OutputStep::discard() noexcept {
  if (output_) {
    remove();
    output_->discard();
    let_go();
  }
}

void OutputStep::remove() noexcept {
  for (const detail::BlockRecord& block : part_.blocks) {
    if (block.key.valid()) {
      (void)store().evict(block.key);
    }
  }
  part_ = {};
  drafts_.clear();
}

Written OutputStep::end(const CallOptions& options) {
  if (!output_) {
    return Result<void>(ended_before());
  }
  const Deadline until = output_->stream().moment(options.deadline);
  for (std::size_t at = 0; at < drafts_.size() && failed_.empty(); ++at) {
    if (drafts_[at]) {
      const auto key = drafts_[at]->seal(until);
      if (key) {
        part_.blocks[at].key = *key;
      } else {
        (void)failed(part_.variables[part_.blocks[at].variable].name, key.error());
      }
    }
  }
  Result<void> ended = failed_.empty() ? output_->end(part_, until) : Result<void>(failed_.front().second);
  if (!failed_.empty()) {
    output_->discard();
    remove();
  }
  if (!ended) {
    output_->refuse(ended.error());
  }
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

}  // namespace locum
