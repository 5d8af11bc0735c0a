#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <vector>

#include <locum/locum.h>

#include "core/python/futures.hpp"
#include "core/python/pin.hpp"
#include "core/python/stand_ins.hpp"
#include "core/python/writer.hpp"

namespace locum::python {

/// A store, whose calls are those of the C interface: they release the interpreter's lock, and raise the
/// exceptions of the package. Any thread. Times are those of the C interface, in seconds.
class Store {
 public:
  /// Takes over the handle. \param timeout_s longest wait of a call without a timeout; 0: 30
  Store(locum_store store, double timeout_s) noexcept : store_(store), timeout_s_(timeout_s) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store() { close(); }

  /// Options of a call that stores; see locum_put_options.
  struct Storing {
    double timeout_s = 0;
    double lifetime_s = 0;
    bool waits_for_room = false;
    bool is_listed = false;
    pybind11::object tag;  ///< a str, or None
  };

  /// Releases the handle: later calls are ClosedError. Waits for a session that is closed with its store.
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return store_ != nullptr; }
  [[nodiscard]] std::unique_ptr<Store> collection(pybind11::handle name) const;

  [[nodiscard]] pybind11::object get(pybind11::handle id, double timeout_s) const;
  /// The same; returns `absent`, without an exception, if there is no object.
  [[nodiscard]] pybind11::object get_or(pybind11::handle id, double timeout_s, pybind11::object absent) const;
  /// Blocks until there is an object under the name. Handlers of signals run meanwhile, and may end the wait
  /// by an exception.
  [[nodiscard]] pybind11::object wait(pybind11::handle name, double timeout_s) const;
  [[nodiscard]] std::unique_ptr<Future> get_async(pybind11::handle id, double timeout_s) const;
  [[nodiscard]] std::unique_ptr<Future> wait_async(pybind11::handle name, double timeout_s) const;
  [[nodiscard]] std::unique_ptr<Future> put_async(pybind11::handle name, const pybind11::array& array,
                                                  int type, const pybind11::str& type_name,
                                                  const Storing& how) const;
  [[nodiscard]] std::unique_ptr<Future> read_async(pybind11::handle id, const pybind11::array& into, int type,
                                                   const pybind11::str& type_name,
                                                   const pybind11::object& box, double timeout_s) const;
  /// Returns the objects under the names; `missing` in place of one that does not exist.
  [[nodiscard]] pybind11::list get_batch(const pybind11::list& names, const pybind11::object& missing,
                                         double timeout_s) const;
  /// Puts arrays under names; raises the first error. \param numbers those of the types of their elements
  [[nodiscard]] std::vector<locum_key> put_batch(const pybind11::list& names, const pybind11::list& arrays,
                                                 const pybind11::list& numbers,
                                                 const pybind11::list& type_names, double timeout_s) const;
  [[nodiscard]] std::unique_ptr<StandIn> proxy(pybind11::handle id, double timeout_s) const;
  /// Returns the bytes of an object of any type, in place.
  [[nodiscard]] pybind11::object get_bytes(pybind11::handle id, double timeout_s) const;
  /// Copies an array, or the box of it, to `into`. \param box (start, count, stride), or None
  void read(pybind11::handle id, const pybind11::array& into, int type, const pybind11::str& type_name,
            const pybind11::object& box, double timeout_s) const;

  /// \param name a str, or None
  [[nodiscard]] locum_key put(const pybind11::object& name, const pybind11::array& array, int type,
                              const pybind11::str& type_name, const Storing& how) const;
  [[nodiscard]] locum_key replace(pybind11::handle name, const pybind11::array& array, int type,
                                  const pybind11::str& type_name, const Storing& how,
                                  std::uint64_t expected_generation) const;
  /// Returns memory for that many bytes that a serialiser writes; see locum_create().
  [[nodiscard]] std::unique_ptr<Writer> create_encoded(const pybind11::object& name, std::int64_t size_bytes,
                                                       const pybind11::str& type_name,
                                                       const Storing& how) const;
  [[nodiscard]] std::unique_ptr<Writer> create(const pybind11::object& name, const pybind11::tuple& shape,
                                               int type, const Storing& how) const;
  [[nodiscard]] std::int64_t fetch_add(pybind11::handle name, std::int64_t difference,
                                       double timeout_s) const;

  /// Returns (key, size_bytes, type, type_name, shape, owner, generation, name, codec, expires_s).
  [[nodiscard]] pybind11::tuple info(pybind11::handle id, double timeout_s) const;
  [[nodiscard]] bool exists(pybind11::handle id, double timeout_s) const;
  [[nodiscard]] bool evict(pybind11::handle id, double timeout_s) const;
  /// Evicts objects by their names; returns of each whether it existed. Raises the first error.
  [[nodiscard]] std::vector<bool> evict_batch(const pybind11::list& names, double timeout_s) const;
  [[nodiscard]] pybind11::list keys(pybind11::handle prefix, double timeout_s) const;
  [[nodiscard]] std::uint64_t size(double timeout_s) const;
  [[nodiscard]] std::uint64_t clear(double timeout_s) const;
  /// Gets an object as a view. Returns the status of the C interface.
  [[nodiscard]] locum_status find(pybind11::handle id, double timeout_s, Pin& pin) const;
  /// Returns the handle. ClosedError if it was released.
  [[nodiscard]] locum_store handle() const;

 private:
  locum_store store_;
  double timeout_s_;
};

void define_store(pybind11::module_& module);

}  // namespace locum::python
