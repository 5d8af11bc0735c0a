#include "core/python/output_step.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/name.hpp"
#include "core/python/pin.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

constexpr const char* memory_name = "locum.step_memory";

std::optional<locum_block> block_of(const py::object& block) {
  if (block.is_none()) {
    return std::nullopt;
  }
  const auto parts = block.cast<py::tuple>();
  const auto shape = parts[0].cast<py::tuple>();
  const auto start = parts[1].cast<py::tuple>();
  if (shape.size() > LOCUM_MAX_RANK || start.size() != shape.size()) {
    throw py::value_error("a block has a shape and a start of the same number of dimensions, at most 8");
  }
  locum_block made{};
  made.rank = static_cast<std::int32_t>(shape.size());
  for (std::size_t at = 0; at < shape.size(); ++at) {
    made.shape[at] = shape[at].cast<std::int64_t>();
    made.start[at] = start[at].cast<std::int64_t>();
  }
  return made;
}

}  // namespace

/// What an array refers to: the step, whose memory it has; from its end on, the object of this block alone.
struct OutputStep::Memory {
  std::shared_ptr<Handle> step;
  bool has_elements;
  Pin kept;

  Memory(std::shared_ptr<Handle> of, bool elements) noexcept : step(std::move(of)), has_elements(elements) {}
};

locum_output_step OutputStep::handle() const {
  if (is_ending_) {
    raise(LOCUM_INVALID_ARGUMENT,
          "invalid_argument: another thread ends this step; one thread at a time may use it");
  }
  if (!is_open()) {
    raise(LOCUM_CLOSED, "closed: this step was ended or discarded; begin the next one");
  }
  return step_->step;
}

void OutputStep::put(const py::str& name, const py::array& array, int type, const py::object& block,
                     double timeout_s) {
  const Name given(name);
  const locum_array value = described(array, type, "");
  const auto place = block_of(block);
  locum_output_step step = handle();
  check(unlocked(
      [&] { return locum_step_put(step, given.c_str(), &value, place ? &*place : nullptr, timeout_s); }));
}

py::object OutputStep::create(const py::str& name, const py::tuple& count, int type, const py::object& block,
                              double timeout_s) {
  const Name given(name);
  if (count.size() > LOCUM_MAX_RANK) {
    throw py::value_error("an array of the store has at most 8 dimensions");
  }
  locum_array array{};
  array.type = type;
  array.rank = static_cast<std::int32_t>(count.size());
  for (std::size_t at = 0; at < count.size(); ++at) {
    array.extents[at] = count[at].cast<std::int64_t>();
  }
  const auto place = block_of(block);
  locum_output_step step = handle();
  check(unlocked(
      [&] { return locum_step_create(step, given.c_str(), &array, place ? &*place : nullptr, timeout_s); }));
  const bool has_elements =
      std::all_of(array.extents, array.extents + array.rank, [](std::int64_t extent) { return extent > 0; });
  auto memory = std::make_unique<Memory>(step_, has_elements);
  auto owner =
      py::reinterpret_steal<py::object>(PyCapsule_New(memory.get(), memory_name, [](PyObject* capsule) {
        delete static_cast<Memory*>(PyCapsule_GetPointer(capsule, memory_name));
      }));
  if (!owner) {
    throw py::error_already_set();
  }
  (void)memory.release();
  return created_.emplace_back(array_over(array, 0, std::move(owner), true));
}

// Makes the arrays read-only, and those that somebody else refers to independent of the step; the others are
// dropped. An array that cannot be made so still refers to the step, and stays here.
locum_status OutputStep::let_go() noexcept {
  locum_output_step step = step_->step;
  locum_status first = LOCUM_OK;
  auto arrays = std::move(created_);
  for (py::object& array : arrays) {
    auto* const fields = py::detail::array_proxy(array.ptr());
    fields->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    if (has_other_users(array)) {
      auto* const memory = static_cast<Memory*>(PyCapsule_GetPointer(memory_owner(array).ptr(), memory_name));
      const void* const data = memory->has_elements ? fields->data : nullptr;
      const locum_status status = data == nullptr ? LOCUM_OK : memory->kept.fill([&](locum_view* view) {
        return locum_step_keep(step, data, 0, view);
      });
      if (status != LOCUM_OK) {
        first = first == LOCUM_OK ? status : first;
        continue;
      }
      memory->step.reset();
    }
    array = py::object();
  }
  std::erase_if(arrays, [](const py::object& array) { return !array; });
  created_ = std::move(arrays);
  return first;
}

void OutputStep::end(double timeout_s) {
  locum_output_step step = handle();
  const auto held = step_;
  is_ending_ = true;  // the interpreter's lock is let go of from here on
  locum_status status = let_go();
  if (status == LOCUM_OK) {
    status = unlocked([&] { return locum_step_end(&step, timeout_s); });
    held->step = step;  // which stays, if another thread uses it
  }
  is_ending_ = false;
  check(status);
}

// What depends on the step when its runtime is closed keeps it: it is discarded with the last such array.
void OutputStep::discard() noexcept {
  if (is_ending_) {
    return;
  }
  is_ending_ = true;
  if (is_open() && let_go() == LOCUM_OK) {
    (void)locum_step_discard(&step_->step);  // which stays, if another thread uses it
  } else {
    step_.reset();
    created_.clear();
  }
  is_ending_ = false;
}

void define_output_step(py::module_& module) {
  py::class_<OutputStep>(module, "OutputStep")
      .def("put", &OutputStep::put)
      .def("create", &OutputStep::create)
      .def("end", &OutputStep::end)
      .def("discard", &OutputStep::discard)
      .def_property_readonly("is_open", &OutputStep::is_open);
}

}  // namespace locum::python
