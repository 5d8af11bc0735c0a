#include "core/python/tasks.hpp"

#include <memory>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/handle.hpp"
#include "core/python/name.hpp"
#include "core/python/pin.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

void Task::done(double timeout_s) {
  locum_task task = task_;
  if (task == nullptr) {
    raise(LOCUM_CLOSED, "closed: this task was done, or given back; take another one");
  }
  const locum_status status = unlocked([&] { return locum_task_done(&task, timeout_s); });
  task_ = task;
  check(status);
}

void Task::give_back() noexcept {
  if (locum_task task = std::exchange(task_, nullptr)) {
    (void)unlocked([&] { return locum_task_release(&task); });
  }
}

TaskQueue::TaskQueue(std::uintptr_t store, const py::str& name) {
  const Name given(name);
  check(unlocked([&] { return locum_queue_open(handle_of<locum_store>(store), given.c_str(), &queue_); }));
}

std::uint64_t TaskQueue::put(const py::array& array, int type, const py::str& type_name,
                             double timeout_s) const {
  const Name type_text(type_name);
  const locum_array value = described(array, type, type_text.c_str());
  const locum_put_options options{timeout_s, 0, false, false, nullptr, 0, {}};
  locum_queue queue = queue_;
  std::uint64_t number = 0;
  check(unlocked([&] { return locum_queue_put(queue, &value, &options, &number); }));
  return number;
}

std::unique_ptr<Task> TaskQueue::take(double timeout_s) const {
  locum_queue queue = queue_;
  locum_task task = nullptr;
  auto pin = std::make_unique<Pin>();
  const locum_status status =
      pin->fill([&](locum_view* view) { return locum_queue_take(queue, timeout_s, &task, view); });
  if (status == LOCUM_END_OF_STREAM) {
    return nullptr;
  }
  check(status);
  return std::make_unique<Task>(task, object_of(std::move(pin)));
}

void TaskQueue::close() const {
  locum_queue queue = queue_;
  check(unlocked([&] { return locum_queue_close(queue); }));
}

void define_tasks(py::module_& module) {
  py::class_<Task>(module, "Task")
      .def_property_readonly("value", &Task::value)
      .def_property_readonly("is_open", &Task::is_open)
      .def("done", &Task::done)
      .def("give_back", &Task::give_back);
  py::class_<TaskQueue>(module, "TaskQueue")
      .def(py::init<std::uintptr_t, const py::str&>())
      .def("put", &TaskQueue::put)
      .def("take", &TaskQueue::take)
      .def("close", &TaskQueue::close);
}

}  // namespace locum::python
