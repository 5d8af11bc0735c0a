#include "core/step_reader.hpp"

#include <algorithm>

#include "core/base/resolved_path.hpp"
#include "core/detail/object_calls.hpp"
#include "core/raw_array.hpp"
#include "core/raw_view.hpp"
#include "core/steps/step_fetch.hpp"
#include "core/steps/step_input.hpp"

namespace locum {

namespace {

Result<InputStep> step_of(const std::shared_ptr<detail::StepInput>& input,
                          Result<detail::StepInput::Found> found) {
  return found ? Result<InputStep>(std::in_place, input, found->known_as,
                                   std::make_unique<const detail::StepFetch>(input->fetch(*found)),
                                   std::move(found->released))
               : Result<InputStep>(found.error());
}

StepReaderOptions with_resolved_file(StepReaderOptions options) {
  options.file = resolved_path(options.file);
  return options;
}

/// The element type of arrays of that type, or that type of a flat value; no type of other values.
ElementType element_of(std::string_view type) {
  if (type.ends_with("[]")) {
    type.remove_suffix(2);
  }
  const auto element = ElementType::named(type);
  return element ? *element : ElementType();
}

Error released_before() {
  return Error(Errc::invalid_argument, "this step was released; read all that is needed before");
}

template <class T>
Result<T> about(const detail::StepFetch& step, std::string_view name, Result<T> result) {
  return result ? std::move(result) : Result<T>(step.about(name, result.error()));
}

}  // namespace

InputStep::InputStep(InputStep&& other) noexcept = default;

InputStep::InputStep(std::shared_ptr<detail::StepInput> input, std::uint64_t number,
                     std::unique_ptr<const detail::StepFetch> fetch, Writer<std::uint8_t> released)
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
    input_->release(fetch_->number(), std::move(released_));
    input_.reset();
  }
}

Result<ObjectView> InputStep::block(std::string_view name, std::string_view type,
                                    const BlockOptions& options) const {
  return input_ ? about(*fetch_, name, fetch_->block(name, type, options.writer, options.deadline))
                : released_before();
}

Result<View<std::byte[]>> InputStep::get_bytes(std::string_view name, const BlockOptions& options) const {
  if (!input_) {
    return released_before();
  }
  return fetch_->calls().bytes_of(
      about(*fetch_, name, fetch_->bytes(name, options.writer, options.deadline)));
}

Result<RawView> InputStep::get_raw(std::string_view name, const BlockOptions& options) const {
  auto object = block(name, {}, options);
  return object ? Result<RawView>(RawView(*std::move(object))) : Result<RawView>(object.error());
}

Result<View<std::byte[]>> InputStep::read(std::string_view name, const ElementType& element,
                                          const Hyperslab& box, const CallOptions& options) const {
  const detail::RuntimeArrayType type(element);
  auto object = box_of(name, type, box, options.deadline);
  if (!object) {
    return object.error();
  }
  if (const auto right = detail::check_array(session(), *object, type); !right) {
    return fetch_->about(name, right.error());
  }
  return fetch_->calls().bytes_of(std::move(object));
}

Result<std::size_t> InputStep::read(std::string_view name, const ElementType& element,
                                    std::span<std::byte> into, const Hyperslab& box,
                                    const CallOptions& options) const {
  const std::uint32_t element_bytes = std::max<std::uint32_t>(element.bytes(), 1);
  if (into.size() % element_bytes != 0) {
    const Error error(Errc::invalid_argument,
                      "the memory is not for whole elements of type " + element.name());
    return fetch_ ? fetch_->about(name, error) : error;
  }
  return copied(name, detail::RuntimeArrayType(element), box,
                detail::row_major(into.data(), {into.size() / element_bytes}, element_bytes),
                detail::Fit::elements, options.deadline);
}

