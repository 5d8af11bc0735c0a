#include "core/step_reader.hpp"

#include <algorithm>

#include "core/base/resolved_path.hpp"
#include "core/steps/step_input.hpp"

namespace locum {

namespace {

Result<InputStep> step_of(const std::shared_ptr<detail::StepInput>& input,
                          Result<detail::StepInput::Found> found) {
  return found ? Result<InputStep>(std::in_place, input, found->known_as, input->fetch(*found),
                                   std::move(found->released))
               : Result<InputStep>(found.error());
}

StepReaderOptions with_resolved_file(StepReaderOptions options) {
  options.file = resolved_path(options.file);
  return options;
}

}  // namespace

InputStep::InputStep(std::shared_ptr<detail::StepInput> input, std::uint64_t number, detail::StepFetch fetch,
                     Writer<std::uint8_t> released)
    : input_(std::move(input)), number_(number), fetch_(std::move(fetch)), released_(std::move(released)) {}

InputStep& InputStep::operator=(InputStep&& other) noexcept {
  std::swap(input_, other.input_);
  std::swap(number_, other.number_);
  std::swap(fetch_, other.fetch_);
  std::swap(released_, other.released_);
  return *this;
}

InputStep::~InputStep() {
  release();
}

void InputStep::release() noexcept {
  if (input_) {
    try {
      (void)released_.seal_async();
    } catch (...) {  // no memory: it is released when this rank leaves
    }
    input_.reset();
  }
}

Error InputStep::released_before() {
  return Error(Errc::invalid_argument, "this step was released; read all that is needed before");
}

Error InputStep::other_extents() {
  return Error(Errc::invalid_argument, "the memory does not have the extents of the box");
}

std::vector<Variable> InputStep::variables() const {
  std::vector<Variable> variables;
  for (const detail::VariableRecord& record : fetch_.record().variables) {
    variables.push_back({record.name, record.type, detail::shape_of(record), 0, 0});
  }
  for (const detail::BlockRecord& block : fetch_.record().blocks) {
    ++variables[block.variable].blocks;
    variables[block.variable].size_bytes += block.size_bytes;
  }
  return variables;
}

Result<Extents> InputStep::shape(std::string_view name) const {
  const auto variable = detail::find_global_array(fetch_.record(), name, {});
  return variable ? Result<Extents>(detail::shape_of(fetch_.record().variables[*variable]))
                  : Result<Extents>(variable.error().about(name));
}

Result<std::vector<StepBlock>> InputStep::blocks(std::string_view name) const {
  const auto found = detail::blocks_named(fetch_.record(), name);
  if (!found) {
    return found.error().about(name);
  }
  std::vector<StepBlock> blocks;
  for (const detail::BlockRecord* record : *found) {
    Extents start = detail::extents_of(*record);
    std::ranges::copy(record->start, start.values.begin());
    blocks.push_back({static_cast<int>(record->writer), start, detail::extents_of(*record),
                      record->size_bytes, fetch_.is_here(*record)});
  }
  return blocks;
}

StepReader::StepReader(const StepSide& side, std::string_view stream, const StepReaderOptions& options)
    : input_(std::make_shared<detail::StepInput>(side, stream, with_resolved_file(options))) {
  if (stream.empty() || side.number == 0 || side.index >= side.count) {
    throw Error(Errc::invalid_argument, "a stream of steps needs a name");
  }
  if (!options.file.empty() && !options.group.empty()) {
    throw Error(
        Errc::invalid_argument,
        "readers of a file do not share its steps: leave out group, and give each reader steps of its "
        "own by first_step and every");
  }
  if (options.file.empty() && (options.first_step != 0 || options.every != 1)) {
    throw Error(
        Errc::invalid_argument,
        "first_step and every are for steps in a file: those of a stream in memory come one after the "
        "other; leave them out, or name the file");
  }
  if (options.every == 0 || (options.first_step != 0 && options.start_at != StartAt::oldest)) {
    throw Error(Errc::invalid_argument,
                "every is at least 1, and first_step is given without start_at, which says the same");
  }
}

Result<InputStep> StepReader::next(TimeLimit limit) {
  return step_of(input_, input_->next(limit));
}

Result<InputStep> StepReader::latest(TimeLimit limit) {
  return step_of(input_, input_->latest(limit));
}

}  // namespace locum
