#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>

#include <locum/locum.h>

#include "core/python/futures.hpp"
#include "core/python/stand_ins.hpp"

namespace locum::python {

/// Files in formats, whose calls are those of the C interface: they release the interpreter's lock, and raise
/// the exceptions of the package. Any thread.
class Files {
 public:
  /// A time of 0 is the default.
  Files(pybind11::handle url, double kept_s, double timeout_s);
  /// Takes over the handle.
  explicit Files(locum_files files) noexcept : files_(files) {}
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files();

  /// Options of a call with a file; see locum_file_options. Each is None for its default.
  struct Options {
    pybind11::object format;
    pybind11::object backend;
    double timeout_s = 0;
    pybind11::object record;  ///< an array of uint8 with the bytes of a stored Record
    bool map = false;
    pybind11::object member;
  };

  /// Returns the handle. ClosedError if it was released.
  [[nodiscard]] locum_files handle() const;
  /// Releases the handle: later calls are ClosedError.
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return files_ != nullptr; }
  void add(pybind11::handle name, pybind11::handle url) const;

  void save(pybind11::handle path, const pybind11::array& array, int type, const pybind11::str& type_name,
            const Options& how) const;
  /// Returns the object, in place; a Record as its bytes.
  [[nodiscard]] pybind11::object load(pybind11::handle path, const Options& how) const;
  /// Begins to load the object.
  [[nodiscard]] std::unique_ptr<Future> load_async(pybind11::handle path, const Options& how) const;
  [[nodiscard]] std::unique_ptr<StandIn> proxy(pybind11::handle path, const Options& how) const;
  /// Returns for each path what load() returns, or the exception that it raises.
  [[nodiscard]] pybind11::list load_batch(const pybind11::list& paths, const Options& how) const;
  /// Returns for each path None, or the exception.
  [[nodiscard]] pybind11::list save_batch(const pybind11::list& paths, const pybind11::list& arrays,
                                          const pybind11::list& types, const pybind11::list& type_names,
                                          const Options& how) const;
  /// Returns the bytes of a Record.
  [[nodiscard]] pybind11::object info(pybind11::handle path, const Options& how) const;

  // In these, a backend is a str, or None.
  [[nodiscard]] pybind11::list list(pybind11::handle folder, pybind11::handle pattern, bool recursive,
                                    bool folders, const pybind11::object& backend) const;
  /// Returns a locum_file_kind.
  [[nodiscard]] int kind(pybind11::handle path, const pybind11::object& backend) const;
  void make_dirs(pybind11::handle path, const pybind11::object& backend) const;
  [[nodiscard]] bool remove(pybind11::handle path, const pybind11::object& backend) const;
  void copy(pybind11::handle from, pybind11::handle to, const pybind11::object& backend) const;
  void pack(pybind11::handle folder, pybind11::handle archive, const pybind11::object& backend) const;

 private:
  locum_files files_ = nullptr;
};

void define_files(pybind11::module_& module);

}  // namespace locum::python
