#include "core/python/experiments.hpp"

#include <cstddef>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/given_names.hpp"
#include "core/python/name.hpp"
#include "core/python/name_list.hpp"
#include "core/python/pin.hpp"
#include "core/python/saved_memory.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

/// Calls `get` with a view, and returns the bytes of the Record that it gives.
template <class Get>
py::object record_given(Get get) {
  auto pin = std::make_unique<Pin>();
  check(pin->fill(get));
  return bytes_of(std::move(pin));
}

}  // namespace

Experiment::Experiment(const Files& files, py::handle id, const Options& how) {
  const Name given(id);
  const MaybeName commit(how.commit);
  const MaybeName backend(how.backend);
  locum_experiment_options options{};
  options.commit = commit.c_str();
  options.backend = backend.c_str();
  options.outside_bytes = how.outside_bytes;
  options.no_table = how.table ? 0 : 1;
  options.table_wait_s = how.table_wait_s;
  locum_files in = files.handle();
  check(unlocked([&] { return locum_experiment_open(in, given.c_str(), &options, &experiment_); }));
}

Experiment::~Experiment() {
  if (experiment_ != nullptr) {
    (void)locum_experiment_close(&experiment_);
  }
}

void Experiment::set(py::handle field, const py::array& record) const {
  const Name name(field);
  const locum_array value = described(record, LOCUM_ENCODED, "locum.record");
  const SavedMemory shown(record);
  check(unlocked([&] { return locum_experiment_set(experiment_, name.c_str(), &value); }));
}

py::object Experiment::get(py::handle field) const {
  const Name name(field);
  auto pin = std::make_unique<Pin>();
  check(pin->fill([&](locum_view* view) { return locum_experiment_get(experiment_, name.c_str(), view); }));
  return object_of(std::move(pin));
}

bool Experiment::erase(py::handle field) const {
  const Name name(field);
  bool existed = false;
  check(unlocked([&] { return locum_experiment_erase(experiment_, name.c_str(), &existed); }));
  return existed;
}

py::list Experiment::fields() const {
  GivenNames names;
  check(unlocked([&] { return locum_experiment_fields(experiment_, &names.names); }));
  return names.list();
}

py::str Experiment::url(const py::object& field) const {
  const MaybeName name(field);
  GivenNames names;
  check(unlocked([&] { return locum_experiment_url(experiment_, name.c_str(), &names.names); }));
  return names.only();
}

py::object Experiment::info() const {
  return record_given([&](locum_view* view) { return locum_experiment_info(experiment_, view); });
}

void Experiment::set_status(py::handle status, py::handle reason) const {
  const Name named(status);
  const Name why(reason);
  check(unlocked([&] { return locum_experiment_set_status(experiment_, named.c_str(), why.c_str()); }));
}

void Experiment::persist() const {
  check(unlocked([&] { return locum_experiment_persist(experiment_); }));
}

void Experiment::reload() const {
  check(unlocked([&] { return locum_experiment_reload(experiment_); }));
}

std::unique_ptr<Experiment> Experiment::copy(py::handle id) const {
  const Name to(id);
  locum_experiment made = nullptr;
  check(unlocked([&] { return locum_experiment_copy(experiment_, to.c_str(), &made); }));
  return std::make_unique<Experiment>(made);
}

bool Experiment::remove() const {
  bool existed = false;
  check(unlocked([&] { return locum_experiment_remove(experiment_, &existed); }));
  return existed;
}

