#include "core/python/files.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/exit_gate.hpp"
#include "core/python/given_names.hpp"
#include "core/python/handle.hpp"
#include "core/python/name_list.hpp"
#include "core/python/pin.hpp"
#include "core/python/saved_memory.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

/// Options of a call with a file, as the C interface takes them.
class FileOptions {
 public:
  /// REQUIRES: `how` outlives this.
  explicit FileOptions(const Files::Options& how)
      : format_(how.format), backend_(how.backend), member_(how.member) {
    options_.format = format_.c_str();
    options_.backend = backend_.c_str();
    options_.member = member_.c_str();
    options_.deadline_s = how.timeout_s;
    options_.map = how.map ? 1 : 0;
    if (!how.record.is_none()) {
      bytes_ = py::array(how.record);
      record_ = described(bytes_, LOCUM_ENCODED, "locum.record");
      options_.record = &record_;
    }
  }
  FileOptions(const FileOptions&) = delete;
  FileOptions& operator=(const FileOptions&) = delete;
  ~FileOptions() = default;
  [[nodiscard]] const locum_file_options* get() const noexcept { return &options_; }

 private:
  const MaybeName format_;
  const MaybeName backend_;
  const MaybeName member_;
  py::array bytes_;
  locum_array record_{};
  locum_file_options options_{};
};

/// The outcomes of a batch.
struct BatchOutcomes {
  std::vector<locum_status> statuses;
  GivenNames messages;

  explicit BatchOutcomes(std::size_t count) : statuses(count) {}
  /// Raises the error of a batch of which nothing was done, which has no messages.
  void check_done(locum_status status) const {
    if (status != LOCUM_OK && messages.names.count != statuses.size()) {
      raise(status);
    }
  }
  [[nodiscard]] py::object exception(std::size_t at) const {
    return exception_of(statuses[at], messages.names.names[at].first);
  }
};

}  // namespace

Files::Files(py::handle url, double kept_s, double timeout_s) {
  const Name given(url);
  const locum_files_options options{kept_s, timeout_s, {}};
  check(unlocked([&] { return locum_files_open_with(nullptr, given.c_str(), &options, &files_); }));
}

// The loads that were begun may wait for code that is left behind: nobody waits for them then.
Files::~Files() {
  if (!ExitGate::of_process().are_left_behind()) {
    close();
  }
}

void Files::close() noexcept {
  if (locum_files closing = std::exchange(files_, nullptr)) {
    (void)unlocked([&] { return locum_files_close(&closing); });
  }
}

locum_files Files::handle() const {
  if (files_ == nullptr) {
    raise(LOCUM_CLOSED, "closed: these files were closed; open them anew");
  }
  return files_;
}

void Files::add(py::handle name, py::handle url) const {
  const Name given(name);
  const Name where(url);
  locum_files files = handle();
  check(unlocked([&] { return locum_files_add(files, given.c_str(), where.c_str()); }));
}

void Files::save(py::handle path, const py::array& array, int type, const py::str& type_name,
                 const Options& how) const {
  const Name to(path);
  const Name of_type(type_name);
  const FileOptions options(how);
  const locum_array value = described(array, type, of_type.c_str());
  const SavedMemory shown(array);
  locum_files files = handle();
  check(unlocked([&] { return locum_files_save(files, to.c_str(), &value, options.get()); }));
}

py::object Files::load(py::handle path, const Options& how) const {
  const Name from(path);
  const FileOptions options(how);
  locum_files files = handle();
  auto pin = std::make_unique<Pin>();
  check(pin->fill(
      [&](locum_view* view) { return locum_files_load(files, from.c_str(), options.get(), view); }));
  return object_of(std::move(pin));
}

std::unique_ptr<Future> Files::load_async(py::handle path, const Options& how) const {
  const Name from(path);
  const FileOptions options(how);
  locum_files files = handle();
  locum_future future = nullptr;
  check(unlocked([&] { return locum_files_load_async(files, from.c_str(), options.get(), &future); }));
  return std::make_unique<Future>(future);
}

std::unique_ptr<StandIn> Files::proxy(py::handle path, const Options& how) const {
  const Name of(path);
  const FileOptions options(how);
  locum_files files = handle();
  locum_proxy proxy = nullptr;
  check(unlocked([&] { return locum_files_proxy(files, of.c_str(), options.get(), &proxy); }));
  return std::make_unique<StandIn>(proxy);
}

py::list Files::load_batch(const py::list& paths, const Options& how) const {
  const NameList from(paths);
  const FileOptions options(how);
  locum_files files = handle();
  std::vector<locum_view> views(from.size());
  BatchOutcomes outcomes(from.size());
  const locum_status status = unlocked([&] {
    return locum_files_load_batch(files, from.size(), from.c_strings(), options.get(), views.data(),
                                  outcomes.statuses.data(), &outcomes.messages.names);
  });
  std::vector<std::unique_ptr<Pin>> pins(from.size());
  for (std::size_t at = 0; at < from.size(); ++at) {
    if (outcomes.statuses[at] == LOCUM_OK) {
      pins[at] = std::make_unique<Pin>();
      pins[at]->take(views[at]);
    }
  }
  outcomes.check_done(status);
  py::list loaded(from.size());
  for (std::size_t at = 0; at < from.size(); ++at) {
    loaded[at] = pins[at] ? object_of(std::move(pins[at])) : outcomes.exception(at);
  }
  return loaded;
}

