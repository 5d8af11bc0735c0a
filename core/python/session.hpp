#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include <locum/locum.h>

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

 private:
  locum_status end() noexcept;

  locum_session session_ = nullptr;
  double timeout_s_;
};

/// Adds the class, and `open(url, timeout_s, most_threads)`, a store that has a session of its own.
void define_session(pybind11::module_& module);

}  // namespace locum::python
