#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <utility>

#include <locum/locum.h>

#include "core/python/handle.hpp"
#include "core/python/output_step.hpp"

namespace locum::python {

/// The ranks of one side of a stream, for its writer or its reader.
class Ranks {
 public:
  /// Takes over the handle.
  explicit Ranks(std::uintptr_t handle) noexcept : ranks_(handle_of<locum_ranks>(handle)) {}
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;
  ~Ranks() { (void)locum_ranks_release(&ranks_); }
  [[nodiscard]] locum_ranks get() const noexcept { return ranks_; }

 private:
  locum_ranks ranks_;
};

class StepWriter {
 public:
  StepWriter(const Ranks& ranks, const pybind11::str& stream, std::uint32_t queue_steps,
             std::uint64_t queue_bytes, int when_full, std::uint32_t rendezvous_readers,
             const pybind11::object& file);
  StepWriter(const StepWriter&) = delete;
  StepWriter& operator=(const StepWriter&) = delete;
  /// Closes the stream, without waiting for its readers.
  ~StepWriter();

  [[nodiscard]] std::unique_ptr<OutputStep> begin(double timeout_s);
  void close(double timeout_s);
  void abandon();
  [[nodiscard]] bool is_open() const noexcept { return writer_ != nullptr; }

 private:
  [[nodiscard]] locum_step_writer handle() const;

  locum_step_writer writer_ = nullptr;
};

/// A step that is read; see locum.h.
class InputStep {
 public:
  explicit InputStep(locum_input_step step) noexcept : step_(step) {}
  InputStep(const InputStep&) = delete;
  InputStep& operator=(const InputStep&) = delete;
  ~InputStep() { release(); }

  [[nodiscard]] std::uint64_t number() const;
  /// Returns (name, type, shape, blocks, size_bytes) of each variable.
  [[nodiscard]] pybind11::list variables() const;
  [[nodiscard]] pybind11::object get(const pybind11::str& name, int writer, double timeout_s) const;
  /// \param box (start, count, stride), or None
  void read(const pybind11::str& name, const pybind11::array& into, int type, const pybind11::object& box,
            double timeout_s) const;
  void release() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return step_ != nullptr; }

 private:
  [[nodiscard]] locum_input_step handle() const;

  locum_input_step step_;
};

class StepReader {
 public:
  StepReader(const Ranks& ranks, const pybind11::str& stream, int start_at, int ahead,
             const pybind11::object& group, const pybind11::object& file, std::uint64_t first_step,
             std::uint64_t every);
  StepReader(const StepReader&) = delete;
  StepReader& operator=(const StepReader&) = delete;
  ~StepReader() { close(); }

  /// Returns None at the end of the stream. \param latest whether steps in between are left out
  [[nodiscard]] std::unique_ptr<InputStep> next(bool latest, double timeout_s);
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return reader_ != nullptr; }

 private:
  locum_step_reader reader_ = nullptr;
};

void define_steps(pybind11::module_& module);

}  // namespace locum::python
