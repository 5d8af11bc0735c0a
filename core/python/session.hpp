#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include <locum/locum.h>

#include "core/python/files.hpp"
#include "core/python/store.hpp"

namespace locum::python {

/// Stores over the backend of a URL, until it is closed. Any thread.
class Session {
 public:
  Session(pybind11::handle url, double timeout_s, std::uint32_t most_threads);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { (void)end(); }

  /// Closes the session; the second time does nothing.
  void close();
  [[nodiscard]] bool is_open() const noexcept { return session_ != nullptr; }
  [[nodiscard]] std::unique_ptr<Store> store(pybind11::handle name) const;
  /// Returns the files of a URL, which are loaded as objects of the session.
  [[nodiscard]] std::unique_ptr<Files> files(pybind11::handle url, double kept_s, double timeout_s) const;

 private:
  /// Returns the handle. ClosedError if it was released.
  [[nodiscard]] locum_session handle() const;
  locum_status end() noexcept;

  locum_session session_ = nullptr;
  double timeout_s_;
};

/// Adds the class, and `open(url, timeout_s, most_threads)`, a store that has a session of its own.
void define_session(pybind11::module_& module);

}  // namespace locum::python
