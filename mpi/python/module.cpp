// The module locum._mpi: the C interface of an MPI job in Python. The package locum loads it when a program
// opens a runtime.
#include <mpi.h>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <locum/locum_mpi.h>

#include "core/python/box.hpp"
#include "core/python/handle.hpp"
#include "core/python/name.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

/// Raises the exception of a status; the module of the stores makes it, which has the classes.
void check(locum_status status) {
  if (status != LOCUM_OK) {
    py::module_::import("locum._native")
        .attr("raise_status")(static_cast<int>(status), locum_error_message());
  }
}

/// A str, or None.
class MaybeText {
 public:
  explicit MaybeText(const py::object& text) {
    if (!text.is_none()) {
      text_.emplace(text);
    }
  }
  [[nodiscard]] const char* c_str() const noexcept { return text_ ? text_->c_str() : nullptr; }

 private:
  std::optional<Name> text_;
};

/// Returns the communicator at this address, which mpi4py tells.
MPI_Comm communicator_at(std::uintptr_t address) noexcept {
  return *handle_of<const MPI_Comm*>(address);
}

template <class Handle>
std::uintptr_t number_of(Handle handle) noexcept {
  return reinterpret_cast<std::uintptr_t>(handle);
}

std::string text_of(locum_string& string) {
  std::string text(string.text, string.length);
  (void)locum_string_release(&string);
  return text;
}

py::tuple tuple_of(const locum_checkpoint_report& report) {
  return py::make_tuple(report.objects, report.bytes, report.reused_bytes, report.files, report.number,
                        report.damaged_objects);
}

/// Returns what a checkpoint contains, whose future has this number.
py::tuple checkpoint_of(std::uintptr_t number, double timeout_s) {
  locum_future future = handle_of<locum_future>(number);
  locum_checkpoint_report report{};
  check(unlocked([&] { return locum_future_checkpoint(future, timeout_s, &report); }));
  return tuple_of(report);
}

/// A runtime; see locum_mpi.h. Its calls release the interpreter's lock.
class Runtime {
 public:
  Runtime(std::uintptr_t communicator, const py::dict& given) {
    locum_runtime_options options{};
    const auto number = [&](const char* name, auto& into) {
      if (given.contains(name)) {
        into = given[name].cast<std::remove_reference_t<decltype(into)>>();
      }
    };
    number("memory_bytes", options.memory_bytes);
    number("timeout_s", options.timeout_s);
    number("collective_timeout_s", options.collective_timeout_s);
    number("peer_timeout_s", options.peer_timeout_s);
    number("prefetch_bytes", options.prefetch_bytes);
    number("prepare_bytes", options.prepare_bytes);
    number("spill_bytes", options.spill_bytes);
    number("ranks_per_node", options.ranks_per_node);
    number("transport", options.transport);
    number("log", options.log);
    number("checkpoint_signal", options.checkpoint_signal);
    number("as_others", options.as_others);
    const auto text = [&](const char* name) {
      return MaybeText(given.contains(name) ? py::object(given[name]) : py::none());
    };
    const MaybeText spill_folder = text("spill_folder");
    const MaybeText stores = text("stores");
    const MaybeText own_name = text("name");
    options.spill_folder = spill_folder.c_str();
    options.stores = stores.c_str();
    options.name = own_name.c_str();
    const MPI_Comm ranks = communicator_at(communicator);
    check(unlocked([&] { return locum_runtime_open(ranks, &options, &runtime_); }));
  }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  // One that is left is closed by MPI_Finalize.
  ~Runtime() = default;

  void close(double timeout_s) {
    if (runtime_ != nullptr) {
      check(unlocked([&] { return locum_runtime_close(&runtime_, timeout_s); }));
    }
  }
  [[nodiscard]] bool is_open() const noexcept { return runtime_ != nullptr; }
  [[nodiscard]] py::tuple place() const {
    locum_place place{};
    check(locum_runtime_place(runtime_, &place));
    return py::make_tuple(place.rank, place.ranks, place.node, place.nodes);
  }

  /// Returns the number of the handle. \param options (timeout_s, memory_bytes, lifetime_s, checksum,
  /// connector), or None
  [[nodiscard]] std::uintptr_t store(const py::str& name, const py::object& options) const {
    const Name given(name);
    locum_store_options how{};
    std::optional<MaybeText> connector;
    if (!options.is_none()) {
      const auto values = options.cast<py::tuple>();
      connector.emplace(values[4]);
      how = {values[0].cast<double>(), values[1].cast<std::uint64_t>(),
             values[2].cast<double>(), values[3].cast<bool>(),
             connector->c_str(),       {}};
    }
    locum_store store = nullptr;
    const bool has_options = !options.is_none();
    check(unlocked(
        [&] { return locum_runtime_store(runtime_, given.c_str(), has_options ? &how : nullptr, &store); }));
    return number_of(store);
  }
  /// Returns the number of the handle.
  [[nodiscard]] std::uintptr_t files(const py::str& url, double kept_s, double timeout_s) const {
    const Name given(url);
    const locum_files_options options{kept_s, timeout_s, {}};
    locum_files files = nullptr;
    check(unlocked([&] { return locum_files_of_with(runtime_, given.c_str(), &options, &files); }));
    return number_of(files);
  }
  void drop(const py::str& name, double timeout_s) const {
    const Name given(name);
    check(unlocked([&] { return locum_runtime_drop(runtime_, given.c_str(), timeout_s); }));
  }
  void flush(double timeout_s) const {
    check(unlocked([&] { return locum_runtime_flush(runtime_, timeout_s); }));
  }
  [[nodiscard]] std::string report() const {
    locum_string text{};
    check(unlocked([&] { return locum_runtime_report(runtime_, &text); }));
    return text_of(text);
  }
  [[nodiscard]] std::string report_all(double timeout_s) const {
    locum_string text{};
    check(unlocked([&] { return locum_runtime_report_all(runtime_, timeout_s, &text); }));
    return text_of(text);
  }
  [[nodiscard]] std::vector<std::int32_t> lost_ranks() const {
    std::size_t count = 0;
    check(locum_runtime_lost_ranks(runtime_, nullptr, 0, &count));
    std::vector<std::int32_t> ranks(count);
    check(locum_runtime_lost_ranks(runtime_, ranks.data(), ranks.size(), &count));
    ranks.resize(std::min(count, ranks.size()));
    return ranks;
  }
  /// Returns the number of the handle.
  [[nodiscard]] std::uintptr_t ranks(std::uintptr_t communicator) const {
    const MPI_Comm of = communicator_at(communicator);
    locum_ranks ranks = nullptr;
    check(unlocked([&] { return locum_runtime_ranks(runtime_, of, &ranks); }));
    return number_of(ranks);
  }

