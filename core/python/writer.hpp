#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include <locum/locum.h>

#include "core/python/futures.hpp"

namespace locum::python {

/// An object that is being made, and the NumPy array on its memory. The memory stays as long as an array
/// refers to it, also when the object was discarded. One thread at a time.
class Writer {
 public:
  /// Takes over the writer. \param array on its memory, see locum_create()
  Writer(locum_writer writer, const locum_array& array);

  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(array_); }
  /// Returns the array that is to be written; None when the object was sealed or discarded.
  [[nodiscard]] pybind11::object array() const;
  /// Returns whether other references to the array, or to a part of it, exist.
  [[nodiscard]] bool is_shared() const;
  /// Publishes the object, without a copy. REQUIRES: is_open() and not is_shared(): the memory goes with it.
  [[nodiscard]] locum_key seal(double timeout_s);
  /// The same in place of what the name is bound to; see locum_writer_replace().
  [[nodiscard]] locum_key replace(std::uint64_t expected_generation, double timeout_s);
  /// Starts a seal. REQUIRES: as of seal().
  [[nodiscard]] std::unique_ptr<Future> seal_async(double timeout_s);
  /// Gives the memory up: it is freed with the last array on it.
  void discard() noexcept { array_ = pybind11::object(); }

 private:
  /// Takes the writer, and with it the memory, from the last array on it.
  [[nodiscard]] locum_writer taken();

  pybind11::object array_;
};

void define_writer(pybind11::module_& module);

}  // namespace locum::python