void define_experiments(py::module_& module) {
  py::class_<Experiment::Options>(module, "ExperimentOptions")
      .def(py::init([](const py::object& commit, const py::object& backend, std::uint64_t outside_bytes,
                       bool table, double table_wait_s) {
        return Experiment::Options{commit, backend, outside_bytes, table, table_wait_s};
      }));
  py::class_<Experiment>(module, "Experiment")
      .def(py::init<const Files&, py::handle, const Experiment::Options&>())
      .def("set", &Experiment::set)
      .def("get", &Experiment::get)
      .def("erase", &Experiment::erase)
      .def("fields", &Experiment::fields)
      .def("url", &Experiment::url)
      .def("info", &Experiment::info)
      .def("set_status", &Experiment::set_status)
      .def("persist", &Experiment::persist)
      .def("reload", &Experiment::reload)
      .def("copy", &Experiment::copy)
      .def("remove", &Experiment::remove);
  module.def("files_of_experiments", [](const py::object& url) {
    const MaybeName given(url);
    locum_files files = nullptr;
    check(unlocked([&] { return locum_files_of_experiments(nullptr, given.c_str(), &files); }));
    return std::make_unique<Files>(files);
  });
  module.def("experiments_list", [](const Files& files, const py::object& backend, const py::array& query) {
    const MaybeName in(backend);
    const locum_array asked = described(query, LOCUM_ENCODED, "locum.record");
    const SavedMemory shown(query);
    locum_files of = files.handle();
    return record_given(
        [&](locum_view* view) { return locum_experiments_list(of, in.c_str(), &asked, view); });
  });
  module.def("experiments_compare", [](const Files& files, const py::object& backend, const py::list& ids) {
    const MaybeName in(backend);
    const NameList of_ids(ids);
    locum_files of = files.handle();
    return record_given([&](locum_view* view) {
      return locum_experiments_compare(of, in.c_str(), of_ids.size(), of_ids.c_strings(), view);
    });
  });
  module.def("experiments_garbage",
             [](const Files& files, const py::object& backend, double older_than_s, bool removes) {
               const MaybeName in(backend);
               locum_files of = files.handle();
               return record_given([&](locum_view* view) {
                 return locum_experiments_garbage(of, in.c_str(), older_than_s, removes, view);
               });
             });
  module.def("experiments_rebuild", [](const Files& files, const py::object& backend, double wait_s) {
    const MaybeName in(backend);
    locum_files of = files.handle();
    GivenNames errors;
    check(unlocked([&] { return locum_experiments_rebuild(of, in.c_str(), wait_s, &errors.names); }));
    return errors.list();
  });
  module.def("experiments_remove", [](const Files& files, const py::object& backend, py::handle id) {
    const MaybeName in(backend);
    const Name of_id(id);
    locum_files of = files.handle();
    bool existed = false;
    check(unlocked([&] { return locum_experiments_remove(of, in.c_str(), of_id.c_str(), &existed); }));
    return existed;
  });
  module.def("record_io_write", [](const Files& files, const py::object& backend, py::handle prefix,
                                   const py::array& record) {
    const MaybeName in(backend);
    const Name under(prefix);
    const locum_array value = described(record, LOCUM_ENCODED, "locum.record");
    const SavedMemory shown(record);
    locum_files of = files.handle();
    GivenNames url;
    check(unlocked([&] { return locum_record_io_write(of, in.c_str(), under.c_str(), &value, &url.names); }));
    return url.only();
  });
  module.def("record_io_write_bytes",
             [](const Files& files, const py::object& backend, py::handle prefix, const py::array& bytes) {
               const MaybeName in(backend);
               const Name under(prefix);
               const SavedMemory shown(bytes);
               locum_files of = files.handle();
               GivenNames url;
               check(unlocked([&] {
                 return locum_record_io_write_bytes(of, in.c_str(), under.c_str(), bytes.data(),
                                                    static_cast<std::size_t>(bytes.nbytes()), &url.names);
               }));
               return url.only();
             });
  module.def("record_io_read",
             [](const Files& files, const py::object& backend, py::handle prefix, py::handle url) {
               const MaybeName in(backend);
               const Name under(prefix);
               const Name at(url);
               locum_files of = files.handle();
               auto pin = std::make_unique<Pin>();
               check(pin->fill([&](locum_view* view) {
                 return locum_record_io_read(of, in.c_str(), under.c_str(), at.c_str(), view);
               }));
               return object_of(std::move(pin));
             });
  module.def("record_io_remove",
             [](const Files& files, const py::object& backend, py::handle prefix, py::handle url) {
               const MaybeName in(backend);
               const Name under(prefix);
               const Name at(url);
               locum_files of = files.handle();
               bool existed = false;
               check(unlocked([&] {
                 return locum_record_io_remove(of, in.c_str(), under.c_str(), at.c_str(), &existed);
               }));
               return existed;
             });
}

}  // namespace locum::python
