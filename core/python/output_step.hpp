#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include <locum/locum.h>

namespace locum::python {

/// A step that is written; see locum.h. Arrays on its memory stay valid for as long as anybody refers to
/// them: also when the step was ended or discarded, or its runtime closed. One thread at a time.
class OutputStep {
 public:
  explicit OutputStep(locum_output_step step) : step_(std::make_shared<Handle>(step)) {}
  OutputStep(const OutputStep&) = delete;
  OutputStep& operator=(const OutputStep&) = delete;
  ~OutputStep() { discard(); }

  /// \param block (shape, start), or None for a local array or a value
  void put(const pybind11::str& name, const pybind11::array& array, int type, const pybind11::object& block,
           double timeout_s);
  /// Returns an array on memory of the store, which is read-only from the end of the step on.
  [[nodiscard]] pybind11::object create(const pybind11::str& name, const pybind11::tuple& count, int type,
                                        const pybind11::object& block, double timeout_s);
  void end(double timeout_s);
  void discard() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return step_ != nullptr && step_->step != nullptr; }

 private:
  /// The handle of the C interface: discarded with the last that refers to it.
  struct Handle {
    locum_output_step step;

    explicit Handle(locum_output_step taken) noexcept : step(taken) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
      if (step != nullptr) {
        (void)locum_step_discard(&step);
      }
    }
  };
  struct Memory;

  [[nodiscard]] locum_output_step handle() const;
  [[nodiscard]] locum_status let_go() noexcept;

  std::shared_ptr<Handle> step_;
  std::vector<pybind11::object> created_;
  bool is_ending_ = false;  ///< a thread is in end() or discard()
};

void define_output_step(pybind11::module_& module);

}  // namespace locum::python
