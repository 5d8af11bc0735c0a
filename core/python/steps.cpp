#include "core/python/steps.hpp"

#include <optional>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/box.hpp"
#include "core/python/error.hpp"
#include "core/python/name.hpp"
#include "core/python/pin.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

StepWriter::StepWriter(const Ranks& ranks, const py::str& stream, std::uint32_t queue_steps,
                       std::uint64_t queue_bytes, int when_full, std::uint32_t rendezvous_readers,
                       const py::object& file) {
  const Name given(stream);
  std::optional<Name> path;
  if (!file.is_none()) {
    path.emplace(file);
  }
  const locum_step_writer_options options{
      queue_steps, queue_bytes, when_full, rendezvous_readers, path ? path->c_str() : nullptr, {}};
  locum_ranks side = ranks.get();
  check(unlocked([&] { return locum_step_writer_open(side, given.c_str(), &options, &writer_); }));
}

StepWriter::~StepWriter() {
  if (writer_ != nullptr) {
    (void)unlocked([&] { return locum_step_writer_close(&writer_, LOCUM_AT_ONCE); });
  }
}

locum_step_writer StepWriter::handle() const {
  if (writer_ == nullptr) {
    raise(LOCUM_CLOSED, "closed: this stream was closed");
  }
  return writer_;
}

std::unique_ptr<OutputStep> StepWriter::begin(double timeout_s) {
  locum_step_writer writer = handle();
  locum_output_step step = nullptr;
  check(unlocked([&] { return locum_step_begin(writer, timeout_s, &step); }));
  return std::make_unique<OutputStep>(step);
}

void StepWriter::close(double timeout_s) {
  locum_step_writer writer = handle();
  const locum_status status = unlocked([&] { return locum_step_writer_close(&writer, timeout_s); });
  writer_ = writer;
  check(status);
}

void StepWriter::abandon() {
  locum_step_writer writer = std::exchange(writer_, nullptr);
  check(unlocked([&] { return locum_step_writer_abandon(&writer); }));
}

locum_input_step InputStep::handle() const {
  if (step_ == nullptr) {
    raise(LOCUM_CLOSED, "closed: this step was released; arrays that were got of it stay");
  }
  return step_;
}

std::uint64_t InputStep::number() const {
  std::uint64_t number = 0;
  check(locum_step_number(handle(), &number));
  return number;
}

py::list InputStep::variables() const {
  struct Variables {
    locum_variables list{};
    Variables() = default;
    Variables(const Variables&) = delete;
    Variables& operator=(const Variables&) = delete;
    ~Variables() { (void)locum_variables_release(&list); }
  } found;
  check(locum_step_variables(handle(), &found.list));
  py::list variables(found.list.count);
  for (std::size_t at = 0; at < found.list.count; ++at) {
    const locum_variable& one = found.list.variables[at];
    py::tuple shape(static_cast<std::size_t>(one.rank));
    for (std::size_t dimension = 0; dimension < shape.size(); ++dimension) {
      shape[dimension] = one.shape[dimension];
    }
    variables[at] = py::make_tuple(text_of(one.name), one.type, shape, one.blocks, one.size_bytes);
  }
  return variables;
}

py::object InputStep::get(const py::str& name, int writer, double timeout_s) const {
  const Name given(name);
  locum_input_step step = handle();
  auto pin = std::make_unique<Pin>();
  check(pin->fill(
      [&](locum_view* view) { return locum_step_get(step, given.c_str(), writer, timeout_s, view); }));
  return object_of(std::move(pin));
}

void InputStep::read(const py::str& name, const py::array& into, int type, const py::object& box,
                     double timeout_s) const {
  const Name given(name);
  if (!into.writeable()) {
    throw py::value_error("the array to be read into is read-only");
  }
  const locum_array memory = described(into, type, "");
  const locum_read_options options{timeout_s, box_of(box)};
  locum_input_step step = handle();
  check(unlocked([&] { return locum_step_read(step, given.c_str(), &memory, &options); }));
}

void InputStep::release() noexcept {
  if (locum_input_step step = std::exchange(step_, nullptr)) {
    (void)locum_step_release(&step);
  }
}

StepReader::StepReader(const Ranks& ranks, const py::str& stream, int start_at, int ahead,
                       const py::object& group, const py::object& file, std::uint64_t first_step,
                       std::uint64_t every) {
  const Name given(stream);
  std::optional<Name> of_group;
  std::optional<Name> path;
  if (!group.is_none()) {
    of_group.emplace(group);
  }
  if (!file.is_none()) {
    path.emplace(file);
  }
  const locum_step_reader_options options{
      start_at, ahead, of_group ? of_group->c_str() : nullptr, path ? path->c_str() : nullptr, first_step,
      every,    {}};
  check(locum_step_reader_open(ranks.get(), given.c_str(), &options, &reader_));
}

std::unique_ptr<InputStep> StepReader::next(bool latest, double timeout_s) {
  if (reader_ == nullptr) {
    raise(LOCUM_CLOSED, "closed: this reader has left its stream; make another one");
  }
  locum_step_reader reader = reader_;
  locum_input_step step = nullptr;
  const locum_status status = unlocked([&] {
    return latest ? locum_step_latest(reader, timeout_s, &step) : locum_step_next(reader, timeout_s, &step);
  });
  if (status == LOCUM_END_OF_STREAM) {
    return nullptr;
  }
  check(status);
  return std::make_unique<InputStep>(step);
}

void StepReader::close() noexcept {
  if (locum_step_reader reader = std::exchange(reader_, nullptr)) {
    (void)unlocked([&] { return locum_step_reader_close(&reader); });
  }
}

void define_steps(py::module_& module) {
  py::class_<Ranks>(module, "Ranks").def(py::init<std::uintptr_t>());
  py::class_<StepWriter>(module, "StepWriter")
      .def(py::init<const Ranks&, const py::str&, std::uint32_t, std::uint64_t, int, std::uint32_t,
                    const py::object&>())
      .def("begin", &StepWriter::begin)
      .def("close", &StepWriter::close)
      .def("abandon", &StepWriter::abandon)
      .def_property_readonly("is_open", &StepWriter::is_open);
  py::class_<InputStep>(module, "InputStep")
      .def_property_readonly("number", &InputStep::number)
      .def("variables", &InputStep::variables)
      .def("get", &InputStep::get)
      .def("read", &InputStep::read)
      .def("release", &InputStep::release)
      .def_property_readonly("is_open", &InputStep::is_open);
  py::class_<StepReader>(module, "StepReader")
      .def(py::init<const Ranks&, const py::str&, int, int, const py::object&, const py::object&,
                    std::uint64_t, std::uint64_t>())
      .def("next", &StepReader::next)
      .def("close", &StepReader::close)
      .def_property_readonly("is_open", &StepReader::is_open);
}

}  // namespace locum::python