  [[nodiscard]] py::tuple checkpoint(const py::str& store, const py::str& path, const py::object& prefix,
                                     std::uint32_t keep, std::int32_t compress, bool incremental, bool xdmf,
                                     double timeout_s) const {
    const Name of(store);
    const Name to(path);
    const MaybeText begin(prefix);
    const locum_checkpoint_options options{timeout_s, begin.c_str(), keep, compress, incremental, xdmf, {}};
    locum_checkpoint_report report{};
    check(unlocked([&] { return locum_checkpoint(runtime_, of.c_str(), to.c_str(), &options, &report); }));
    return tuple_of(report);
  }
  /// Returns the number of the future.
  [[nodiscard]] std::uintptr_t checkpoint_async(const py::str& store, const py::str& path,
                                                const py::object& prefix, std::uint32_t keep,
                                                std::int32_t compress, bool incremental, bool xdmf,
                                                double timeout_s) const {
    const Name of(store);
    const Name to(path);
    const MaybeText begin(prefix);
    const locum_checkpoint_options options{timeout_s, begin.c_str(), keep, compress, incremental, xdmf, {}};
    locum_future future = nullptr;
    check(unlocked(
        [&] { return locum_checkpoint_async(runtime_, of.c_str(), to.c_str(), &options, &future); }));
    return number_of(future);
  }
  /// Returns the number of the stand-in. \param type of the elements; 0: whatever they are
  [[nodiscard]] std::uintptr_t proxy_of_hdf5(const py::str& path, const py::str& dataset, std::int32_t type,
                                             const py::object& box, const py::str& store,
                                             double timeout_s) const {
    const Name of(path);
    const Name part(dataset);
    const Name into(store);
    const locum_hdf5_options options{timeout_s, into.c_str(), box_of(box), {}};
    locum_proxy proxy = nullptr;
    check(unlocked(
        [&] { return locum_proxy_of_hdf5(runtime_, of.c_str(), part.c_str(), type, &options, &proxy); }));
    return number_of(proxy);
  }
  [[nodiscard]] py::tuple restore(const py::str& store, const py::str& path, bool latest,
                                  const py::object& prefix, bool forget_handles, bool skip_damaged, bool lazy,
                                  double timeout_s) const {
    const Name into(store);
    const Name from(path);
    const MaybeText begin(prefix);
    const locum_restore_options options{timeout_s, begin.c_str(), forget_handles, skip_damaged, lazy, {}};
    locum_checkpoint_report report{};
    check(unlocked([&] {
      return latest ? locum_restore_latest(runtime_, into.c_str(), from.c_str(), &options, &report)
                    : locum_restore(runtime_, into.c_str(), from.c_str(), &options, &report);
    }));
    return tuple_of(report);
  }
  [[nodiscard]] bool checkpoint_requested(double timeout_s) const {
    bool requested = false;
    check(unlocked([&] { return locum_checkpoint_requested(runtime_, timeout_s, &requested); }));
    return requested;
  }

 private:
  locum_runtime runtime_ = nullptr;
};

}  // namespace

}  // namespace locum::python

PYBIND11_MODULE(_mpi, module) {
  using namespace locum::python;
  module.attr("communicator_bytes") = sizeof(MPI_Comm);
  module.def("library_version", [] {
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    MPI_Get_library_version(text, &length);
    return std::string(text, static_cast<std::size_t>(length));
  });
  py::class_<Runtime>(module, "Runtime")
      .def(py::init<std::uintptr_t, const py::dict&>())
      .def("close", &Runtime::close)
      .def_property_readonly("is_open", &Runtime::is_open)
      .def("place", &Runtime::place)
      .def("store", &Runtime::store)
      .def("files", &Runtime::files)
      .def("drop", &Runtime::drop)
      .def("flush", &Runtime::flush)
      .def("report", &Runtime::report)
      .def("report_all", &Runtime::report_all)
      .def("lost_ranks", &Runtime::lost_ranks)
      .def("ranks", &Runtime::ranks)
      .def("checkpoint", &Runtime::checkpoint)
      .def("checkpoint_async", &Runtime::checkpoint_async)
      .def_static("checkpoint_of", &checkpoint_of)
      .def("proxy_of_hdf5", &Runtime::proxy_of_hdf5)
      .def("restore", &Runtime::restore)
      .def("checkpoint_requested", &Runtime::checkpoint_requested);
}
