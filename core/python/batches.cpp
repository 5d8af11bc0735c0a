#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/name_list.hpp"
#include "core/python/pin.hpp"
#include "core/python/store.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

py::list Store::get_batch(const py::list& names, const py::object& missing, double timeout_s) const {
  const NameList given(names);
  const locum_get_options options{timeout_s};
  locum_store store = handle();
  std::vector<locum_view> views(names.size());
  std::vector<locum_status> statuses(names.size());
  const locum_status status = unlocked([&] {
    return locum_get_batch(store, given.size(), given.c_strings(), &options, views.data(), statuses.data());
  });
  std::vector<std::unique_ptr<Pin>> pins;
  for (std::size_t at = 0; at < views.size(); ++at) {
    pins.push_back(std::make_unique<Pin>());
    if (statuses[at] == LOCUM_OK) {
      pins.back()->take(views[at]);
    }
  }
  for (std::size_t at = 0; at < views.size(); ++at) {
    const bool may_miss = missing.ptr() != nullptr && statuses[at] == LOCUM_NOT_FOUND;
    if (statuses[at] != LOCUM_OK && !may_miss && statuses[at] == status) {
      raise(status);
    }
    if (statuses[at] != LOCUM_OK && !may_miss) {  // the text of an error that was not the first is lost
      statuses[at] = find(names[at], timeout_s, *pins[at]);
      check(statuses[at]);
    }
  }
  py::list values(names.size());
  for (std::size_t at = 0; at < views.size(); ++at) {
    values[at] = statuses[at] == LOCUM_OK ? object_of(std::move(pins[at])) : missing;
  }
  return values;
}

std::vector<locum_key> Store::put_batch(const py::list& names, const py::list& arrays,
                                        const py::list& numbers, const py::list& type_names,
                                        double timeout_s) const {
  const NameList given(names);
  const NameList of_types(type_names);
  std::vector<locum_array> values;
  for (std::size_t at = 0; at < names.size(); ++at) {
    values.push_back(
        described(arrays[at].cast<py::array>(), numbers[at].cast<int>(), of_types.c_strings()[at]));
  }
  const locum_put_options options{timeout_s, 0, false, false, nullptr, 0, {}};
  locum_store store = handle();
  std::vector<locum_key> keys(names.size());
  check(unlocked([&] {
    return locum_put_batch(store, given.size(), given.c_strings(), values.data(), &options, keys.data(),
                           nullptr);
  }));
  return keys;
}

std::vector<bool> Store::evict_batch(const py::list& names, double timeout_s) const {
  const NameList given(names);
  locum_store store = handle();
  const auto existed = std::make_unique<bool[]>(names.size());
  check(unlocked([&] {
    return locum_evict_batch(store, given.size(), given.c_strings(), timeout_s, existed.get(), nullptr);
  }));
  return std::vector<bool>(existed.get(), existed.get() + names.size());  // not a list of two pointers
}

}  // namespace locum::python
