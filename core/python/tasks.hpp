#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>

#include <locum/locum.h>

namespace locum::python {

/// A task that this process has taken. Given back unless it is done.
class Task {
 public:
  Task(locum_task task, pybind11::object value) noexcept : task_(task), value_(std::move(value)) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() { give_back(); }

  [[nodiscard]] const pybind11::object& value() const noexcept { return value_; }
  [[nodiscard]] bool is_open() const noexcept { return task_ != nullptr; }
  void done(double timeout_s);
  void give_back() noexcept;

 private:
  locum_task task_;
  pybind11::object value_;
};

/// A queue of tasks; see locum.h.
class TaskQueue {
 public:
  TaskQueue(std::uintptr_t store, const pybind11::str& name);
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;
  ~TaskQueue() { (void)locum_queue_release(&queue_); }

  [[nodiscard]] std::uint64_t put(const pybind11::array& array, int type, const pybind11::str& type_name,
                                  double timeout_s) const;
  /// Returns None once the queue was closed, and all tasks are done.
  [[nodiscard]] std::unique_ptr<Task> take(double timeout_s) const;
  void close() const;

 private:
  locum_queue queue_ = nullptr;
};

void define_tasks(pybind11::module_& module);

}  // namespace locum::python