py::list Files::save_batch(const py::list& paths, const py::list& arrays, const py::list& types,
                           const py::list& type_names, const Options& how) const {
  const NameList to(paths);
  const FileOptions options(how);
  locum_files files = handle();
  std::vector<std::unique_ptr<const SavedMemory>> shown;
  std::vector<Name> of_types;
  std::vector<locum_array> values;
  of_types.reserve(to.size());
  for (std::size_t at = 0; at < to.size(); ++at) {
    const py::array array = arrays[at];
    const Name& of_type = of_types.emplace_back(type_names[at]);
    values.push_back(described(array, types[at].cast<int>(), of_type.c_str()));
    shown.push_back(std::make_unique<const SavedMemory>(array));
  }
  BatchOutcomes outcomes(to.size());
  const locum_status status = unlocked([&] {
    return locum_files_save_batch(files, to.size(), to.c_strings(), values.data(), options.get(),
                                  outcomes.statuses.data(), &outcomes.messages.names);
  });
  outcomes.check_done(status);
  py::list saved(to.size());
  for (std::size_t at = 0; at < to.size(); ++at) {
    saved[at] = outcomes.statuses[at] == LOCUM_OK ? py::none() : outcomes.exception(at);
  }
  return saved;
}

py::object Files::info(py::handle path, const Options& how) const {
  const Name of(path);
  const FileOptions options(how);
  locum_files files = handle();
  auto pin = std::make_unique<Pin>();
  check(
      pin->fill([&](locum_view* view) { return locum_files_info(files, of.c_str(), options.get(), view); }));
  return object_of(std::move(pin));
}

py::list Files::list(py::handle folder, py::handle pattern, bool recursive, bool folders,
                     const py::object& backend) const {
  const Name in(folder);
  const Name like(pattern);
  const MaybeName where(backend);
  const locum_file_list_options options{
      like.c_str(), where.c_str(), recursive ? 1U : 0U, folders ? 1U : 0U, {}};
  locum_files files = handle();
  GivenNames found;
  check(unlocked([&] { return locum_files_list_with(files, in.c_str(), &options, &found.names); }));
  return found.list();
}

int Files::kind(py::handle path, const py::object& backend) const {
  const Name of(path);
  const MaybeName where(backend);
  locum_files files = handle();
  std::int32_t kind = LOCUM_NO_FILE;
  check(unlocked([&] { return locum_files_kind(files, of.c_str(), where.c_str(), &kind); }));
  return kind;
}

void Files::make_dirs(py::handle path, const py::object& backend) const {
  const Name of(path);
  const MaybeName where(backend);
  locum_files files = handle();
  check(unlocked([&] { return locum_files_make_dirs(files, of.c_str(), where.c_str()); }));
}

bool Files::remove(py::handle path, const py::object& backend) const {
  const Name of(path);
  const MaybeName where(backend);
  locum_files files = handle();
  bool existed = false;
  check(unlocked([&] { return locum_files_remove(files, of.c_str(), where.c_str(), &existed); }));
  return existed;
}

void Files::copy(py::handle from, py::handle to, const py::object& backend) const {
  const Name source(from);
  const Name target(to);
  const MaybeName where(backend);
  locum_files files = handle();
  check(unlocked([&] { return locum_files_copy(files, source.c_str(), target.c_str(), where.c_str()); }));
}

void Files::pack(py::handle folder, py::handle archive, const py::object& backend) const {
  const Name source(folder);
  const Name target(archive);
  const MaybeName where(backend);
  locum_files files = handle();
  check(unlocked([&] { return locum_files_pack(files, source.c_str(), target.c_str(), where.c_str()); }));
}

void define_files(py::module_& module) {
  py::class_<Files::Options>(module, "FileOptions")
      .def(py::init([](const py::object& format, const py::object& backend, double timeout_s,
                       const py::object& record, bool map, const py::object& member) {
        return Files::Options{format, backend, timeout_s, record, map, member};
      }));
  py::class_<Files>(module, "Files")
      .def(py::init<py::handle, double, double>())
      .def_static(
          "of_handle",
          [](std::uintptr_t handle) { return std::make_unique<Files>(handle_of<locum_files>(handle)); })
      .def_property_readonly("is_open", &Files::is_open)
      .def("close", &Files::close)
      .def("add", &Files::add)
      .def("save", &Files::save)
      .def("load", &Files::load)
      .def("load_async", &Files::load_async)
      .def("proxy", &Files::proxy)
      .def("load_batch", &Files::load_batch)
      .def("save_batch", &Files::save_batch)
      .def("info", &Files::info)
      .def("list", &Files::list)
      .def("kind", &Files::kind)
      .def("make_dirs", &Files::make_dirs)
      .def("remove", &Files::remove)
      .def("copy", &Files::copy)
      .def("pack", &Files::pack);
}

}  // namespace locum::python
