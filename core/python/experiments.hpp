#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include <locum/locum.h>

#include "core/python/files.hpp"

namespace locum::python {

/// An experiment, whose calls are those of the C interface: they release the interpreter's lock, and raise
/// the exceptions of the package. Values are set as the bytes of stored Records. One thread at a time.
class Experiment {
 public:
  /// Options of an experiment; see locum_experiment_options.
  struct Options {
    pybind11::object commit;
    pybind11::object backend;
    std::uint64_t outside_bytes = 0;
    bool table = true;
    double table_wait_s = 0;
  };

  Experiment(const Files& files, pybind11::handle id, const Options& how);
  /// Takes over the handle.
  explicit Experiment(locum_experiment experiment) noexcept : experiment_(experiment) {}
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;
  ~Experiment();

  void set(pybind11::handle field, const pybind11::array& record) const;
  [[nodiscard]] pybind11::object get(pybind11::handle field) const;
  [[nodiscard]] bool erase(pybind11::handle field) const;
  [[nodiscard]] pybind11::list fields() const;
  /// \param field None: the URL of the folder
  [[nodiscard]] pybind11::str url(const pybind11::object& field) const;
  [[nodiscard]] pybind11::object info() const;
  void set_status(pybind11::handle status, pybind11::handle reason) const;
  void persist() const;
  void reload() const;
  [[nodiscard]] std::unique_ptr<Experiment> copy(pybind11::handle id) const;
  [[nodiscard]] bool remove() const;

 private:
  locum_experiment experiment_ = nullptr;
};

void define_experiments(pybind11::module_& module);

}  // namespace locum::python