Result<std::size_t> InputStep::read(std::string_view name, const RawArray& into, const Hyperslab& box,
                                    const CallOptions& options) const {
  if (input_ && !into.is_valid()) {
    return fetch_->about(name, invalid(into));
  }
  const detail::RuntimeArrayType type(into.element(), into.extents().size() == 0);
  if (type.type().is_value && !box.is_given()) {
    const auto value = block(name, type.type().name, {.deadline = options.deadline});
    return value ? about(*fetch_, name,
                         detail::copy_elements(session(), *value, type, into.memory(), detail::Fit::elements))
                 : Result<std::size_t>(value.error());
  }
  return copied(name, type, box, into.memory(), detail::Fit::same_extents, options.deadline);
}

Result<ObjectView> InputStep::box_of(std::string_view name, const detail::ArrayType& type,
                                     const Hyperslab& box, TimeLimit deadline) const {
  return input_ ? about(*fetch_, name, fetch_->box(name, type, box, deadline)) : released_before();
}

Result<std::size_t> InputStep::copied(std::string_view name, const detail::ArrayType& type,
                                      const Hyperslab& box, const detail::StridedBytes& into, detail::Fit fit,
                                      TimeLimit deadline) const {
  return input_ ? about(*fetch_, name, fetch_->read(name, type, box, into, fit, deadline))
                : released_before();
}

Result<std::vector<ObjectView>> InputStep::arrays(std::string_view name, const detail::ArrayType& type,
                                                  TimeLimit deadline) const {
  return input_ ? about(*fetch_, name, fetch_->arrays(name, type, deadline)) : released_before();
}

// These are called for views of objects that fetch_ has found.
Error InputStep::error_of(std::string_view name, const Error& error) const {
  return fetch_->about(name, error);
}

detail::SessionState& InputStep::session() const noexcept {
  return fetch_->calls().session();
}

detail::DecodedHow InputStep::decoded_how(TimeLimit deadline) const {
  return fetch_->calls().decoded_how(deadline);
}

std::vector<Variable> InputStep::variables() const {
  std::vector<Variable> variables;
  if (!fetch_) {
    return variables;
  }
  for (const detail::VariableRecord& record : fetch_->record().variables) {
    variables.push_back({record.name, record.type, detail::shape_of(record), 0, 0, element_of(record.type)});
  }
  for (const detail::BlockRecord& block : fetch_->record().blocks) {
    ++variables[block.variable].blocks;
    variables[block.variable].size_bytes += block.size_bytes;
  }
  return variables;
}

Result<Extents> InputStep::shape(std::string_view name) const {
  if (!fetch_) {
    return released_before();
  }
  const auto variable = detail::find_global_array(fetch_->record(), name, {});
  return variable ? Result<Extents>(detail::shape_of(fetch_->record().variables[*variable]))
                  : Result<Extents>(fetch_->about(name, variable.error()));
}

Result<std::vector<StepBlock>> InputStep::blocks(std::string_view name) const {
  if (!fetch_) {
    return released_before();
  }
  const auto found = detail::blocks_named(fetch_->record(), name);
  if (!found) {
    return fetch_->about(name, found.error());
  }
  std::vector<StepBlock> blocks;
  for (const detail::BlockRecord* record : *found) {
    Extents start = detail::extents_of(*record);
    std::ranges::copy(record->start, start.values.begin());
    blocks.push_back({static_cast<int>(record->writer), start, detail::extents_of(*record),
                      record->size_bytes, fetch_->is_here(*record)});
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
                "every is at least 1, and first_step is given without start_at, which means the same");
  }
}

Result<InputStep> StepReader::next(TimeLimit limit) {
  return noted(step_of(input_, input_->next(limit)));
}

Result<InputStep> StepReader::latest(TimeLimit limit) {
  return noted(step_of(input_, input_->latest(limit)));
}

Result<InputStep> StepReader::noted(Result<InputStep> step) {
  last_error_ = step ? std::nullopt : std::optional(step.error());
  return step;
}

}  // namespace locum
