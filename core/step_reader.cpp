#include "core/step_reader.hpp"

#include <algorithm>

#include "core/steps/step_input.hpp"

namespace locum {

namespace {

Error no_such_variable() {
  return Error(Errc::not_found, "this step has no variable of that name; variables() says which it has");
}

Error released_step() {
  return Error(Errc::invalid_argument, "this step was released; read all that is needed before");
}

}  // namespace

InputStep::InputStep(std::shared_ptr<detail::StepInput> input, std::uint64_t number,
                     View<detail::StepRecord> record, Writer<std::uint8_t> released)
    : input_(std::move(input)), number_(number), record_(std::move(record)), released_(std::move(released)) {}

InputStep& InputStep::operator=(InputStep&& other) noexcept {
  std::swap(input_, other.input_);
  std::swap(number_, other.number_);
  std::swap(record_, other.record_);
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

const Store& InputStep::store() const noexcept {
  return input_->stream().store();
}

bool InputStep::is_here(const detail::BlockRecord& block) const noexcept {
  return block.node == input_->stream().session().options().node;
}

bool InputStep::is_whole(const detail::BlockRecord& block, const Hyperslab& slab) noexcept {
  return slab.count == detail::extents_of(block);
}

std::vector<Variable> InputStep::variables() const {
  std::vector<Variable> variables;
  for (const detail::VariableRecord& record : record_->variables) {
    Variable variable{record.name, record.type, {}, 0, 0};
    variable.shape.rank = static_cast<std::uint8_t>(record.shape.size());
    std::ranges::copy(record.shape, variable.shape.values.begin());
    variables.push_back(std::move(variable));
  }
  for (const detail::BlockRecord& block : record_->blocks) {
    ++variables[block.variable].blocks;
    variables[block.variable].size_bytes += block.size_bytes;
  }
  return variables;
}

Result<InputStep::Pieces> InputStep::pieces_of(std::string_view name, const Hyperslab& box) const {
  if (!input_) {
    return released_step();
  }
  const auto [first, last] = std::ranges::equal_range(
      record_->variables, name, {}, [](const auto& one) -> std::string_view { return one.name; });
  if (first == last) {
    return no_such_variable();
  }
  if (last - first > 1) {
    return Error(Errc::invalid_argument,
                 "the writers gave several shapes or types to this variable; let all give the same");
  }
  if (first->shape.empty()) {
    return Error(Errc::invalid_argument,
                 "this variable is no global array: its writers gave no shape; read it by get() or joined()");
  }
  const auto variable = static_cast<std::uint32_t>(first - record_->variables.begin());
  const auto blocks = std::ranges::equal_range(record_->blocks, variable, {}, &detail::BlockRecord::variable);
  auto pieces = detail::pieces_of(box, first->shape, blocks);
  if (!pieces) {
    return pieces.error();
  }
  Pieces all{std::move(*pieces), box.count};
  if (!box.is_given()) {
    all.extents.rank = static_cast<std::uint8_t>(first->shape.size());
    std::ranges::copy(first->shape, all.extents.values.begin());
  }
  return all;
}

Result<std::vector<const detail::BlockRecord*>> InputStep::blocks_of(std::string_view name) const {
  if (!input_) {
    return released_step();
  }
  std::vector<const detail::BlockRecord*> blocks;
  for (const detail::BlockRecord& block : record_->blocks) {
    if (record_->variables[block.variable].name == name) {
      blocks.push_back(&block);
    }
  }
  if (blocks.empty()) {
    return no_such_variable();
  }
  std::ranges::stable_sort(blocks, {}, &detail::BlockRecord::writer);
  return blocks;
}

Result<const detail::BlockRecord*> InputStep::block_of(std::string_view name, int writer) const {
  auto blocks = blocks_of(name);
  if (!blocks) {
    return blocks.error();
  }
  if (writer >= 0) {
    std::erase_if(*blocks,
                  [&](const auto* block) { return block->writer != static_cast<std::uint32_t>(writer); });
    if (blocks->empty()) {
      return Error(Errc::not_found,
                   "rank " + std::to_string(writer) + " of the writer wrote no variable of that name");
    }
  }
  if (blocks->size() > 1) {
    return Error(Errc::invalid_argument,
                 std::to_string(blocks->size()) +
                     " blocks have that name; say whose by {.writer = …}, or read all by read() or joined()");
  }
  return blocks->front();
}

StepReader::StepReader(const StepSide& side, std::string_view stream, const StepReaderOptions& options)
    : input_(std::make_shared<detail::StepInput>(side, stream, options)) {
  if (stream.empty() || side.number == 0 || side.index >= side.count) {
    throw Error(Errc::invalid_argument, "a stream of steps needs a name");
  }
}

Result<InputStep> StepReader::next(TimeLimit limit) {
  auto found = input_->next(limit);
  return found ? Result<InputStep>(std::in_place, input_, found->number, std::move(found->record),
                                   std::move(found->released))
               : Result<InputStep>(found.error());
}

Result<InputStep> StepReader::latest(TimeLimit limit) {
  auto found = input_->latest(limit);
  return found ? Result<InputStep>(std::in_place, input_, found->number, std::move(found->record),
                                   std::move(found->released))
               : Result<InputStep>(found.error());
}

}  // namespace locum
